// Strategies of exact attention.
#include "mf/Codegen/Strategy/Strategies.h"

using namespace mlir;
using namespace mlir::mf;

/// The sums of a register tile are a half to three quarters of the registers; keys or values and a weight are in
/// others.
static CPUFlashAttr makeStrategy(ComputeOpInterface op, CPUTargetAttr target, int64_t queries, int64_t keys) {
  bool manyRegisters = target.getVectorBits() == 512 || target.getTriple().starts_with("aarch64");
  return CPUFlashAttr::get(op.getContext(), queries, keys, /*rows=*/6, /*vectors=*/manyRegisters ? 4 : 2,
                           target.getLanes());
}

/// Keys and values of tensors are copied for each tile of queries: as many queries as have their state, twice, in a third
/// of the second-level cache. Blocks of a cache are read where they are.
static int64_t getQueries(ComputeOpInterface op, CPUTargetAttr target) {
  int64_t features = cast<ShapedType>(op->getOperand(0).getType()).getDimSize(2);
  if (ShapedType::isDynamic(features))
    return 96;
  int64_t cached = std::clamp<int64_t>(192 * 64 / std::max<int64_t>(features, 1) / 6 * 6, 24, 192);
  if (!isa<AttentionOp>(op))
    return cached;
  int64_t stateBytes = (3 * features + 2 * target.getLanes() + 2) * 4;
  return std::clamp<int64_t>(target.getL2Bytes() / 3 / stateBytes / 6 * 6, 24, 384);
}

CPUFlashAttr mlir::mf::selectAttentionStrategy(ComputeOpInterface op, CPUTargetAttr target) {
  return makeStrategy(op, target, getQueries(op, target), /*keys=*/128);
}

SmallVector<StrategyAttrInterface> mlir::mf::listAttentionStrategies(ComputeOpInterface op, CPUTargetAttr target) {
  SmallVector<StrategyAttrInterface> strategies;
  for (int64_t queries : {24, 48, 96, 192, 384})
    for (int64_t keys : {64, 128, 256})
      strategies.push_back(makeStrategy(op, target, queries, keys));
  return strategies;
}
