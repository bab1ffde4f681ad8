// Strategies of the ops that go row by row.
#include "mf/Codegen/Strategy/Strategies.h"

using namespace mlir;
using namespace mlir::mf;

CPURowsAttr mlir::mf::selectRowsStrategy(ComputeOpInterface op, CPUTargetAttr target) {
  int64_t tokens = isa<TopKOp, UpdateStateOp>(op) ? 0 : kTokenTile;
  return CPURowsAttr::get(op.getContext(), tokens, target.getLanes());
}
