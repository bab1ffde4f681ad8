// config.json of Llama-type models, as Hugging Face writes it.
#include "KeyReader.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::mf;
using llvm::Twine;

// Keys without effect that only files of this family have.
static constexpr StringLiteral kKeysWithoutEffect[] = {"is_llama_config", "mlp_dropout", "pretraining_tp",
                                                       "transformers.js_config"};

static void readHeads(KeyReader &keys, ModelConfig &config) {
  config.numKeyValueHeads = keys.integer("num_key_value_heads", 1, kMaxWidth, config.numHeads);
  config.headSize = keys.integer("head_dim", 1, kMaxWidth, config.headSize);
  if (!keys.areValid({"num_attention_heads", "num_key_value_heads"}))
    return;
  if (config.numHeads % config.numKeyValueHeads != 0)
    keys.problem("num_key_value_heads", "a divisor of num_attention_heads = " + Twine(config.numHeads),
                 Twine(config.numKeyValueHeads));
  // The attention of a memory block has no projection behind it.
  if (config.hasLayer(LayerKind::Memory) && config.numHeads * config.headSize != config.hiddenSize)
    keys.problem("head_dim", "hidden_size / num_attention_heads in a model with memory layers", Twine(config.headSize));
}

static void readRotary(KeyReader &keys, ModelConfig &config) {
  keys.fixed("rope_interleaved", false, /*required=*/false);
  RopeParameters rope = readRopeParameters(keys);
  if (rope.share.value_or(1) != 1)
    keys.problem("rope_parameters", "no partial_rotary_factor other than 1", llvm::formatv("{0}", *rope.share).str());
  config.rotaryPct = 1;
  config.rotaryBase = keys.positive("rope_theta", rope.base.value_or(10000));
  if (config.headSize % 2 != 0)
    keys.problem("head_dim", "an even head size", Twine(config.headSize));
}

void mlir::mf::readLlamaKeys(KeyReader &keys, ModelConfig &config) {
  keys.ignore(kKeysWithoutEffect);
  keys.fixed("attention_type", "softmax", /*required=*/false);
  readShape(keys, LayerKind::Dense, config);
  readHeads(keys, config);
  readRotary(keys, config);
  DenseBlocks &dense = config.dense;
  dense.intermediateSize = keys.integer("intermediate_size", 1, kMaxWidth);
  dense.activation = readActivation(keys, ActivationKind::SiLU);
  dense.attentionBias = keys.boolean("attention_bias", false);
  dense.mlpBias = keys.boolean("mlp_bias", false);
  dense.normEps = keys.positive("rms_norm_eps", 1e-6);
  config.tiedEmbedding = keys.boolean("tie_word_embeddings", false);
  if (config.hasLayer(LayerKind::Memory) || keys.has("memory_num_tables"))
    readMemoryKeys(keys, config);
  checkHeads(config, keys);
}
