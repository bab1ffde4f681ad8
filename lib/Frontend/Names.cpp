// The parameters of a model. The published code flattens a model of L blocks into layers: 0 embedding, 1 a transpose,
// 2 .. L + 1 blocks, L + 2 a transpose, L + 3 final norm, L + 4 head.
#include "mf/Frontend/Names.h"
#include "llvm/ADT/Twine.h"
#include <cmath>

using namespace mlir;
using namespace mlir::mf;
using llvm::Twine;

// Published initialisation: FFN tables and the biases of lookups.
static constexpr double kTableDeviation = 0.02;
static constexpr double kBiasDeviation = 0.001;

static std::string layerName(int64_t layer, StringRef suffix) {
  return ("sequential." + Twine(layer) + "." + suffix).str();
}

std::string mlir::mf::blockParameterName(int64_t layer, StringRef suffix) { return layerName(layer + 2, suffix); }
std::string mlir::mf::embeddingName() { return layerName(0, "word_embeddings.weight"); }
std::string mlir::mf::finalNormName(const ModelConfig &config) { return layerName(config.numLayers + 3, "norm.scale"); }
std::string mlir::mf::headName(const ModelConfig &config) {
  return layerName(config.numLayers + 4, "final_linear.weight");
}
std::string mlir::mf::rotaryAnglesName() { return "rope.angles"; }

// Written where `rotary_save_freqs_buffer` is set; the angles are computed from the configuration.
bool mlir::mf::isIgnoredName(StringRef name) { return name.ends_with(".attention.rotary_emb.inv_freq"); }

namespace {
/// Collects the parameters.
class Lister {
public:
  explicit Lister(const ModelConfig &config)
      : config(config), smallInit(std::sqrt(2.0 / (5.0 * static_cast<double>(config.hiddenSize)))) {}

  std::vector<ParameterSpec> list();

private:
  using Kind = ParameterSpec::Kind;

  void add(std::string name, Kind kind, ArrayRef<int64_t> shape, double deviation) {
    parameters.push_back({std::move(name), kind, SmallVector<uint64_t>(shape), SmallVector<int64_t>(shape), deviation});
  }
  /// Tables and bias of a memory layer with `bits`-bit codes and `width` outputs.
  void addMemoryLayer(int64_t layer, StringRef prefix, int64_t bits, int64_t width, double deviation);
  void addBlock(int64_t layer);

  const ModelConfig &config;
  /// `small_init` of GPT-NeoX.
  double smallInit;
  std::vector<ParameterSpec> parameters;
};
} // namespace

void Lister::addMemoryLayer(int64_t layer, StringRef prefix, int64_t bits, int64_t width, double deviation) {
  int64_t rows = int64_t(1) << bits;
  add(blockParameterName(layer, (prefix + ".tables").str()), Kind::Tables, {config.numTables, rows, width}, deviation);
  parameters.back().storedShape = {static_cast<uint64_t>(config.numTables * rows), static_cast<uint64_t>(width)};
  add(blockParameterName(layer, (prefix + ".bias").str()), Kind::Bias, {width}, kBiasDeviation);
}

void Lister::addBlock(int64_t layer) {
  int64_t width = config.hiddenSize, inner = config.intermediateSize();
  add(blockParameterName(layer, "input_layernorm.scale"), Kind::Scale, {width}, 0);
  for (StringRef prefix : {"attention.query_proj", "attention.key_proj", "attention.value_proj"})
    addMemoryLayer(layer, prefix, config.codeBits, width, smallInit);
  add(blockParameterName(layer, "post_attention_layernorm.scale"), Kind::Scale, {width}, 0);
  addMemoryLayer(layer, "mlp.0", config.codeBits, inner, kTableDeviation);
  add(blockParameterName(layer, "mlp.1.weight"), Kind::Scale, {inner}, 0);
  add(blockParameterName(layer, "mlp.1.bias"), Kind::Bias, {inner}, 0);
  addMemoryLayer(layer, "mlp.2", config.ffnCodeBits(), width, kTableDeviation);
}

std::vector<ParameterSpec> Lister::list() {
  add(embeddingName(), Kind::Embedding, {config.vocabulary, config.hiddenSize}, smallInit);
  for (int64_t layer = 0; layer < config.numLayers; ++layer)
    addBlock(layer);
  add(finalNormName(config), Kind::Scale, {config.hiddenSize}, 0);
  add(headName(config), Kind::Embedding, {config.vocabulary, config.hiddenSize}, smallInit);
  return std::move(parameters);
}

std::vector<ParameterSpec> mlir::mf::listParameters(const ModelConfig &config) { return Lister(config).list(); }
