// Selection of strategies: pure functions from an op and a target to a typed attribute, one per kernel family.
#ifndef MF_CODEGEN_STRATEGY_STRATEGIES_H
#define MF_CODEGEN_STRATEGY_STRATEGIES_H

#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {

/// Tokens of a tile of everything that goes token by token. The activations of a tile stay in L1/L2 between the ops
/// that are fused, and one prompt of a few hundred tokens still gives every core a tile.
inline constexpr int64_t kTokenTile = 16;

/// A chunk per lane.
CPUHashAttr selectHashStrategy(HashOp op, CPUTargetAttr target);

/// As many accumulators as columns ask for, eight vectors at most: the rows' loads and the scores need registers too.
CPURowGatherAttr selectLookupStrategy(LookupOp op, CPUTargetAttr target);

/// Norms, sums, rotary embedding and embedding: `kTokenTile` tokens. An update of state, which is no op of the token
/// loop, has a tile of 0.
CPURowsAttr selectRowsStrategy(ComputeOpInterface op, CPUTargetAttr target);

/// Blocks of 16 queries and four vectors of keys.
CPUFlashAttr selectAttentionStrategy(ComputeOpInterface op, CPUTargetAttr target);

/// The largest register tile that leaves room for weights and activations, in tasks whose weights stay in L2.
CPUPanelGemmAttr selectLinearStrategy(LinearOp op, CPUTargetAttr target);

/// The strategy of any compute op, from the function of its family; null for an op that has none.
StrategyAttrInterface selectStrategy(ComputeOpInterface op, CPUTargetAttr target);

/// Whether the strategy of `op` is of the op's family; says what was expected otherwise.
LogicalResult verifyStrategy(ComputeOpInterface op);

} // namespace mlir::mf

#endif // MF_CODEGEN_STRATEGY_STRATEGIES_H
