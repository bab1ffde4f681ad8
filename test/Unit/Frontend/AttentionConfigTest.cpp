// The keys `attention` and `causal` of config.json, and the functions that they give.
#include "TestConfig.h"
#include "TestFiles.h"
#include "mf/Frontend/ImportModel.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mlir::mf;

using Kind = AttentionConfig::Kind;

static std::optional<ModelConfig> parse(const std::string &attention, Problems &problems,
                                        const std::string &causal = "-") {
  return parseConfig(configText({{"attention", attention}, {"causal", causal}}), "c.json", problems);
}

TEST(AttentionConfig, ExactAndCausalAreTheDefaults) {
  Problems problems;
  std::optional<ModelConfig> config = parse("-", problems);
  ASSERT_TRUE(config) << text(problems);
  EXPECT_EQ(config->attention.kind, Kind::Softmax);
  EXPECT_TRUE(config->attention.causal);
}

TEST(AttentionConfig, KindsHaveTheirKeys) {
  Problems problems;
  std::optional<ModelConfig> linear = parse(R"({"kind":"linear","chunk":8})", problems);
  std::optional<ModelConfig> performer = parse(R"({"kind":"performer","features":24,"kernel":"relu"})", problems);
  std::optional<ModelConfig> cosformer = parse(R"({"kind":"cosformer"})", problems);
  std::optional<ModelConfig> wide = parse(R"({"kind":"cosformer","max_positions":100})", problems);
  std::optional<ModelConfig> linformer = parse(R"({"kind":"linformer","projected_length":5})", problems, "false");
  ASSERT_TRUE(linear && performer && cosformer && wide && linformer) << text(problems);
  EXPECT_EQ(linear->attention.chunk, 8);
  EXPECT_EQ(performer->attention.chunk, 32);
  EXPECT_EQ(performer->attention.features, 24);
  EXPECT_EQ(performer->attention.kernel, FavorKernel::Relu);
  EXPECT_EQ(cosformer->attention.maxPositions, 8);
  EXPECT_EQ(wide->attention.maxPositions, 100);
  EXPECT_EQ(linformer->attention.projectedLength, 5);
  EXPECT_FALSE(linformer->attention.causal);
}

static std::string refuse(const std::string &attention, const std::string &causal = "-") {
  Problems problems;
  EXPECT_FALSE(parse(attention, problems, causal));
  return text(problems);
}

TEST(AttentionConfig, EveryFaultIsTold) {
  EXPECT_EQ(refuse("\"linear\""), "error: c.json: attention: expected an object with a key kind, found \"linear\"\n");
  EXPECT_EQ(refuse("{}"), "error: c.json: attention.kind: expected \"softmax\" or \"linear\" or \"performer\" or "
                          "\"cosformer\" or \"linformer\", found none\n");
  EXPECT_EQ(refuse(R"({"kind":"linear","features":3})"),
            "error: c.json: attention.features: expected only keys that are supported or known to have no effect, "
            "found 3\n");
  EXPECT_EQ(refuse(R"({"kind":"linear","chunk":0})"),
            "error: c.json: attention.chunk: expected an integer in [1, 1024], found 0\n");
  EXPECT_EQ(refuse(R"({"kind":"performer"})"),
            "error: c.json: attention.features: expected an integer in [1, 65536], found none\n");
  EXPECT_EQ(refuse(R"({"kind":"performer","features":4,"kernel":"exp"})"),
            "error: c.json: attention.kernel: expected \"softmax\" or \"relu\", found \"exp\"\n");
  EXPECT_EQ(refuse(R"({"kind":"cosformer","max_positions":7})"),
            "error: c.json: attention.max_positions: expected at least max_position_embeddings = 8, found 7\n");
  EXPECT_EQ(refuse("-", "1"), "error: c.json: causal: expected true or false, found 1\n");
}

TEST(AttentionConfig, ALinformerCannotBeCausal) {
  EXPECT_EQ(
      refuse(R"({"kind":"linformer","projected_length":5})"),
      "error: c.json: attention.kind: expected a kind that can be causal, or \"causal\": false: a Linformer's keys "
      "and values are mixtures of all positions of a sequence, so every token would see those behind it, found "
      "\"linformer\" in a causal model\n");
}

/// Types of the function that a model with random weights has.
static FunctionType importFunction(MLIRContext &context, const std::string &attention, const std::string &causal,
                                   StringRef name) {
  TestDirectory directory;
  directory.write("config.json", configText({{"attention", attention}, {"causal", causal}}));
  ImportOptions options;
  options.model = directory.str();
  options.randomSeed = 1;
  Problems problems;
  FailureOr<OwningOpRef<ModuleOp>> module = importModel(&context, options, problems);
  EXPECT_TRUE(succeeded(module)) << text(problems);
  if (failed(module))
    return {};
  auto function = (*module)->lookupSymbol<func::FuncOp>(name);
  EXPECT_TRUE(function);
  return function ? function.getFunctionType() : FunctionType();
}

TEST(AttentionConfig, LinearKindsHaveOneStateThatDoesNotGrow) {
  MLIRContext context;
  FunctionType type = importFunction(context, R"({"kind":"linear","chunk":4})", "true", "step");
  ASSERT_TRUE(type);
  // Behind tokens, slots, positions, rows and picks. Two heads of 8: (8 + 4 + 1) * 8 + 4 * 8 elements, in whole lines.
  ASSERT_EQ(type.getNumInputs(), 6u);
  EXPECT_EQ(type.getInput(5), RankedTensorType::get({ShapedType::kDynamic, 2, 144}, Float32Type::get(&context)));
}

TEST(AttentionConfig, WholeSequencesNeedNoState) {
  MLIRContext context;
  FunctionType type = importFunction(context, R"({"kind":"linformer","projected_length":4})", "false", "forward");
  ASSERT_TRUE(type);
  EXPECT_EQ(type.getNumInputs(), 1u);
  EXPECT_EQ(type.getNumResults(), 1u);
}
