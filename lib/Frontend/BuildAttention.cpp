// Attention of a block, and the sequence states that it reads and updates.
#include "BuildModel.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>

using namespace mlir;
using namespace mlir::mf;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Heads
//===----------------------------------------------------------------------===//

Value StepBuilder::rotate(Value heads) {
  if (!angles)
    return heads;
  Value init = empty(cast<ShapedType>(heads.getType()).getShape().drop_front());
  return RopeOp::create(builder, init.getType(), heads, positions, angles, init, StrategyAttrInterface()).getResult(0);
}

// Tokens stay apart; heads and their features together are the features of a token.
static SmallVector<ReassociationIndices> headReassociation() { return {{0}, {1, 2}}; }

Value StepBuilder::splitHeads(Value x, int64_t heads) {
  auto type = RankedTensorType::get({ShapedType::kDynamic, heads, config.headDim()}, builder.getF32Type());
  SmallVector<OpFoldResult> shape = {tokenCount, builder.getIndexAttr(heads), builder.getIndexAttr(config.headDim())};
  return tensor::ExpandShapeOp::create(builder, type, x, headReassociation(), shape);
}

Value StepBuilder::mergeHeads(Value heads) {
  auto type = RankedTensorType::get({ShapedType::kDynamic, config.numHeads * config.headDim()}, builder.getF32Type());
  return tensor::CollapseShapeOp::create(builder, type, heads, headReassociation());
}

FloatAttr StepBuilder::attentionScale() {
  return builder.getF64FloatAttr(1.0 / std::sqrt(static_cast<double>(config.headDim())));
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

SmallVector<StepBuilder::Operand> StepBuilder::makeStates(int64_t ofLayer) {
  constexpr int64_t kDynamic = ShapedType::kDynamic;
  if (config.attention.isLinear()) {
    int64_t size = config.attention.getState(builder.getContext(), config.headDim()).getSize();
    auto type = RankedTensorType::get({kDynamic, config.numHeads, size}, builder.getF32Type());
    return {makeOperand("layers." + Twine(ofLayer) + ".sums", type, {"sequences", "", ""}, /*isState=*/true)};
  }
  auto type =
      RankedTensorType::get({kDynamic, config.numKeyValueHeads, kDynamic, config.headDim()}, builder.getF32Type());
  SmallVector<Operand> operands;
  for (StringRef kind : {".keys", ".values"})
    operands.push_back(
        makeOperand("layers." + Twine(ofLayer) + kind, type, {"sequences", "", "positions", ""}, /*isState=*/true));
  return operands;
}

Value StepBuilder::updateState(Value heads, Value state) {
  return UpdateStateOp::create(builder, state.getType(), heads, slots, positions, state, CacheLayoutAttr(),
                               StrategyAttrInterface())
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

Value StepBuilder::attend(Value query, Value key, Value value) {
  query = rotate(splitHeads(query, config.numHeads));
  key = rotate(splitHeads(key, config.numKeyValueHeads));
  bool isLinear = config.attention.isLinear();
  if (config.attention.causal)
    return mergeHeads(isLinear ? attendRecurrent(query, key, value) : attendCached(query, key, value));
  return mergeHeads(isLinear ? attendLinear(query, key, value) : attendWhole(query, key, value));
}

Value StepBuilder::attendCached(Value query, Value key, Value value) {
  Value &keys = states[0], &values = states[1];
  keys = updateState(key, keys);
  values = updateState(splitHeads(value, config.numKeyValueHeads), values);
  Value init = empty({config.numHeads, config.headDim()});
  return CachedAttentionOp::create(builder, init.getType(), query, keys, values, slots, positions, init,
                                   /*scratch=*/ValueRange(), attentionScale(), CacheLayoutAttr(),
                                   CacheLayoutAttr(), StrategyAttrInterface())
      .getResult(0);
}

Value StepBuilder::attendRecurrent(Value query, Value key, Value value) {
  value = splitHeads(value, config.numKeyValueHeads);
  FeatureMapAttrInterface map = config.attention.getFeatureMap(builder.getContext());
  Value projection = map.hasProjection() ? blockParameter(kFeatureProjection) : Value();
  Value init = empty({config.numHeads, config.headDim()});
  auto op = RecurrentAttentionOp::create(
      builder, TypeRange{init.getType(), states[0].getType()}, query, key, value, slots, positions, projection, init,
      states[0], map, builder.getI64IntegerAttr(config.attention.chunk), PanelLayoutAttr(), StrategyAttrInterface());
  states[0] = op.getResult(1);
  return op.getResult(0);
}

Value StepBuilder::attendLinear(Value query, Value key, Value value) {
  value = splitHeads(value, config.numKeyValueHeads);
  FeatureMapAttrInterface map = config.attention.getFeatureMap(builder.getContext());
  Value projection = map.hasProjection() ? blockParameter(kFeatureProjection) : Value();
  Value init = empty({config.numHeads, config.headDim()});
  return LinearAttentionOp::create(builder, init.getType(), query, key, value, projection, init, /*scratch=*/Value(),
                                   /*causal=*/UnitAttr(), map, builder.getI64IntegerAttr(config.attention.chunk),
                                   AttentionFormAttr::get(builder.getContext(), AttentionForm::Chunked),
                                   PanelLayoutAttr(), StrategyAttrInterface())
      .getResult(0);
}

Value StepBuilder::projectSequence(Value x, StringRef name) {
  int64_t length = config.attention.projectedLength;
  Value weight = blockParameter(name);
  Value init = tensor::EmptyOp::create(builder, ArrayRef<int64_t>{length, config.numKeyValueHeads, config.headDim()},
                                       builder.getF32Type());
  return ProjectSequenceOp::create(builder, init.getType(), x, weight, init, StrategyAttrInterface()).getResult(0);
}

/// Softmax attention of one sequence without a mask.
Value StepBuilder::attendWhole(Value query, Value key, Value value) {
  value = splitHeads(value, config.numKeyValueHeads);
  if (config.attention.kind == AttentionConfig::Kind::Linformer) {
    key = projectSequence(key, kKeyProjection);
    value = projectSequence(value, kValueProjection);
  }
  Value init = empty({config.numHeads, config.headDim()});
  return AttentionOp::create(builder, init.getType(), query, key, value, init, /*causal=*/UnitAttr(), attentionScale(),
                             StrategyAttrInterface())
      .getResult(0);
}
