// Reading and checking config.json. Published configurations disagree with the paper and with each other, so what
// decides shapes has no default here. A file per family reads its keys; MemoryFormer's are here.
#include "KeyReader.h"
#include "mf/Frontend/StrictJSON.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::mf;
namespace json = llvm::json;
using llvm::Twine;

static constexpr int64_t kMaxCodeBits = 16;

// Keys of Hugging Face configurations that change nothing of what a trained decoder computes.
static constexpr StringLiteral kKeysWithoutEffect[] = {"_name_or_path",      "architectures",
                                                       "attention_dropout",  "attn_implementation",
                                                       "auto_map",           "bos_token_id",
                                                       "classifier_dropout", "dtype",
                                                       "eos_token_id",       "hidden_dropout",
                                                       "is_decoder",         "id2label",
                                                       "initializer_range",  "label2id",
                                                       "pad_token_id",       "tokenizer_class",
                                                       "torch_dtype",        "transformers_version",
                                                       "use_cache"};

//===----------------------------------------------------------------------===//
// Keys of several families
//===----------------------------------------------------------------------===//

static std::optional<LayerKind> parseLayerKind(const json::Value &value) {
  std::optional<StringRef> word = value.getAsString();
  if (word == StringRef("memory"))
    return LayerKind::Memory;
  if (word == StringRef("dense"))
    return LayerKind::Dense;
  return std::nullopt;
}

static void readLayerKinds(KeyReader &keys, LayerKind usual, ModelConfig &config) {
  config.layerKinds.assign(config.numLayers, usual);
  const json::Value *value = keys.get("layer_kinds");
  if (!value || !keys.areValid({"num_hidden_layers"}))
    return;
  if (std::optional<LayerKind> all = parseLayerKind(*value))
    return config.layerKinds.assign(config.numLayers, *all);
  const json::Array *list = value->getAsArray();
  bool isValid = list && static_cast<int64_t>(list->size()) == config.numLayers;
  for (size_t layer = 0; isValid && layer < list->size(); ++layer) {
    std::optional<LayerKind> kind = parseLayerKind((*list)[layer]);
    isValid = kind.has_value();
    config.layerKinds[layer] = kind.value_or(usual);
  }
  if (!isValid)
    keys.problem("layer_kinds",
                 "\"memory\", \"dense\" or a list of " + Twine(config.numLayers) + " of these, one for each layer",
                 describeJSON(*value));
}

void mlir::mf::readShape(KeyReader &keys, LayerKind usual, ModelConfig &config) {
  config.hiddenSize = keys.integer("hidden_size", 1, kMaxWidth);
  config.numLayers = keys.integer("num_hidden_layers", 1, kMaxLayers);
  config.numHeads = config.numKeyValueHeads = keys.integer("num_attention_heads", 1, kMaxWidth);
  config.headSize = config.hiddenSize / config.numHeads;
  config.vocabulary = keys.integer("vocab_size", 1, kMaxRows);
  config.maxPositions = keys.integer("max_position_embeddings", 1, kMaxRows);
  readLayerKinds(keys, usual, config);
}

/// Checks that need several keys; each is made where its keys have values in range.
static void checkMemoryKeys(const ModelConfig &config, KeyReader &keys) {
  bool hasTables = keys.areValid({"memory_num_tables", "memory_code_bits"});
  if (hasTables && keys.areValid({"hidden_size"}) && config.numTables * config.codeBits != config.hiddenSize)
    keys.problem("memory_num_tables",
                 "memory_num_tables * memory_code_bits = hidden_size = " + Twine(config.hiddenSize),
                 Twine(config.numTables) + " * " + Twine(config.codeBits));
  if (keys.areValid({"memory_code_bits", "memory_ffn_extra_bits"}) && config.ffnCodeBits() > kMaxCodeBits)
    keys.problem("memory_ffn_extra_bits", "memory_code_bits + memory_ffn_extra_bits of at most " + Twine(kMaxCodeBits),
                 Twine(config.codeBits) + " + " + Twine(config.ffnExtraBits));
  if (keys.areValid({"memory_score", "memory_temperature"}) && config.score == ScoreKind::Magnitude &&
      config.temperature != 1)
    keys.problem("memory_temperature", "1 with memory_score \"magnitude\"", describeJSON(config.temperature));
}

