// Strategies of linear attention and of projected sequences.
#include "mf/Codegen/Strategy/Strategies.h"

using namespace mlir;
using namespace mlir::mf;

/// Two vectors of columns, and as many rows as leave registers for these, a factor and, without fused products, one
/// product.
CPULinearAttentionAttr mlir::mf::selectLinearAttentionStrategy(ComputeOpInterface op, CPUTargetAttr target) {
  int64_t lanes = target.getLanes();
  bool hasManyRegisters = lanes >= 16 || target.getTriple().starts_with("aarch64");
  return CPULinearAttentionAttr::get(op.getContext(), /*rows=*/hasManyRegisters ? 8 : 4, /*columns=*/2 * lanes, lanes);
}

SmallVector<StrategyAttrInterface> mlir::mf::listLinearAttentionStrategies(ComputeOpInterface op,
                                                                           CPUTargetAttr target) {
  SmallVector<StrategyAttrInterface> strategies;
  int64_t lanes = target.getLanes();
  for (int64_t rows : {2, 4, 8, 12})
    for (int64_t vectors : {1, 2, 4})
      strategies.push_back(CPULinearAttentionAttr::get(op.getContext(), rows, vectors * lanes, lanes));
  return strategies;
}
