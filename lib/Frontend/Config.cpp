// Reading and checking config.json. Published configurations disagree with the paper and with each other, so what
// decides shapes has no default here.
#include "mf/Frontend/Config.h"
#include "mf/Frontend/StrictJSON.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;
using namespace mlir::mf;
namespace json = llvm::json;
using llvm::Twine;

// Bounds that keep every product of extents below 2^60; no model comes near.
static constexpr int64_t kMaxWidth = 1 << 20;
static constexpr int64_t kMaxLayers = 1 << 12;
static constexpr int64_t kMaxRows = (int64_t(1) << 31) - 1;
static constexpr int64_t kMaxCodeBits = 16;

// Keys of GPT-NeoX configurations that change nothing of what a trained decoder computes.
static constexpr StringLiteral kKeysWithoutEffect[] = {"_name_or_path",
                                                       "architectures",
                                                       "attention_dropout",
                                                       "attn_implementation",
                                                       "auto_map",
                                                       "bos_token_id",
                                                       "classifier_dropout",
                                                       "dtype",
                                                       "eos_token_id",
                                                       "hidden_dropout",
                                                       "id2label",
                                                       "initializer_range",
                                                       "label2id",
                                                       "pad_token_id",
                                                       "tokenizer_class",
                                                       "torch_dtype",
                                                       "transformers_version",
                                                       "use_cache"};

namespace {
/// Reads keys of one object and remembers which.
class KeyReader {
public:
  KeyReader(const json::Object &object, StringRef file, Problems &problems)
      : object(object), file(file), problems(problems) {}

  /// A whole number in [least, most] that must be there; `least` where it is not.
  int64_t integer(StringRef key, int64_t least, int64_t most);
  /// A finite number that `accepts`; `absent` where it is not there, and a problem where that is not given either.
  double real(StringRef key, std::optional<double> absent, function_ref<bool(double)> accepts, StringRef expected);
  /// One of `choices`, by its index; must be there.
  size_t choice(StringRef key, ArrayRef<StringRef> choices);
  /// A key that only one value is supported of.
  void fixed(StringRef key, const json::Value &supported, bool required);
  /// Tells keys that nobody asked for.
  void checkUnknown();
  /// The value of a key, null where it is not there.
  const json::Value *get(StringRef key) {
    known.insert(key);
    return object.get(key);
  }
  bool areValid(std::initializer_list<StringRef> keys) const {
    return llvm::none_of(keys, [&](StringRef key) { return invalid.contains(key); });
  }
  void problem(StringRef key, const Twine &expected, const Twine &found) {
    invalid.insert(key);
    problems.add(file, key, expected, found);
  }

private:
  static std::string found(const json::Value *value) { return value ? describeJSON(*value) : "none"; }

  const json::Object &object;
  StringRef file;
  Problems &problems;
  llvm::StringSet<> known, invalid;
};
} // namespace

int64_t KeyReader::integer(StringRef key, int64_t least, int64_t most) {
  const json::Value *value = get(key);
  std::optional<int64_t> number = value ? value->getAsInteger() : std::nullopt;
  if (number && *number >= least && *number <= most)
    return *number;
  problem(key, "an integer in [" + Twine(least) + ", " + Twine(most) + "]", found(value));
  return least;
}

double KeyReader::real(StringRef key, std::optional<double> absent, function_ref<bool(double)> accepts,
                       StringRef expected) {
  const json::Value *value = get(key);
  if (!value && absent)
    return *absent;
  std::optional<double> number = value ? value->getAsNumber() : std::nullopt;
  if (number && std::isfinite(*number) && accepts(*number))
    return *number;
  problem(key, expected, found(value));
  return absent.value_or(0);
}

size_t KeyReader::choice(StringRef key, ArrayRef<StringRef> choices) {
  const json::Value *value = get(key);
  std::optional<StringRef> word = value ? value->getAsString() : std::nullopt;
  for (auto [index, name] : llvm::enumerate(choices))
    if (word == name)
      return index;
  problem(key, "\"" + llvm::join(choices, "\" or \"") + "\"", found(value));
  return 0;
}

void KeyReader::fixed(StringRef key, const json::Value &supported, bool required) {
  const json::Value *value = get(key);
  if (value ? *value != supported : required)
    problem(key, describeJSON(supported), found(value));
}

void KeyReader::checkUnknown() {
  known.insert(std::begin(kKeysWithoutEffect), std::end(kKeysWithoutEffect));
  for (StringRef key : sortedKeys(object))
    if (!known.contains(key))
      problem(key, "only keys that are supported or known to have no effect", found(object.get(key)));
}