bool mlir::mf::readMemoryKeys(KeyReader &keys, ModelConfig &config) {
  config.numTables = keys.integer("memory_num_tables", 1, kMaxWidth);
  config.codeBits = keys.integer("memory_code_bits", 1, kMaxCodeBits);
  config.ffnExtraBits = keys.integer("memory_ffn_extra_bits", 0, kMaxCodeBits - 1);
  config.score =
      keys.choice("memory_score", {"magnitude", "probability"}) == 0 ? ScoreKind::Magnitude : ScoreKind::Probability;
  config.temperature = keys.positive("memory_temperature", 1.0);
  bool areInRange = keys.areValid({"memory_num_tables", "memory_code_bits", "memory_ffn_extra_bits"});
  checkMemoryKeys(config, keys);
  return areInRange;
}

ActivationKind mlir::mf::readActivation(KeyReader &keys, std::optional<ActivationKind> absent) {
  // Three implementations of one formula have names of their own.
  static constexpr std::pair<StringLiteral, ActivationKind> names[] = {{"gelu", ActivationKind::GELU},
                                                                       {"gelu_new", ActivationKind::GELUTanh},
                                                                       {"gelu_fast", ActivationKind::GELUTanh},
                                                                       {"gelu_pytorch_tanh", ActivationKind::GELUTanh},
                                                                       {"silu", ActivationKind::SiLU}};
  if (absent && !keys.has("hidden_act"))
    return keys.get("hidden_act"), *absent;
  SmallVector<StringRef> words;
  for (const auto &[name, kind] : names)
    words.push_back(name);
  return names[keys.choice("hidden_act", words)].second;
}

void mlir::mf::checkHeads(const ModelConfig &config, KeyReader &keys) {
  if (!keys.areValid({"hidden_size", "num_attention_heads"}))
    return;
  if (config.headSize * config.numHeads != config.hiddenSize && !keys.has("head_dim"))
    keys.problem("num_attention_heads", "a divisor of hidden_size = " + Twine(config.hiddenSize),
                 Twine(config.numHeads));
  else if (keys.areValid({"rotary_pct", "head_dim"}) && config.rotarySize() % 2 != 0)
    keys.problem("rotary_pct", "an even rotary size int(rotary_pct * head size), head size " + Twine(config.headDim()),
                 "size " + Twine(config.rotarySize()));
}

//===----------------------------------------------------------------------===//
// MemoryFormer
//===----------------------------------------------------------------------===//

static void readMemoryFormerKeys(KeyReader &keys, ModelConfig &config) {
  keys.fixed("attention_type", "softmax", /*required=*/false);
  keys.fixed("use_parallel_residual", false, /*required=*/false);
  keys.fixed("tie_word_embeddings", false, /*required=*/false);
  keys.fixed("rope_scaling", nullptr, /*required=*/false);
  readShape(keys, LayerKind::Memory, config);
  bool hasInner = readMemoryKeys(keys, config);
  config.rotaryPct = keys.real(
      "rotary_pct", std::nullopt, [](double value) { return value >= 0 && value <= 1; }, "a number in [0, 1]");
  config.rotaryBase = keys.positive("rotary_emb_base", 10000.0);
  config.rmsNormEps = keys.positive("rms_norm_eps", 1e-8);
  config.layerNormEps = config.dense.normEps = keys.positive("layer_norm_eps", 1e-5);
  if (keys.has("layer_kinds")) {
    config.dense.intermediateSize = keys.integer("dense_intermediate_size", 1, kMaxWidth, 4 * config.hiddenSize);
    config.dense.activation = readActivation(keys, ActivationKind::GELU);
  }
  const json::Value *intermediate = keys.get("intermediate_size");
  if (intermediate && hasInner && intermediate->getAsInteger() != config.intermediateSize())
    keys.problem("intermediate_size",
                 "memory_num_tables * (memory_code_bits + memory_ffn_extra_bits) = " + Twine(config.intermediateSize()),
                 describeJSON(*intermediate));
  checkHeads(config, keys);
}

//===----------------------------------------------------------------------===//
// All families
//===----------------------------------------------------------------------===//

