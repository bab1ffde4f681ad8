// The ops of a memory block: attention, then the feed-forward part, each added to its input. And the attention itself,
// which dense blocks have too.
#include "BuildModel.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>

using namespace mlir;
using namespace mlir::mf;
using llvm::Twine;

Value StepBuilder::buildMemoryBlock(Value x, Value &keys, Value &values) {
  x = add(x, buildMemoryAttention(x, keys, values));
  return add(x, buildMemoryFeedForward(x));
}

Value StepBuilder::buildMemoryAttention(Value x, Value &keys, Value &values) {
  Value norm = rmsNorm(x, blockParameterName(config, layer, "input_layernorm.scale"), tokenCount);
  Hash shared = hash(norm, config.codeBits);
  Value query = lookup("attention.query_proj", shared);
  Value key = lookup("attention.key_proj", shared);
  Value value = lookup("attention.value_proj", shared);
  return attend(query, key, value, keys, values);
}

Value StepBuilder::attend(Value query, Value key, Value value, Value &keys, Value &values) {
  query = rotate(splitHeads(query, config.numHeads));
  keys = updateState(rotate(splitHeads(key, config.numKeyValueHeads)), keys);
  values = updateState(splitHeads(value, config.numKeyValueHeads), values);

  Value init = empty({config.numHeads, config.headDim()});
  FloatAttr scale = builder.getF64FloatAttr(1.0 / std::sqrt(static_cast<double>(config.headDim())));
  auto attention = CachedAttentionOp::create(builder, init.getType(), query, keys, values, slots, positions, init,
                                             scale, CacheLayoutAttr(), StrategyAttrInterface());
  return mergeHeads(attention.getResult(0));
}

Value StepBuilder::buildMemoryFeedForward(Value x) {
  Value norm = rmsNorm(x, blockParameterName(config, layer, "post_attention_layernorm.scale"), tokenCount);
  Value expanded = lookup("mlp.0", hash(norm, config.codeBits));
  Value weight = blockParameter("mlp.1.weight");
  Value bias = blockParameter("mlp.1.bias");
  Value init = empty({config.intermediateSize()});
  Value hidden = LayerNormOp::create(builder, init.getType(), expanded, weight, bias, init,
                                     builder.getF64FloatAttr(config.layerNormEps), StrategyAttrInterface())
                     .getResult(0);
  return lookup("mlp.2", hash(hidden, config.ffnCodeBits()));
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

Value StepBuilder::lookup(StringRef prefix, Hash hash) {
  Value tables = blockParameter(prefix + ".tables");
  Value bias = blockParameter(prefix + ".bias");
  Value init = empty({cast<ShapedType>(bias.getType()).getDimSize(0)});
  return LookupOp::create(builder, init.getType(), hash.codes, hash.scores, /*score_scales=*/Value(), tables,
                          /*table_scales=*/ValueRange(), bias, init, /*scratch=*/ValueRange(), TableLayoutAttr(),
                          StrategyAttrInterface())
      .getResult(0);
}

Value StepBuilder::rotate(Value heads) {
  if (!angles)
    return heads;
  Value init = empty(cast<ShapedType>(heads.getType()).getShape().drop_front());
  return RopeOp::create(builder, init.getType(), heads, positions, angles, init, StrategyAttrInterface()).getResult(0);
}

Value StepBuilder::updateState(Value heads, Value state) {
  return UpdateStateOp::create(builder, state.getType(), heads, slots, positions, state, CacheLayoutAttr(),
                               StrategyAttrInterface())
      .getResult(0);
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
