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

/// So many queries that packing keys for them costs little, as far as their state fits the second-level cache and a
/// stack.
static int64_t getQueries(ComputeOpInterface op) {
  int64_t features = cast<ShapedType>(op->getOperand(0).getType()).getDimSize(2);
  if (ShapedType::isDynamic(features))
    return 96;
  return std::clamp<int64_t>(192 * 64 / std::max<int64_t>(features, 1) / 6 * 6, 24, 192);
}

CPUFlashAttr mlir::mf::selectAttentionStrategy(ComputeOpInterface op, CPUTargetAttr target) {
  return makeStrategy(op, target, getQueries(op), /*keys=*/128);
}

SmallVector<StrategyAttrInterface> mlir::mf::listAttentionStrategies(ComputeOpInterface op, CPUTargetAttr target) {
  SmallVector<StrategyAttrInterface> strategies;
  for (int64_t queries : {24, 48, 96, 192})
    for (int64_t keys : {64, 128, 256})
      strategies.push_back(makeStrategy(op, target, queries, keys));
  return strategies;
}