std::optional<ModelConfig> mlir::mf::parseConfig(StringRef text, StringRef file, Problems &problems) {
  std::optional<json::Object> object = parseStrictJSON(text, file, "", problems);
  if (!object)
    return std::nullopt;
  size_t before = problems.size();
  KeyReader keys(*object, file, problems);
  keys.ignore(kKeysWithoutEffect);
  ModelConfig config;
  constexpr ModelFamily families[] = {ModelFamily::MemoryFormer, ModelFamily::GPTNeoX, ModelFamily::Llama};
  constexpr void (*readers[])(KeyReader &, ModelConfig &) = {readMemoryFormerKeys, readNeoXKeys, readLlamaKeys};
  size_t family = keys.choice("model_type", {"memoryformer", "gpt_neox", "llama"});
  config.family = families[family];
  readers[family](keys, config);
  keys.checkUnknown();
  if (problems.size() != before)
    return std::nullopt;
  return config;
}

std::string mlir::mf::replaceLayerKinds(StringRef text, ArrayRef<std::string> kinds) {
  llvm::Expected<json::Value> value = json::parse(text);
  json::Object *object = value ? value->getAsObject() : nullptr;
  if (!object) {
    llvm::consumeError(value.takeError());
    return text.str();
  }
  (*object)["layer_kinds"] = kinds.size() == 1 ? json::Value(kinds.front()) : json::Value(json::Array(kinds));
  std::string replaced;
  llvm::raw_string_ostream(replaced) << *value;
  return replaced;
}

//===----------------------------------------------------------------------===//
// Named configurations
//===----------------------------------------------------------------------===//

namespace {
/// What the named configurations differ in.
struct NamedConfig {
  StringLiteral name;
  int64_t layers, width, heads;
  /// 0: a dense GPT-NeoX.
  int64_t tables;
};
} // namespace

// Tiny as published; small and base as the paper has them; Pythia as published.
static constexpr NamedConfig kNamedConfigs[] = {{"tiny", 6, 512, 8, 64},         {"small", 12, 768, 12, 96},
                                                {"base", 24, 1024, 16, 128},     {"pythia-70m", 6, 512, 8, 0},
                                                {"pythia-160m", 12, 768, 12, 0}, {"pythia-410m", 24, 1024, 16, 0}};

SmallVector<StringRef> mlir::mf::getConfigNames() {
  return llvm::map_to_vector(kNamedConfigs, [](const NamedConfig &config) -> StringRef { return config.name; });
}

static std::string getMemoryFormerText(const NamedConfig &config) {
  constexpr int64_t kCodeBits = 8, kExtraBits = 2;
  return llvm::formatv(
             R"({{"architectures":["MemoryFormerForCausalLM"],"model_type":"memoryformer","hidden_size":{0},)"
             R"("num_hidden_layers":{1},"num_attention_heads":{2},"vocab_size":50304,"max_position_embeddings":2048,)"
             R"("rotary_pct":0.25,"rotary_emb_base":10000,"rms_norm_eps":1e-08,"layer_norm_eps":1e-05,)"
             R"("intermediate_size":{3},"memory_num_tables":{4},"memory_code_bits":{5},"memory_ffn_extra_bits":{6},)"
             R"("memory_score":"magnitude","memory_temperature":1.0,"attention_type":"softmax",)"
             R"("use_parallel_residual":false,"tie_word_embeddings":false})",
             config.width, config.layers, config.heads, config.tables * (kCodeBits + kExtraBits), config.tables,
             kCodeBits, kExtraBits)
      .str();
}

static std::string getPythiaText(const NamedConfig &config) {
  return llvm::formatv(
             R"({{"architectures":["GPTNeoXForCausalLM"],"model_type":"gpt_neox","hidden_size":{0},)"
             R"("num_hidden_layers":{1},"num_attention_heads":{2},"vocab_size":50304,"max_position_embeddings":2048,)"
             R"("rotary_pct":0.25,"rotary_emb_base":10000,"layer_norm_eps":1e-05,"intermediate_size":{3},)"
             R"("hidden_act":"gelu","use_parallel_residual":true,"tie_word_embeddings":false})",
             config.width, config.layers, config.heads, 4 * config.width)
      .str();
}

std::optional<std::string> mlir::mf::namedConfigText(StringRef name) {
  const NamedConfig *found = llvm::find_if(kNamedConfigs, [&](const NamedConfig &c) { return c.name == name; });
  if (found == std::end(kNamedConfigs))
    return std::nullopt;
  return found->tables ? getMemoryFormerText(*found) : getPythiaText(*found);
}
