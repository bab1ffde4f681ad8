// The ops of one block: attention, then the feed-forward part, each added to its input.
#include "BuildModel.h"
#include "mf/Frontend/Names.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>

using namespace mlir;
using namespace mlir::mf;
using llvm::Twine;

Value StepBuilder::buildBlock(int64_t layer, Value x, Value &keys, Value &values) {
  for (bool isAttention : {true, false}) {
    Value change = isAttention ? buildAttention(layer, x, keys, values) : buildFeedForward(layer, x);
    Value init = empty({config.hiddenSize});
    x = AddOp::create(builder, init.getType(), x, change, init, StrategyAttrInterface()).getResult(0);
  }
  return x;
}

Value StepBuilder::buildAttention(int64_t layer, Value x, Value &keys, Value &values) {
  Value norm = rmsNorm(x, blockParameterName(layer, "input_layernorm.scale"), tokenCount);
  Hash shared = hash(norm, config.codeBits);
  Value q = lookup(layer, "attention.query_proj", shared);
  Value k = lookup(layer, "attention.key_proj", shared);
  Value v = lookup(layer, "attention.value_proj", shared);
  Value query = rotate(splitHeads(q));
  keys = updateState(rotate(splitHeads(k)), keys);
  values = updateState(splitHeads(v), values);

  Value init = empty({config.numHeads, config.headDim()});
  FloatAttr scale = builder.getF64FloatAttr(1.0 / std::sqrt(static_cast<double>(config.headDim())));
  auto attention = CachedAttentionOp::create(builder, init.getType(), query, keys, values, slots, positions, init,
                                             scale, StrategyAttrInterface());
  return mergeHeads(attention.getResult(0));
}

Value StepBuilder::buildFeedForward(int64_t layer, Value x) {
  Value norm = rmsNorm(x, blockParameterName(layer, "post_attention_layernorm.scale"), tokenCount);
  Value expanded = lookup(layer, "mlp.0", hash(norm, config.codeBits));
  Value weight = parameter(blockParameterName(layer, "mlp.1.weight"));
  Value bias = parameter(blockParameterName(layer, "mlp.1.bias"));
  Value init = empty({config.intermediateSize()});
  Value hidden = LayerNormOp::create(builder, init.getType(), expanded, weight, bias, init,
                                     builder.getF64FloatAttr(config.layerNormEps), StrategyAttrInterface())
                     .getResult(0);
  return lookup(layer, "mlp.2", hash(hidden, config.ffnCodeBits()));
}

StepBuilder::Hash StepBuilder::hash(Value x, int64_t bits) {
  Type codeType = builder.getIntegerType(bits <= 8 ? 8 : 16);
  Value codes = empty(tokenCount, {config.numTables}, codeType);
  Value scores = empty({config.numTables});
  auto op = HashOp::create(builder, TypeRange{codes.getType(), scores.getType()}, x, codes, scores,
                           ScoreKindAttr::get(builder.getContext(), config.score), builder.getI64IntegerAttr(bits),
                           builder.getF64FloatAttr(config.temperature), StrategyAttrInterface());
  return {op.getResult(0), op.getResult(1)};
}

Value StepBuilder::lookup(int64_t layer, StringRef prefix, Hash hash) {
  Value tables = parameter(blockParameterName(layer, (prefix + ".tables").str()));
  Value bias = parameter(blockParameterName(layer, (prefix + ".bias").str()));
  Value init = empty({cast<ShapedType>(bias.getType()).getDimSize(0)});
  return LookupOp::create(builder, init.getType(), hash.codes, hash.scores, /*score_scales=*/Value(), tables,
                          /*table_scales=*/ValueRange(), bias, init, /*scratch=*/ValueRange(), TableLayoutAttr(),
                          StrategyAttrInterface())
      .getResult(0);
}

Value StepBuilder::rotate(Value heads) {
  if (!angles)
    return heads;
  Value init = empty({config.numHeads, config.headDim()});
  return RopeOp::create(builder, init.getType(), heads, positions, angles, init, StrategyAttrInterface()).getResult(0);
}

Value StepBuilder::updateState(Value heads, Value state) {
  return UpdateStateOp::create(builder, state.getType(), heads, slots, positions, state, StrategyAttrInterface())
      .getResult(0);
}

// Tokens stay apart; heads and their features together are the features of a token.
static SmallVector<ReassociationIndices> headReassociation() { return {{0}, {1, 2}}; }

Value StepBuilder::splitHeads(Value x) {
  auto type = RankedTensorType::get({ShapedType::kDynamic, config.numHeads, config.headDim()}, builder.getF32Type());
  SmallVector<OpFoldResult> shape = {tokenCount, builder.getIndexAttr(config.numHeads),
                                     builder.getIndexAttr(config.headDim())};
  return tensor::ExpandShapeOp::create(builder, type, x, headReassociation(), shape);
}

Value StepBuilder::mergeHeads(Value heads) {
  auto type = RankedTensorType::get({ShapedType::kDynamic, config.hiddenSize}, builder.getF32Type());
  return tensor::CollapseShapeOp::create(builder, type, heads, headReassociation());
}
