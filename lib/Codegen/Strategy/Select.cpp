// From an op to the family of its kernel.
#include "mf/Codegen/Strategy/Strategies.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::mf;

StrategyAttrInterface mlir::mf::selectStrategy(ComputeOpInterface op, CPUTargetAttr target) {
  return TypeSwitch<Operation *, StrategyAttrInterface>(op)
      .Case([&](HashOp hash) { return selectHashStrategy(hash, target); })
      .Case([&](LookupOp lookup) { return selectLookupStrategy(lookup, target); })
      .Case([&](LinearOp linear) { return selectLinearStrategy(linear, target); })
      .Case<AttentionOp, CachedAttentionOp>([&](auto) { return selectAttentionStrategy(op, target); })
      .Case<LinearAttentionOp, ProjectSequenceOp, RecurrentAttentionOp>(
          [&](auto) { return selectLinearAttentionStrategy(op, target); })
      .Case<ActivationOp, AddOp, EmbeddingOp, LayerNormOp, MapCodesOp, MergeTopKOp, QuantizeRowsOp, RMSNormOp, RopeOp,
            TopKOp, UpdateStateOp>([&](auto) { return selectRowsStrategy(op, target); })
      .Default(StrategyAttrInterface());
}

SmallVector<StrategyAttrInterface> mlir::mf::listStrategies(ComputeOpInterface op, CPUTargetAttr target) {
  StrategyAttrInterface selected = selectStrategy(op, target);
  if (!selected)
    return {};
  auto listed = TypeSwitch<Operation *, SmallVector<StrategyAttrInterface>>(op)
                    .Case([&](HashOp hash) { return listHashStrategies(hash, target); })
                    .Case([&](LookupOp lookup) { return listLookupStrategies(lookup, target); })
                    .Case([&](LinearOp linear) { return listLinearStrategies(linear, target); })
                    .Case<AttentionOp, CachedAttentionOp>([&](auto) { return listAttentionStrategies(op, target); })
                    .Case<LinearAttentionOp, ProjectSequenceOp, RecurrentAttentionOp>(
                        [&](auto) { return listLinearAttentionStrategies(op, target); })
                    .Default([](auto) { return SmallVector<StrategyAttrInterface>(); });
  SmallVector<StrategyAttrInterface> strategies = {selected};
  for (StrategyAttrInterface strategy : listed)
    if (!llvm::is_contained(strategies, strategy))
      strategies.push_back(strategy);
  return strategies;
}

template <typename StrategyT> static LogicalResult expectFamily(ComputeOpInterface op) {
  if (isa<StrategyT>(op.getStrategyAttr()))
    return success();
  return op.emitOpError() << "expects a strategy #mf." << StrategyT::getMnemonic() << ", found "
                          << op.getStrategyAttr();
}

LogicalResult mlir::mf::verifyStrategy(ComputeOpInterface op) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](HashOp) { return expectFamily<CPUHashAttr>(op); })
      .Case([&](LookupOp) {
        return isa<CPUStripsAttr>(op.getStrategyAttr()) ? success() : expectFamily<CPURowGatherAttr>(op);
      })
      .Case([&](LinearOp) { return expectFamily<CPUPanelGemmAttr>(op); })
      .Case<AttentionOp, CachedAttentionOp>([&](auto) { return expectFamily<CPUFlashAttr>(op); })
      .Case<LinearAttentionOp, ProjectSequenceOp, RecurrentAttentionOp>(
          [&](auto) { return expectFamily<CPULinearAttentionAttr>(op); })
      .Case<ActivationOp, AddOp, EmbeddingOp, LayerNormOp, MapCodesOp, MergeTopKOp, QuantizeRowsOp, RMSNormOp, RopeOp,
            TopKOp, UpdateStateOp>([&](auto) { return expectFamily<CPURowsAttr>(op); })
      .Default(success());
}
