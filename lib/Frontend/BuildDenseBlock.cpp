// The ops of a dense block: GPT-NeoX's with LayerNorm, biases and two projections in the feed-forward part, Llama's
// with RMSNorm, grouped heads and a gate. In a parallel block both parts read what the block reads.
#include "BuildModel.h"

using namespace mlir;
using namespace mlir::mf;

Value StepBuilder::buildDenseBlock(Value x, Value &keys, Value &values) {
  StringRef output = config.family == ModelFamily::Llama ? "mlp.down_proj" : "mlp.dense_4h_to_h";
  // Ops that go token by token share a loop where they follow each other, so the second norm is next to the first.
  Value attentionNorm = denseNorm(x, "input_layernorm");
  Value parallelNorm = config.dense.parallelResidual ? denseNorm(x, "post_attention_layernorm") : Value();
  x = add(x, buildDenseAttention(attentionNorm, keys, values));
  Value norm = parallelNorm ? parallelNorm : denseNorm(x, "post_attention_layernorm");
  return add(x, project(buildHidden(norm), output, config.dense.mlpBias));
}

Value StepBuilder::buildDenseAttention(Value x, Value &keys, Value &values) {
  bool isLlama = config.family == ModelFamily::Llama, hasBias = config.dense.attentionBias;
  // The three products first: biases and rotations of all of them are one loop.
  StringRef names[] = {isLlama ? "self_attn.q_proj" : "attention.query_key_value.query",
                       isLlama ? "self_attn.k_proj" : "attention.query_key_value.key",
                       isLlama ? "self_attn.v_proj" : "attention.query_key_value.value"};
  SmallVector<Value> sides;
  for (StringRef name : names)
    sides.push_back(multiply(x, name));
  for (auto [side, name] : llvm::zip_equal(sides, names))
    if (hasBias)
      side = add(side, biasOf(name, hasBias));
  Value attended = attend(sides[0], sides[1], sides[2], keys, values);
  return project(attended, isLlama ? "self_attn.o_proj" : "attention.dense", hasBias);
}

Value StepBuilder::buildHidden(Value x) {
  bool hasBias = config.dense.mlpBias, isLlama = config.family == ModelFamily::Llama;
  StringRef name = isLlama ? "mlp.gate_proj" : "mlp.dense_h_to_4h";
  Value product = multiply(x, name);
  Value factor = isLlama ? project(x, "mlp.up_proj", hasBias) : Value();
  Value init = empty({config.dense.intermediateSize});
  return ActivationOp::create(builder, init.getType(), product, biasOf(name, hasBias), factor, init,
                              ActivationKindAttr::get(builder.getContext(), config.dense.activation),
                              StrategyAttrInterface())
      .getResult(0);
}

Value StepBuilder::denseNorm(Value x, StringRef name) {
  return familyNorm(x, blockParameterName(config, layer, name), tokenCount);
}

Value StepBuilder::multiply(Value x, StringRef name) { return linear(x, blockParameter(name + ".weight"), tokenCount); }

Value StepBuilder::project(Value x, StringRef name, bool hasBias) {
  Value product = multiply(x, name);
  return hasBias ? add(product, biasOf(name, hasBias)) : product;
}

Value StepBuilder::biasOf(StringRef name, bool hasBias) { return hasBias ? blockParameter(name + ".bias") : Value(); }