static ModelConfig readKeys(KeyReader &keys) {
  auto isPositive = [](double value) { return value > 0; };
  auto isShare = [](double value) { return value >= 0 && value <= 1; };
  keys.fixed("model_type", "memoryformer", /*required=*/true);
  keys.fixed("attention_type", "softmax", /*required=*/false);
  keys.fixed("use_parallel_residual", false, /*required=*/false);
  keys.fixed("tie_word_embeddings", false, /*required=*/false);
  keys.fixed("rope_scaling", nullptr, /*required=*/false);
  ModelConfig config;
  config.hiddenSize = keys.integer("hidden_size", 1, kMaxWidth);
  config.numLayers = keys.integer("num_hidden_layers", 1, kMaxLayers);
  config.numHeads = keys.integer("num_attention_heads", 1, kMaxWidth);
  config.vocabulary = keys.integer("vocab_size", 1, kMaxRows);
  config.maxPositions = keys.integer("max_position_embeddings", 1, kMaxRows);
  config.numTables = keys.integer("memory_num_tables", 1, kMaxWidth);
  config.codeBits = keys.integer("memory_code_bits", 1, kMaxCodeBits);
  config.ffnExtraBits = keys.integer("memory_ffn_extra_bits", 0, kMaxCodeBits - 1);
  config.score =
      keys.choice("memory_score", {"magnitude", "probability"}) == 0 ? ScoreKind::Magnitude : ScoreKind::Probability;
  config.temperature = keys.real("memory_temperature", 1.0, isPositive, "a positive number");
  config.rotaryPct = keys.real("rotary_pct", std::nullopt, isShare, "a number in [0, 1]");
  config.rotaryBase = keys.real("rotary_emb_base", 10000.0, isPositive, "a positive number");
  config.rmsNormEps = keys.real("rms_norm_eps", 1e-8, isPositive, "a positive number");
  config.layerNormEps = keys.real("layer_norm_eps", 1e-5, isPositive, "a positive number");
  return config;
}

/// Checks that need several keys; each is made where its keys have values in range.
static void checkConsistency(const ModelConfig &config, KeyReader &keys) {
  bool hasTables = keys.areValid({"memory_num_tables", "memory_code_bits"});
  bool hasBits = keys.areValid({"memory_code_bits", "memory_ffn_extra_bits"});
  if (hasTables && keys.areValid({"hidden_size"}) && config.numTables * config.codeBits != config.hiddenSize)
    keys.problem("memory_num_tables",
                 "memory_num_tables * memory_code_bits = hidden_size = " + Twine(config.hiddenSize),
                 Twine(config.numTables) + " * " + Twine(config.codeBits));
  if (hasBits && config.ffnCodeBits() > kMaxCodeBits)
    keys.problem("memory_ffn_extra_bits", "memory_code_bits + memory_ffn_extra_bits of at most " + Twine(kMaxCodeBits),
                 Twine(config.codeBits) + " + " + Twine(config.ffnExtraBits));
  if (keys.areValid({"memory_score", "memory_temperature"}) && config.score == ScoreKind::Magnitude &&
      config.temperature != 1)
    keys.problem("memory_temperature", "1 with memory_score \"magnitude\"", describeJSON(config.temperature));
  const json::Value *intermediate = keys.get("intermediate_size");
  if (intermediate && hasTables && hasBits && intermediate->getAsInteger() != config.intermediateSize())
    keys.problem("intermediate_size",
                 "memory_num_tables * (memory_code_bits + memory_ffn_extra_bits) = " + Twine(config.intermediateSize()),
                 describeJSON(*intermediate));
}

static void checkHeads(const ModelConfig &config, KeyReader &keys) {
  if (!keys.areValid({"hidden_size", "num_attention_heads"}))
    return;
  if (config.hiddenSize % config.numHeads != 0)
    keys.problem("num_attention_heads", "a divisor of hidden_size = " + Twine(config.hiddenSize),
                 Twine(config.numHeads));
  else if (keys.areValid({"rotary_pct"}) && config.rotarySize() % 2 != 0)
    keys.problem("rotary_pct", "an even rotary size int(rotary_pct * head size), head size " + Twine(config.headDim()),
                 "size " + Twine(config.rotarySize()));
}

std::optional<ModelConfig> mlir::mf::parseConfig(StringRef text, StringRef file, Problems &problems) {
  std::optional<json::Object> object = parseStrictJSON(text, file, "", problems);
  if (!object)
    return std::nullopt;
  size_t before = problems.size();
  KeyReader keys(*object, file, problems);
  ModelConfig config = readKeys(keys);
  checkConsistency(config, keys);
  checkHeads(config, keys);
  keys.checkUnknown();
  if (problems.size() != before)
    return std::nullopt;
  return config;
}

namespace {
/// What the named configurations differ in.
struct NamedConfig {
  StringLiteral name;
  int64_t layers, width, heads, tables;
};
} // namespace

// Tiny as published; small and base as the paper has them.
static constexpr NamedConfig kNamedConfigs[] = {
    {"tiny", 6, 512, 8, 64}, {"small", 12, 768, 12, 96}, {"base", 24, 1024, 16, 128}};

std::optional<std::string> mlir::mf::namedConfigText(StringRef name) {
  const NamedConfig *found = llvm::find_if(kNamedConfigs, [&](const NamedConfig &c) { return c.name == name; });
  if (found == std::end(kNamedConfigs))
    return std::nullopt;
  constexpr int64_t kCodeBits = 8, kExtraBits = 2;
  return llvm::formatv(
             R"({{"architectures":["MemoryFormerForCausalLM"],"model_type":"memoryformer","hidden_size":{0},)"
             R"("num_hidden_layers":{1},"num_attention_heads":{2},"vocab_size":50304,"max_position_embeddings":2048,)"
             R"("rotary_pct":0.25,"rotary_emb_base":10000,"rms_norm_eps":1e-08,"layer_norm_eps":1e-05,)"
             R"("intermediate_size":{3},"memory_num_tables":{4},"memory_code_bits":{5},"memory_ffn_extra_bits":{6},)"
             R"("memory_score":"magnitude","memory_temperature":1.0,"attention_type":"softmax",)"
             R"("use_parallel_residual":false,"tie_word_embeddings":false})",
             found->width, found->layers, found->heads, found->tables * (kCodeBits + kExtraBits), found->tables,
             kCodeBits, kExtraBits)
      .str();
}
