// The ops of a memory block: attention, then the feed-forward part, each added to its input.
#include "BuildModel.h"

using namespace mlir;
using namespace mlir::mf;
using llvm::Twine;

Value StepBuilder::buildMemoryBlock(Value x) {
  x = add(x, buildMemoryAttention(x));
  return add(x, buildMemoryFeedForward(x));
}

Value StepBuilder::buildMemoryAttention(Value x) {
  Value norm = rmsNorm(x, blockParameterName(config, layer, "input_layernorm.scale"), tokenCount);
  Hash shared = hash(norm, config.codeBits);
  Value query = lookup("attention.query_proj", shared);
  Value key = lookup("attention.key_proj", shared);
  Value value = lookup("attention.value_proj", shared);
  return attend(query, key, value);
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
