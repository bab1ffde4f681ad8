// config.json of GPT-NeoX and Pythia, as Hugging Face writes it.
#include "KeyReader.h"
#include "mf/Frontend/StrictJSON.h"

using namespace mlir;
using namespace mlir::mf;
namespace json = llvm::json;

/// `rope_parameters` of newer files has what `rotary_pct` and `rotary_emb_base` say in older ones.
static void readRotary(KeyReader &keys, ModelConfig &config) {
  auto isShare = [](double value) { return value >= 0 && value <= 1; };
  keys.fixed("rope_scaling", nullptr, /*required=*/false);
  double pct = 0.25, base = 10000;
  if (const json::Value *value = keys.get("rope_parameters")) {
    const json::Object *object = value->getAsObject();
    std::optional<StringRef> type = object ? object->getString("rope_type") : std::nullopt;
    if (!object || type.value_or("default") != "default")
      keys.problem("rope_parameters", "an object with rope_type \"default\"", describeJSON(*value));
    pct = object ? object->getNumber("partial_rotary_factor").value_or(pct) : pct;
    base = object ? object->getNumber("rope_theta").value_or(base) : base;
  }
  pct = keys.real("partial_rotary_factor", pct, isShare, "a number in [0, 1]");
  config.rotaryPct = keys.real("rotary_pct", pct, isShare, "a number in [0, 1]");
  config.rotaryBase = keys.positive("rotary_emb_base", keys.positive("rope_theta", base));
  if (!isShare(config.rotaryPct) || !(config.rotaryBase > 0))
    keys.problem("rope_parameters", "partial_rotary_factor in [0, 1] and a positive rope_theta", "other values");
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
