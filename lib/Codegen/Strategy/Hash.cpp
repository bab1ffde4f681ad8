// Strategies of hashes.
#include "mf/Codegen/Strategy/Strategies.h"

using namespace mlir;
using namespace mlir::mf;

// One vector of 512 bits, two of 256, four of 128: narrower targets interleave vectors, so that latency is hidden.
static constexpr int64_t chunksAtOnce = 16;

CPUHashAttr mlir::mf::selectHashStrategy(HashOp op, CPUTargetAttr target) {
  return CPUHashAttr::get(op.getContext(), /*tokens=*/kTokenTile, /*tables=*/std::max(chunksAtOnce, target.getLanes()));
}

SmallVector<StrategyAttrInterface> mlir::mf::listHashStrategies(HashOp op, CPUTargetAttr target) {
  SmallVector<StrategyAttrInterface> strategies;
  for (int64_t tables : {target.getLanes() * 2, target.getLanes(), target.getLanes() / 2})
    strategies.push_back(CPUHashAttr::get(op.getContext(), kTokenTile, tables));
  return strategies;
}
