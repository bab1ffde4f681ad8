// config.json: what is read, and every key's faults.
#include "TestConfig.h"
#include "TestFiles.h"
#include "mf/Frontend/StrictJSON.h"

using namespace mlir::mf;

namespace {
struct BrokenConfig {
  const char *name;
  /// Keys that replace those of the valid configuration; "-" leaves the key out.
  std::vector<std::pair<std::string, std::string>> changes;
  /// All messages, without "error: c.json: ".
  std::vector<std::string> messages;
};

class BrokenConfigs : public ::testing::TestWithParam<BrokenConfig> {};
} // namespace

TEST_P(BrokenConfigs, AreRefused) {
  Problems problems;
  EXPECT_FALSE(parseConfig(configText(GetParam().changes), "c.json", problems));
  std::string expected;
  for (const std::string &message : GetParam().messages)
    expected += "error: c.json: " + message + "\n";
  EXPECT_EQ(text(problems), expected);
}

static const BrokenConfig kBrokenConfigs[] = {
    {"no_hidden_size", {{"hidden_size", "-"}}, {"hidden_size: expected an integer in [1, 1048576], found none"}},
    {"zero_layers", {{"num_hidden_layers", "0"}}, {"num_hidden_layers: expected an integer in [1, 4096], found 0"}},
    {"heads_text",
     {{"num_attention_heads", "\"4\""}},
     {"num_attention_heads: expected an integer in [1, 1048576], found \"4\""}},
    {"negative_vocabulary", {{"vocab_size", "-3"}}, {"vocab_size: expected an integer in [1, 2147483647], found -3"}},
    {"huge_positions",
     {{"max_position_embeddings", "4294967296"}},
     {"max_position_embeddings: expected an integer in [1, 2147483647], found 4294967296"}},
    {"fraction", {{"memory_num_tables", "2.5"}}, {"memory_num_tables: expected an integer in [1, 1048576], found 2.5"}},
    {"bits", {{"memory_code_bits", "17"}}, {"memory_code_bits: expected an integer in [1, 16], found 17"}},
    {"tables",
     {{"memory_num_tables", "3"}, {"intermediate_size", "-"}},
     {"memory_num_tables: expected memory_num_tables * memory_code_bits = hidden_size = 16, found 3 * 4"}},
    {"ffn_bits",
     {{"memory_ffn_extra_bits", "13"}, {"intermediate_size", "68"}},
     {"memory_ffn_extra_bits: expected memory_code_bits + memory_ffn_extra_bits of at most 16, found 4 + 13"}},
    {"intermediate",
     {{"intermediate_size", "64"}},
     {"intermediate_size: expected memory_num_tables * (memory_code_bits + memory_ffn_extra_bits) = 24, found 64"}},
    {"heads_divide",
     {{"num_attention_heads", "3"}},
     {"num_attention_heads: expected a divisor of hidden_size = 16, found 3"}},
    {"odd_rotary",
     {{"rotary_pct", "0.4"}},
     {"rotary_pct: expected an even rotary size int(rotary_pct * head size), head size 8, found size 3"}},
    {"no_rotary_pct", {{"rotary_pct", "-"}}, {"rotary_pct: expected a number in [0, 1], found none"}},
    {"rotary_pct", {{"rotary_pct", "1.5"}}, {"rotary_pct: expected a number in [0, 1], found 1.5"}},
    {"rotary_base", {{"rotary_emb_base", "0"}}, {"rotary_emb_base: expected a positive number, found 0"}},
    {"rms_eps", {{"rms_norm_eps", "0"}}, {"rms_norm_eps: expected a positive number, found 0"}},
    {"layer_norm_eps",
     {{"layer_norm_eps", "-1e-5"}},
     {"layer_norm_eps: expected a positive number, found -1.0000000000000001e-05"}},
    {"infinite_eps", {{"rms_norm_eps", "1e999"}}, {"rms_norm_eps: expected a positive number, found inf"}},
    {"score",
     {{"memory_score", "\"softmax\""}},
     {"memory_score: expected \"magnitude\" or \"probability\", found \"softmax\""}},
    {"no_score", {{"memory_score", "-"}}, {"memory_score: expected \"magnitude\" or \"probability\", found none"}},
    {"temperature",
     {{"memory_score", "\"probability\""}, {"memory_temperature", "0"}},
     {"memory_temperature: expected a positive number, found 0"}},
    {"magnitude_temperature",
     {{"memory_temperature", "0.5"}},
     {"memory_temperature: expected 1 with memory_score \"magnitude\", found 0.5"}},
    {"model_type",
     {{"model_type", "\"bert\""}},
     {"model_type: expected \"memoryformer\" or \"gpt_neox\" or \"llama\", found \"bert\""}},
    {"no_model_type",
     {{"model_type", "-"}},
     {"model_type: expected \"memoryformer\" or \"gpt_neox\" or \"llama\", found none"}},
    {"attention_type", {{"attention_type", "\"linear\""}}, {"attention_type: expected \"softmax\", found \"linear\""}},
    {"parallel", {{"use_parallel_residual", "true"}}, {"use_parallel_residual: expected false, found true"}},
    {"tied", {{"tie_word_embeddings", "true"}}, {"tie_word_embeddings: expected false, found true"}},
    {"rope_scaling",
     {{"rope_scaling", "{\"type\":\"linear\"}"}},
     {"rope_scaling: expected null, found {\"type\":\"linear\"}"}},
    {"unknown",
     {{"shared_projection", "true"}},
     {"shared_projection: expected only keys that are supported or known to have no effect, found true"}},
    {"several",
     {{"hidden_size", "\"x\""}, {"memory_ffn_extra_bits", "14"}, {"intermediate_size", "1"}, {"zebra", "1"}},
     {"hidden_size: expected an integer in [1, 1048576], found \"x\"",
      "memory_ffn_extra_bits: expected memory_code_bits + memory_ffn_extra_bits of at most 16, found 4 + 14",
      "intermediate_size: expected memory_num_tables * (memory_code_bits + memory_ffn_extra_bits) = 72, found 1",
      "zebra: expected only keys that are supported or known to have no effect, found 1"}},
};

