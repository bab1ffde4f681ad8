// Strategies of hashes.
#include "mf/Codegen/Strategy/Strategies.h"

using namespace mlir;
using namespace mlir::mf;

CPUHashAttr mlir::mf::selectHashStrategy(HashOp op, CPUTargetAttr target) {
  return CPUHashAttr::get(op.getContext(), /*tokens=*/kTokenTile, /*tables=*/target.getLanes());
}
