// Strategies of hashes.
#include "mf/Codegen/Strategy/Strategies.h"

using namespace mlir;
using namespace mlir::mf;

CPUHashAttr mlir::mf::selectHashStrategy(HashOp op, CPUTargetAttr target) {
  return CPUHashAttr::get(op.getContext(), /*tokens=*/kTokenTile, /*tables=*/target.getLanes());
}

SmallVector<StrategyAttrInterface> mlir::mf::listHashStrategies(HashOp op, CPUTargetAttr target) {
  SmallVector<StrategyAttrInterface> strategies;
  for (int64_t tables : {target.getLanes() * 2, target.getLanes(), target.getLanes() / 2})
    strategies.push_back(CPUHashAttr::get(op.getContext(), kTokenTile, tables));
  return strategies;
}
