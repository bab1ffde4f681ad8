// config.json of dense and hybrid models: what is read, and the faults of its keys.
#include "TestConfig.h"
#include "TestFiles.h"

using namespace mlir::mf;
using mlir::SmallVector;

static std::optional<ModelConfig> parseGood(const std::string &text) {
  Problems problems;
  std::optional<ModelConfig> config = parseConfig(text, "c.json", problems);
  EXPECT_TRUE(config) << ::text(problems);
  return config;
}

/// All messages about `text`, without "error: c.json: ".
static std::string complaints(const std::string &text) {
  Problems problems;
  EXPECT_FALSE(parseConfig(text, "c.json", problems));
  std::string all;
  for (const Problem &problem : problems.list())
    all += problem.str().substr(strlen("c.json: ")) + "\n";
  return all;
}

TEST(DenseConfig, GPTNeoXHasDefaults) {
  std::optional<ModelConfig> config = parseGood(neoXText());
  ASSERT_TRUE(config);
  EXPECT_EQ(config->family, ModelFamily::GPTNeoX);
  EXPECT_FALSE(config->hasLayer(LayerKind::Memory));
  EXPECT_EQ(config->rotarySize(), 2);
  EXPECT_EQ(config->rotaryBase, 10000);
  EXPECT_EQ(config->dense.intermediateSize, 64);
  EXPECT_EQ(config->dense.activation, ActivationKind::GELU);
  EXPECT_TRUE(config->dense.parallelResidual && config->dense.attentionBias && config->dense.mlpBias);
  EXPECT_EQ(config->dense.normEps, 1e-5);
  EXPECT_FALSE(config->tiedEmbedding);
}

TEST(DenseConfig, GPTNeoXReadsOldAndNewRotaryKeys) {
  for (const ConfigKeys &changes :
       {ConfigKeys{{"rotary_pct", "0.5"}, {"rotary_emb_base", "500"}},
        ConfigKeys{{"partial_rotary_factor", "0.5"}, {"rope_theta", "500"}},
        ConfigKeys{
            {"rope_parameters", "{\"rope_type\":\"default\",\"partial_rotary_factor\":0.5,\"rope_theta\":500.0}"}}}) {
    std::optional<ModelConfig> config = parseGood(neoXText(changes));
    ASSERT_TRUE(config);
    EXPECT_EQ(config->rotarySize(), 4);
    EXPECT_EQ(config->rotaryBase, 500);
  }
  EXPECT_EQ(complaints(neoXText({{"rope_parameters", "{\"rope_type\":\"yarn\"}"}})),
            "rope_parameters: expected an object with rope_type \"default\", found {\"rope_type\":\"yarn\"}\n");
}

TEST(DenseConfig, ActivationsHaveTheirNames) {
  for (auto [name, kind] :
       {std::pair("\"gelu\"", ActivationKind::GELU), std::pair("\"gelu_new\"", ActivationKind::GELUTanh),
        std::pair("\"gelu_fast\"", ActivationKind::GELUTanh),
        std::pair("\"gelu_pytorch_tanh\"", ActivationKind::GELUTanh), std::pair("\"silu\"", ActivationKind::SiLU)}) {
    EXPECT_EQ(parseGood(neoXText({{"hidden_act", name}}))->dense.activation, kind);
    EXPECT_EQ(parseGood(llamaText({{"hidden_act", name}}))->dense.activation, kind);
  }
  EXPECT_EQ(complaints(neoXText({{"hidden_act", "\"relu\""}})),
            "hidden_act: expected \"gelu\" or \"gelu_new\" or \"gelu_fast\" or \"gelu_pytorch_tanh\" or \"silu\", "
            "found \"relu\"\n");
}

TEST(DenseConfig, LlamaHasGroupedHeadsAndItsDefaults) {
  std::optional<ModelConfig> config = parseGood(llamaText({{"rope_theta", "100000"}, {"is_llama_config", "true"}}));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->family, ModelFamily::Llama);
  EXPECT_EQ(config->numKeyValueHeads, 2);
  EXPECT_EQ(config->headDim(), 4);
  EXPECT_EQ(config->rotarySize(), 4);
  EXPECT_EQ(config->rotaryBase, 100000);
  EXPECT_EQ(config->dense.activation, ActivationKind::SiLU);
  EXPECT_EQ(config->dense.normEps, 1e-6);
  EXPECT_FALSE(config->dense.parallelResidual || config->dense.attentionBias || config->dense.mlpBias);
  EXPECT_EQ(parseGood(llamaText({{"num_key_value_heads", "-"}}))->numKeyValueHeads, 4);
  EXPECT_EQ(parseGood(llamaText({{"head_dim", "6"}}))->headDim(), 6);
}