INSTANTIATE_TEST_SUITE_P(Configs, BrokenConfigs, ::testing::ValuesIn(kBrokenConfigs),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(Config, ReadsKeysAndDefaults) {
  Problems problems;
  std::optional<ModelConfig> config = parseConfig(configText({{"memory_score", "\"probability\""},
                                                              {"memory_temperature", "0.5"},
                                                              {"use_cache", "true"},
                                                              {"torch_dtype", "\"float16\""},
                                                              {"transformers_version", "\"4\""},
                                                              {"rope_scaling", "null"}}),
                                                  "c.json", problems);
  ASSERT_TRUE(config) << text(problems);
  EXPECT_EQ(config->hiddenSize, 16);
  EXPECT_EQ(config->headDim(), 8);
  EXPECT_EQ(config->rotarySize(), 2);
  EXPECT_EQ(config->ffnCodeBits(), 6);
  EXPECT_EQ(config->intermediateSize(), 24);
  EXPECT_EQ(config->score, ScoreKind::Probability);
  EXPECT_EQ(config->temperature, 0.5);
  EXPECT_EQ(config->rotaryBase, 10000.0);
  EXPECT_EQ(config->rmsNormEps, 1e-8);
  EXPECT_EQ(config->layerNormEps, 1e-5);
}

TEST(Config, RefusesTextThatIsNoObject) {
  for (const char *broken : {"", "3", "[]", "{\"hidden_size\":", "{\"hidden_size\":1,\"hidden_size\":2}"}) {
    Problems problems;
    EXPECT_FALSE(parseConfig(broken, "c.json", problems)) << broken;
    EXPECT_EQ(problems.size(), 1u) << text(problems);
  }
}

TEST(Config, NamedConfigurationsAreThePapers) {
  struct {
    const char *name;
    int64_t layers, width, heads, tables;
  } cases[] = {{"tiny", 6, 512, 8, 64}, {"small", 12, 768, 12, 96}, {"base", 24, 1024, 16, 128}};
  for (const auto &expected : cases) {
    Problems problems;
    std::optional<std::string> named = namedConfigText(expected.name);
    ASSERT_TRUE(named);
    std::optional<ModelConfig> config = parseConfig(*named, expected.name, problems);
    ASSERT_TRUE(config) << text(problems);
    EXPECT_EQ(compactJSON(*named), *named);
    EXPECT_EQ(config->numLayers, expected.layers);
    EXPECT_EQ(config->hiddenSize, expected.width);
    EXPECT_EQ(config->numHeads, expected.heads);
    EXPECT_EQ(config->numTables, expected.tables);
    EXPECT_EQ(config->vocabulary, 50304);
    EXPECT_EQ(config->maxPositions, 2048);
    EXPECT_EQ(config->rotarySize(), 16);
  }
  EXPECT_FALSE(namedConfigText("huge"));
}

TEST(Config, CompactTextKeepsStringsAndOrder) {
  EXPECT_EQ(compactJSON("{ \"b c\" : [ 1.0 ,\n\t2e-8 ] , \"a\\\" x\" : \" \" }\n"),
            R"({"b c":[1.0,2e-8],"a\" x":" "})");
}
