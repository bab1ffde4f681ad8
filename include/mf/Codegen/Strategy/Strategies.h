// Selection of strategies: pure functions from an op and a target to a typed attribute, one per kernel family.
#ifndef MF_CODEGEN_STRATEGY_STRATEGIES_H
#define MF_CODEGEN_STRATEGY_STRATEGIES_H

#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {

/// Tokens of a tile of everything that goes token by token. The activations of a tile stay in L1/L2 between the ops
/// that are fused, and one prompt of a few hundred tokens still gives every core a tile.
inline constexpr int64_t kTokenTile = 16;

/// Tokens that pass a strip of tables before the next ones do, and the unit in which threads share the tokens of a
/// strip: enough that reading the strip again, from the last cache, does not show (on a Zen 4 256 cost a tenth, 512
/// nothing), few enough that more threads than there are strips have work in a long prompt.
inline constexpr int64_t kStripTokens = 512;

/// A chunk per lane, 16 chunks at once or a vector of them, whichever is more.
CPUHashAttr selectHashStrategy(HashOp op, CPUTargetAttr target);

/// Tables in strips: blocks of tables that fit the second-level cache. Other tables: a gather of rows with as many
/// accumulators as columns ask for, eight vectors at most: the rows' loads and the scores need registers too.
StrategyAttrInterface selectLookupStrategy(LookupOp op, CPUTargetAttr target);

/// Norms, sums, rotary embedding and embedding: `kTokenTile` tokens. An update of state, which is no op of the token
/// loop, has a tile of 0.
CPURowsAttr selectRowsStrategy(ComputeOpInterface op, CPUTargetAttr target);

/// Tiles of 6 queries and as many vectors as the registers hold, blocks of 128 keys.
CPUFlashAttr selectAttentionStrategy(ComputeOpInterface op, CPUTargetAttr target);

/// The largest register tile that leaves room for weights and activations, in tasks whose weights stay in L2.
CPUPanelGemmAttr selectLinearStrategy(LinearOp op, CPUTargetAttr target);

/// Rows and columns that fit the registers.
CPULinearAttentionAttr selectLinearAttentionStrategy(ComputeOpInterface op, CPUTargetAttr target);

/// The strategy of any compute op, from the function of its family; null for an op that has none.
StrategyAttrInterface selectStrategy(ComputeOpInterface op, CPUTargetAttr target);

/// Strategies to try for `op`, each once and the selected one first; the others come from the function of the family,
/// `list<Family>Strategies`. All have the selected one's token tile: ops of one tile are fused, and a model's ops are
/// tuned one by one. None for an op that has none.
SmallVector<StrategyAttrInterface> listStrategies(ComputeOpInterface op, CPUTargetAttr target);

SmallVector<StrategyAttrInterface> listHashStrategies(HashOp op, CPUTargetAttr target);
SmallVector<StrategyAttrInterface> listLookupStrategies(LookupOp op, CPUTargetAttr target);
SmallVector<StrategyAttrInterface> listAttentionStrategies(ComputeOpInterface op, CPUTargetAttr target);
SmallVector<StrategyAttrInterface> listLinearAttentionStrategies(ComputeOpInterface op, CPUTargetAttr target);
SmallVector<StrategyAttrInterface> listLinearStrategies(LinearOp op, CPUTargetAttr target);

/// What rules (`#mf.strategy_rule`) can ask about the size of `op`: `bits`, `columns`, `dtype`, `tables` of a lookup
/// and so on. Token counts are none of it: a kernel serves all.
DictionaryAttr getStrategySizes(ComputeOpInterface op);

/// The strategy of the first of `rules` that holds for `op`, null where none does. Fails, with a message, where a rule
/// for ops of that name asks for a size that they do not have.
FailureOr<StrategyAttrInterface> applyStrategyRules(ArrayAttr rules, ComputeOpInterface op, CPUTargetAttr target);

/// Whether the strategy of `op` is of the op's family; says what was expected otherwise.
LogicalResult verifyStrategy(ComputeOpInterface op);

} // namespace mlir::mf

#endif // MF_CODEGEN_STRATEGY_STRATEGIES_H