TEST(DenseConfig, LlamaIsChecked) {
  EXPECT_EQ(complaints(llamaText({{"num_key_value_heads", "3"}})),
            "num_key_value_heads: expected a divisor of num_attention_heads = 4, found 3\n");
  EXPECT_EQ(complaints(llamaText({{"head_dim", "5"}})), "head_dim: expected an even head size, found 5\n");
  EXPECT_EQ(complaints(llamaText({{"rope_interleaved", "true"}})), "rope_interleaved: expected false, found true\n");
  EXPECT_EQ(complaints(llamaText({{"rope_scaling", "{\"type\":\"linear\"}"}})),
            "rope_scaling: expected null, found {\"type\":\"linear\"}\n");
  EXPECT_EQ(complaints(llamaText({{"attention_bias", "1"}})), "attention_bias: expected true or false, found 1\n");
}

//===----------------------------------------------------------------------===//
// Hybrids
//===----------------------------------------------------------------------===//

using Kinds = SmallVector<LayerKind>;
static constexpr LayerKind M = LayerKind::Memory, D = LayerKind::Dense;

TEST(LayerKinds, AreAWordOrAList) {
  EXPECT_EQ(parseGood(configText({{"num_hidden_layers", "2"}}))->layerKinds, (Kinds{M, M}));
  EXPECT_EQ(parseGood(configText({{"num_hidden_layers", "2"}, {"layer_kinds", "\"dense\""}}))->layerKinds,
            (Kinds{D, D}));
  std::optional<ModelConfig> config = parseGood(configText({{"num_hidden_layers", "3"},
                                                            {"layer_kinds", "[\"dense\",\"memory\",\"dense\"]"},
                                                            {"dense_intermediate_size", "48"},
                                                            {"hidden_act", "\"gelu_new\""}}));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->layerKinds, (Kinds{D, M, D}));
  EXPECT_EQ(config->dense.intermediateSize, 48);
  EXPECT_EQ(config->dense.activation, ActivationKind::GELUTanh);
  EXPECT_FALSE(config->dense.parallelResidual);
}

TEST(LayerKinds, AreChecked) {
  for (const char *kinds : {"\"sparse\"", "[\"dense\"]", "[\"dense\",\"sparse\"]", "3"}) {
    std::string found = complaints(configText({{"num_hidden_layers", "2"}, {"layer_kinds", kinds}}));
    EXPECT_EQ(found, std::string("layer_kinds: expected \"memory\", \"dense\" or a list of 2 of these, one for each "
                                 "layer, found ") +
                         kinds + "\n");
  }
}

TEST(LayerKinds, MemoryLayersNeedTheirKeys) {
  std::string found = complaints(neoXText({{"layer_kinds", "[\"memory\"]"}, {"memory_code_bits", "4"}}));
  EXPECT_TRUE(contains(found, "memory_num_tables: expected an integer in [1, 1048576], found none")) << found;
  // A model without memory layers may say how they would be.
  ConfigKeys memory = {{"memory_num_tables", "4"},
                       {"memory_code_bits", "4"},
                       {"memory_ffn_extra_bits", "2"},
                       {"memory_score", "\"magnitude\""}};
  EXPECT_EQ(parseGood(neoXText(memory))->numTables, 4);
  memory.push_back({"head_dim", "6"});
  memory.push_back({"layer_kinds", "\"memory\""});
  EXPECT_EQ(complaints(llamaText(memory)),
            "head_dim: expected hidden_size / num_attention_heads in a model with memory layers, found 6\n");
}

TEST(LayerKinds, AreReplaced) {
  EXPECT_EQ(parseGood(replaceLayerKinds(configText(), {"dense"}))->layerKinds, (Kinds{D}));
  std::string text = configText({{"num_hidden_layers", "2"}, {"layer_kinds", "\"dense\""}});
  EXPECT_EQ(parseGood(replaceLayerKinds(text, {"memory", "dense"}))->layerKinds, (Kinds{M, D}));
  EXPECT_EQ(replaceLayerKinds("[3", {"dense"}), "[3");
}
