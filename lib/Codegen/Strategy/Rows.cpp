// Strategies of the ops that go row by row.
#include "mf/Codegen/Strategy/Strategies.h"

using namespace mlir;
using namespace mlir::mf;

CPURowsAttr mlir::mf::selectRowsStrategy(ComputeOpInterface op, CPUTargetAttr target) {
  int64_t tokens = isa<UpdateStateOp>(op) ? 0 : kTokenTile;
  return CPURowsAttr::get(op.getContext(), tokens, target.getLanes());
}

SmallVector<StrategyAttrInterface> mlir::mf::listRowsStrategies(ComputeOpInterface op, CPUTargetAttr target) {
  if (isa<UpdateStateOp>(op))
    return {};
  SmallVector<StrategyAttrInterface> strategies;
  for (int64_t tokens : {8, 16, 32, 64})
    strategies.push_back(CPURowsAttr::get(op.getContext(), tokens, target.getLanes()));
  return strategies;
}
