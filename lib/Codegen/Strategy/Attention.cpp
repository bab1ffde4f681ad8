// Strategies of exact attention.
#include "mf/Codegen/Strategy/Strategies.h"

using namespace mlir;
using namespace mlir::mf;

CPUFlashAttr mlir::mf::selectAttentionStrategy(ComputeOpInterface op, CPUTargetAttr target) {
  int64_t lanes = target.getLanes();
  return CPUFlashAttr::get(op.getContext(), /*queries=*/16, /*keys=*/4 * lanes, lanes);
}
