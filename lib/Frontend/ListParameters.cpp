// The parameters of a model, block by block, with the magnitudes that training begins with.
#include "mf/Frontend/Names.h"
#include "llvm/ADT/Twine.h"
#include <cmath>

using namespace mlir;
using namespace mlir::mf;
using llvm::Twine;

// Published initialisation: FFN tables and the biases of lookups.
static constexpr double kTableDeviation = 0.02;
static constexpr double kBiasDeviation = 0.001;

namespace {
/// Collects the parameters.
class Lister {
public:
  explicit Lister(const ModelConfig &config)
      : config(config), smallInit(std::sqrt(2.0 / (5.0 * static_cast<double>(config.hiddenSize)))),
        outputInit(std::min(smallInit, 2.0 / (static_cast<double>(config.numLayers) *
                                              std::sqrt(static_cast<double>(config.hiddenSize))))) {}

  std::vector<ParameterSpec> list();

private:
  using Kind = ParameterSpec::Kind;

  void add(std::string name, Kind kind, ArrayRef<int64_t> shape, double deviation) {
    parameters.push_back(
        {name, kind, name, SmallVector<uint64_t>(shape), SmallVector<int64_t>(shape), deviation, std::nullopt});
  }
  std::string blockName(const Twine &suffix) const { return blockParameterName(config, layer, suffix.str()); }

  /// What an attention has beside its queries, keys and values.
  void addAttention();

  // Memory blocks.
  /// Tables and bias of a memory layer with `bits`-bit codes and `width` outputs.
  void addMemoryLayer(StringRef prefix, int64_t bits, int64_t width, double deviation);
  void addMemoryBlock();

  // Dense blocks.
  void addLayerNorm(const std::string &prefix);
  /// Weight [outputs, inputs], and a bias that begins with 0.
  void addLinear(StringRef prefix, int64_t outputs, int64_t inputs, bool bias, double deviation);
  /// Query, key or value, part 0, 1 or 2 of every head of a fused projection.
  void addFusedPart(StringRef name, int64_t part);
  void addNeoXBlock();
  void addLlamaBlock();

  const ModelConfig &config;
  /// `small_init` of GPT-NeoX, and what its output projections have.
  double smallInit, outputInit;
  int64_t layer = 0;
  std::vector<ParameterSpec> parameters;
};
} // namespace

void Lister::addMemoryLayer(StringRef prefix, int64_t bits, int64_t width, double deviation) {
  int64_t rows = int64_t(1) << bits;
  add(blockName(prefix + ".tables"), Kind::Tables, {config.numTables, rows, width}, deviation);
  parameters.back().storedShape = {static_cast<uint64_t>(config.numTables * rows), static_cast<uint64_t>(width)};
  add(blockName(prefix + ".bias"), Kind::Bias, {width}, kBiasDeviation);
}

void Lister::addMemoryBlock() {
  int64_t width = config.hiddenSize, inner = config.intermediateSize();
  int64_t keyWidth = config.numKeyValueHeads * config.headSize;
  add(blockName("input_layernorm.scale"), Kind::Scale, {width}, 0);
  addMemoryLayer("attention.query_proj", config.codeBits, width, smallInit);
  for (StringRef prefix : {"attention.key_proj", "attention.value_proj"})
    addMemoryLayer(prefix, config.codeBits, keyWidth, smallInit);
  add(blockName("post_attention_layernorm.scale"), Kind::Scale, {width}, 0);
  addMemoryLayer("mlp.0", config.codeBits, inner, kTableDeviation);
  add(blockName("mlp.1.weight"), Kind::Scale, {inner}, 0);
  add(blockName("mlp.1.bias"), Kind::Bias, {inner}, 0);
  addMemoryLayer("mlp.2", config.ffnCodeBits(), width, kTableDeviation);
}

void Lister::addAttention() {
  const AttentionConfig &attention = config.attention;
  if (attention.kind == AttentionConfig::Kind::Performer)
    add(blockName(kFeatureProjection), Kind::Weight, {attention.features, config.headSize}, 1);
  if (attention.kind != AttentionConfig::Kind::Linformer)
    return;
  double deviation = 1 / std::sqrt(static_cast<double>(attention.projectedLength));
  for (StringRef name : {kKeyProjection, kValueProjection})
    add(blockName(name), Kind::Weight, {attention.projectedLength, config.maxPositions}, deviation);
}

