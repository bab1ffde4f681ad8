// Strategies of exact attention.
#include "mf/Codegen/Strategy/Strategies.h"

using namespace mlir;
using namespace mlir::mf;

CPUFlashAttr mlir::mf::selectAttentionStrategy(ComputeOpInterface op, CPUTargetAttr target) {
  int64_t lanes = target.getLanes();
  return CPUFlashAttr::get(op.getContext(), /*queries=*/16, /*keys=*/4 * lanes, lanes);
}

SmallVector<StrategyAttrInterface> mlir::mf::listAttentionStrategies(ComputeOpInterface op, CPUTargetAttr target) {
  SmallVector<StrategyAttrInterface> strategies;
  int64_t lanes = target.getLanes();
  for (int64_t queries : {4, 8, 16, 32, 64})
    for (int64_t vectors : {1, 2, 4, 8})
      strategies.push_back(CPUFlashAttr::get(op.getContext(), queries, vectors * lanes, lanes));
  return strategies;
}
