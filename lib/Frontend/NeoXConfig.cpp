// config.json of GPT-NeoX and Pythia, as Hugging Face writes it.
#include "KeyReader.h"

using namespace mlir;
using namespace mlir::mf;

/// `rope_parameters` of newer files has what `rotary_pct` and `rotary_emb_base` say in older ones.
static void readRotary(KeyReader &keys, ModelConfig &config) {
  constexpr StringLiteral expected = "a number in [0, 1]";
  RopeParameters rope = readRopeParameters(keys);
  double pct = keys.real("partial_rotary_factor", rope.share.value_or(0.25), isRotaryShare, expected);
  config.rotaryPct = keys.real("rotary_pct", pct, isRotaryShare, expected);
  config.rotaryBase = keys.positive("rotary_emb_base", keys.positive("rope_theta", rope.base.value_or(10000)));
}

void mlir::mf::readNeoXKeys(KeyReader &keys, ModelConfig &config) {
  keys.fixed("attention_type", "softmax", /*required=*/false);
  readShape(keys, LayerKind::Dense, config);
  readRotary(keys, config);
  DenseBlocks &dense = config.dense;
  dense.intermediateSize = keys.integer("intermediate_size", 1, kMaxWidth);
  dense.activation = readActivation(keys, ActivationKind::GELU);
  dense.parallelResidual = keys.boolean("use_parallel_residual", true);
  dense.attentionBias = keys.boolean("attention_bias", true);
  dense.normEps = config.layerNormEps = keys.positive("layer_norm_eps", 1e-5);
  config.tiedEmbedding = keys.boolean("tie_word_embeddings", false);
  if (config.hasLayer(LayerKind::Memory) || keys.has("memory_num_tables"))
    readMemoryKeys(keys, config);
  checkHeads(config, keys);
}