void Lister::addLayerNorm(const std::string &prefix) {
  add(prefix + ".weight", Kind::Scale, {config.hiddenSize}, 0);
  add(prefix + ".bias", Kind::Bias, {config.hiddenSize}, 0);
}

void Lister::addLinear(StringRef prefix, int64_t outputs, int64_t inputs, bool bias, double deviation) {
  add(blockName(prefix + ".weight"), Kind::Weight, {outputs, inputs}, deviation);
  if (bias)
    add(blockName(prefix + ".bias"), Kind::Bias, {outputs}, 0);
}

void Lister::addFusedPart(StringRef name, int64_t part) {
  size_t first = parameters.size();
  int64_t width = config.hiddenSize;
  addLinear(("attention.query_key_value." + name).str(), width, width, config.dense.attentionBias, smallInit);
  // The rows of a head's query, key and value follow each other.
  for (ParameterSpec &spec : llvm::drop_begin(parameters, first)) {
    StringRef kind = spec.kind == Kind::Bias ? "bias" : "weight";
    spec.storedName = blockName("attention.query_key_value." + kind);
    spec.storedShape.front() *= 3;
    spec.rows = RowBlocks{part * config.headSize, config.headSize, 3 * config.headSize};
  }
}

void Lister::addNeoXBlock() {
  const DenseBlocks &dense = config.dense;
  int64_t width = config.hiddenSize;
  addLayerNorm(blockName("input_layernorm"));
  for (auto [part, name] : llvm::enumerate(ArrayRef<StringRef>{"query", "key", "value"}))
    addFusedPart(name, part);
  addLinear("attention.dense", width, width, dense.attentionBias, outputInit);
  addLayerNorm(blockName("post_attention_layernorm"));
  addLinear("mlp.dense_h_to_4h", dense.intermediateSize, width, dense.mlpBias, smallInit);
  addLinear("mlp.dense_4h_to_h", width, dense.intermediateSize, dense.mlpBias, outputInit);
}

void Lister::addLlamaBlock() {
  const DenseBlocks &dense = config.dense;
  int64_t width = config.hiddenSize, keyWidth = config.numKeyValueHeads * config.headSize;
  int64_t queryWidth = config.numHeads * config.headSize;
  add(blockName("input_layernorm.weight"), Kind::Scale, {width}, 0);
  addLinear("self_attn.q_proj", queryWidth, width, dense.attentionBias, smallInit);
  addLinear("self_attn.k_proj", keyWidth, width, dense.attentionBias, smallInit);
  addLinear("self_attn.v_proj", keyWidth, width, dense.attentionBias, smallInit);
  addLinear("self_attn.o_proj", width, queryWidth, dense.attentionBias, outputInit);
  add(blockName("post_attention_layernorm.weight"), Kind::Scale, {width}, 0);
  addLinear("mlp.gate_proj", dense.intermediateSize, width, dense.mlpBias, smallInit);
  addLinear("mlp.up_proj", dense.intermediateSize, width, dense.mlpBias, smallInit);
  addLinear("mlp.down_proj", width, dense.intermediateSize, dense.mlpBias, outputInit);
}

std::vector<ParameterSpec> Lister::list() {
  add(embeddingName(config), Kind::Embedding, {config.vocabulary, config.hiddenSize}, smallInit);
  for (LayerKind kind : config.layerKinds) {
    addAttention();
    if (kind == LayerKind::Memory)
      addMemoryBlock();
    else if (config.family == ModelFamily::Llama)
      addLlamaBlock();
    else
      addNeoXBlock();
    ++layer;
  }
  if (config.family == ModelFamily::GPTNeoX)
    addLayerNorm(finalNormName(config));
  else
    add(finalNormName(config) + (config.family == ModelFamily::Llama ? ".weight" : ".scale"), Kind::Scale,
        {config.hiddenSize}, 0);
  add(headName(config), Kind::Embedding, {config.vocabulary, config.hiddenSize}, smallInit);
  // A parameter of its own, since a compilation may give it another type; `mf-share-parameters` makes one of two equal
  // ones.
  if (config.tiedEmbedding)
    parameters.back().storedName = embeddingName(config);
  return std::move(parameters);
}

std::vector<ParameterSpec> mlir::mf::listParameters(const ModelConfig &config) { return Lister(config).list(); }
