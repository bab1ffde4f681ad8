// From checkpoints and configurations to modules.
#include "TestConfig.h"
#include "TestFiles.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mf/Frontend/ImportModel.h"
#include "mf/Frontend/SafetensorsReader.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include <cmath>

using namespace mlir;
using namespace mlir::mf;

/// Imports what must be importable.
static OwningOpRef<ModuleOp> importGood(MLIRContext &context, const ImportOptions &options) {
  Problems problems;
  FailureOr<OwningOpRef<ModuleOp>> module = importModel(&context, options, problems);
  EXPECT_TRUE(succeeded(module)) << text(problems);
  EXPECT_TRUE(problems.empty());
  return succeeded(module) ? std::move(*module) : OwningOpRef<ModuleOp>();
}

static std::map<std::string, ParameterOp> parametersOf(ModuleOp module) {
  std::map<std::string, ParameterOp> parameters;
  for (auto parameter : module.getOps<ParameterOp>())
    parameters[parameter.getSymName().str()] = parameter;
  return parameters;
}

template <typename T> static std::string print(T value) {
  std::string text;
  llvm::raw_string_ostream os(text);
  value.print(os);
  return text;
}

//===----------------------------------------------------------------------===//
// Golden models
//===----------------------------------------------------------------------===//

namespace {
struct GoldenModel {
  const char *name;
  std::vector<const char *> files;
  const char *languageModel;
};
class GoldenModels : public ::testing::TestWithParam<GoldenModel> {};
} // namespace

TEST_P(GoldenModels, HaveTheirParameters) {
  const GoldenModel &golden = GetParam();
  std::string directory = std::string(MF_TEST_GOLDEN "/model/") + golden.name;
  MLIRContext context;
  OwningOpRef<ModuleOp> module = importGood(context, {directory, "", std::nullopt});
  ASSERT_TRUE(module);
  EXPECT_TRUE(succeeded(verify(*module)));
  EXPECT_EQ(print((*module)->getAttr("mf.language_model")), golden.languageModel);

  std::map<std::string, ParameterOp> parameters = parametersOf(*module);
  size_t tensors = 0;
  for (const char *name : golden.files) {
    Problems problems;
    std::string path = directory + "/" + name;
    std::optional<SafetensorsFile> file = readSafetensors(path, problems);
    ASSERT_TRUE(file) << text(problems);
    for (const TensorRecord &tensor : file->tensors) {
      ASSERT_TRUE(parameters.count(tensor.name)) << tensor.name;
      ParameterOp parameter = parameters[tensor.name];
      RankedTensorType type = parameter.getType();
      auto source = cast<TensorFileAttr>(parameter.getSource());
      EXPECT_EQ(source.getPath().str(), path);
      EXPECT_EQ(source.getOffset(), tensor.offset);
      EXPECT_EQ(source.getElementType(), type.getElementType());
      EXPECT_EQ(print(type.getElementType()), StringRef(tensor.dtype).lower());
      EXPECT_EQ(type.getNumElements() * type.getElementTypeBitWidth() / 8, static_cast<int64_t>(tensor.bytes));
      ++tensors;
    }
  }
  EXPECT_EQ(tensors, 31u);
  EXPECT_EQ(parameters.size(), tensors + 1);
  EXPECT_TRUE(parameters.count("rope.angles"));
}

static const GoldenModel kGoldenModels[] = {
    {"lm_d64_k16_t4",
     {"model.safetensors"},
     "#mf.language_model<name = \"lm_d64_k16_t4\", vocabulary = 512, max_positions = 64>"},
    {"lm_d32_k4_t8_f16_sharded",
     {"model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors"},
     "#mf.language_model<name = \"lm_d32_k4_t8_f16_sharded\", vocabulary = 256, max_positions = 96>"}};

INSTANTIATE_TEST_SUITE_P(Models, GoldenModels, ::testing::ValuesIn(kGoldenModels),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(Import, GivesTypesOfTheDialect) {
  MLIRContext context;
  OwningOpRef<ModuleOp> module =
      importGood(context, {MF_TEST_GOLDEN "/model/lm_d32_k4_t8_f16_sharded", "small_one", std::nullopt});
  ASSERT_TRUE(module);
  std::map<std::string, ParameterOp> parameters = parametersOf(*module);
  auto typeOf = [&](const char *name) { return print(parameters[name].getType()); };
  EXPECT_EQ(typeOf("sequential.0.word_embeddings.weight"), "tensor<256x32xf16>");
  EXPECT_EQ(typeOf("sequential.3.attention.key_proj.tables"), "tensor<4x256x32xf16>");
  EXPECT_EQ(typeOf("sequential.3.mlp.0.tables"), "tensor<4x256x40xf16>");
  EXPECT_EQ(typeOf("sequential.3.mlp.1.bias"), "tensor<40xf32>");
  EXPECT_EQ(typeOf("sequential.3.mlp.2.tables"), "tensor<4x1024x32xf16>");
  EXPECT_EQ(typeOf("rope.angles"), "tensor<96x1x2xf32>");
  EXPECT_EQ(print(parameters["rope.angles"].getSource()), "#mf.rotary_angles<base = 1.000000e+04 : f64>");
  EXPECT_TRUE(contains(print((*module)->getAttr("mf.language_model")), "name = \"small_one\""));
  auto config = (*module)->getAttrOfType<StringAttr>("mf.config");
  EXPECT_TRUE(
      config.getValue().starts_with(R"({"architectures":["MemoryFormerForCausalLM"],"model_type":"memoryformer")"));
}

//===----------------------------------------------------------------------===//
// The function
//===----------------------------------------------------------------------===//

/// Imports `config` with random weights.
static OwningOpRef<ModuleOp> importConfig(MLIRContext &context, const std::string &config, uint64_t seed = 1) {
  TestDirectory directory;
  return importGood(context, {directory.write("one-layer.json", config), "", seed});
}

template <typename OpTy> static std::vector<OpTy> opsOf(ModuleOp module) {
  std::vector<OpTy> ops;
  module.walk([&](OpTy op) { ops.push_back(op); });
  return ops;
}

static std::vector<std::string> opNames(ModuleOp module) {
  std::vector<std::string> names;
  module.lookupSymbol<func::FuncOp>("step").walk([&](Operation *op) {
    StringRef name = op->getName().getStringRef();
    if (name != "mf.get_parameter" && name != "arith.constant" && name != "tensor.empty" && name != "tensor.dim")
      names.push_back(name.str());
  });
  return names;
}

static std::vector<std::string> expectedOps(bool hasRope) {
  std::vector<std::string> names = {"mf.embedding", "mf.rms_norm", "mf.hash", "mf.lookup", "mf.lookup", "mf.lookup"};
  for (int operand = 0; operand < 2; ++operand) {
    names.push_back("tensor.expand_shape");
    if (hasRope)
      names.push_back("mf.rope");
  }
  for (const char *name :
       {"mf.update_state", "tensor.expand_shape", "mf.update_state", "mf.cached_attention", "tensor.collapse_shape",
        "mf.add",          "mf.rms_norm",         "mf.hash",         "mf.lookup",           "mf.layer_norm",
        "mf.hash",         "mf.lookup",           "mf.add",          "mf.embedding",        "mf.rms_norm",
        "mf.linear",       "mf.embedding",        "mf.rms_norm",     "mf.linear",           "mf.top_k",
        "mf.merge_top_k",  "func.return",         "func.func"})
    names.push_back(name);
  return names;
}

TEST(Import, BuildsABlock) {
  MLIRContext context;
  OwningOpRef<ModuleOp> module = importConfig(context, configText());
  ASSERT_TRUE(module);
  EXPECT_EQ(opNames(*module), expectedOps(/*hasRope=*/true));
  auto function = module->lookupSymbol<func::FuncOp>("step");
  EXPECT_EQ(print(Type(function.getFunctionType())),
            "(tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?x2x?x8xf32>, "
            "tensor<?x2x?x8xf32>) -> (tensor<?x10xf32>, tensor<?x1xf32>, tensor<?x1xi32>, tensor<?x2x?x8xf32>, "
            "tensor<?x2x?x8xf32>)");
  EXPECT_EQ(print(Attribute(function.getArgAttrDict(3))), "{mf.dims = [\"rows\"], mf.name = \"rows\"}");
  EXPECT_EQ(print(Attribute(function.getArgAttrDict(6))),
            "{mf.dims = [\"sequences\", \"\", \"positions\", \"\"], mf.name = \"layers.0.values\", mf.state}");
  EXPECT_EQ(print(Attribute(function.getResultAttrDict(0))), "{mf.dims = [\"rows\", \"\"], mf.name = \"logits\"}");
  EXPECT_EQ(function.getResultAttrDict(4), function.getArgAttrDict(6));
  for (CachedAttentionOp attention : opsOf<CachedAttentionOp>(*module))
    EXPECT_EQ(attention.getScale().convertToDouble(), 1 / std::sqrt(8.0));
  EXPECT_TRUE(contains(print((*module)->getAttr("mf.language_model")), "name = \"one_layer\""));
}

TEST(Import, LeavesOutRopeWithoutRotaryFeatures) {
  MLIRContext context;
  OwningOpRef<ModuleOp> module = importConfig(context, configText({{"rotary_pct", "0.1"}}));
  ASSERT_TRUE(module);
  EXPECT_EQ(opNames(*module), expectedOps(/*hasRope=*/false));
  EXPECT_FALSE(parametersOf(*module).count("rope.angles"));
}

TEST(Import, TakesNumbersFromTheConfiguration) {
  MLIRContext context;
  OwningOpRef<ModuleOp> module = importConfig(context, configText({{"hidden_size", "16"},
                                                                   {"memory_num_tables", "2"},
                                                                   {"memory_code_bits", "8"},
                                                                   {"intermediate_size", "20"},
                                                                   {"memory_score", "\"probability\""},
                                                                   {"memory_temperature", "0.5"},
                                                                   {"rms_norm_eps", "1e-6"},
                                                                   {"layer_norm_eps", "1e-4"}}));
  ASSERT_TRUE(module);
  std::vector<HashOp> hashes = opsOf<HashOp>(*module);
  ASSERT_EQ(hashes.size(), 3u);
  for (auto [hash, isSecond] : llvm::zip_equal(hashes, std::vector<bool>{false, false, true})) {
    EXPECT_EQ(hash.getBits(), isSecond ? 10u : 8u);
    EXPECT_EQ(print(hash.getResult(0).getType()), isSecond ? "tensor<?x2xi16>" : "tensor<?x2xi8>");
    EXPECT_EQ(hash.getScore(), ScoreKind::Probability);
    EXPECT_EQ(hash.getTemperature().convertToDouble(), 0.5);
  }
  for (RMSNormOp norm : opsOf<RMSNormOp>(*module))
    EXPECT_EQ(norm.getEps().convertToDouble(), 1e-6);
  for (LayerNormOp norm : opsOf<LayerNormOp>(*module))
    EXPECT_EQ(norm.getEps().convertToDouble(), 1e-4);
}

//===----------------------------------------------------------------------===//
// Random weights
//===----------------------------------------------------------------------===//

TEST(Import, NamedConfigurationsHaveThePapersParameters) {
  for (auto [name, expected] :
       {std::pair<const char *, int64_t>("tiny", 466777856), {"small", 1945920000}, {"base", 6747040768}}) {
    MLIRContext context;
    OwningOpRef<ModuleOp> module = importGood(context, {name, "", 0});
    ASSERT_TRUE(module);
    int64_t count = 0;
    for (auto parameter : module->getOps<ParameterOp>())
      if (parameter.getSymName() != "rope.angles")
        count += parameter.getType().getNumElements();
    EXPECT_EQ(count, expected);
  }
}

TEST(Import, RandomWeightsHaveThePublishedMagnitudes) {
  MLIRContext context;
  OwningOpRef<ModuleOp> module = importConfig(context, configText());
  ASSERT_TRUE(module);
  std::map<std::string, ParameterOp> parameters = parametersOf(*module);
  auto scale = [&](const char *name) {
    return cast<RandomAttr>(parameters[name].getSource()).getScale().getValueAsDouble();
  };
  // sqrt(3) times sqrt(2 / (5 * 16)), 0.02 and 0.001.
  for (const char *name : {"sequential.0.word_embeddings.weight", "sequential.2.attention.query_proj.tables",
                           "sequential.2.attention.value_proj.tables", "sequential.5.final_linear.weight"})
    EXPECT_NEAR(scale(name), 0.273861279, 1e-9);
  EXPECT_NEAR(scale("sequential.2.mlp.0.tables"), 0.0346410162, 1e-9);
  EXPECT_NEAR(scale("sequential.2.mlp.2.tables"), 0.0346410162, 1e-9);
  EXPECT_NEAR(scale("sequential.2.mlp.0.bias"), 0.00173205081, 1e-11);
  for (const char *name :
       {"sequential.2.input_layernorm.scale", "sequential.2.mlp.1.weight", "sequential.4.norm.scale"})
    EXPECT_EQ(print(parameters[name].getSource()), "#mf.fill<1.000000e+00 : f64>");
  EXPECT_EQ(print(parameters["sequential.2.mlp.1.bias"].getSource()), "#mf.fill<0.000000e+00 : f64>");
}

TEST(Import, RandomWeightsDependOnSeedAndName) {
  MLIRContext context;
  std::string texts[2];
  std::vector<uint64_t> seeds;
  for (uint64_t seed : {1, 1, 2}) {
    OwningOpRef<ModuleOp> module = importConfig(context, configText(), seed);
    ASSERT_TRUE(module);
    seeds.clear();
    for (auto parameter : module->getOps<ParameterOp>())
      if (auto random = dyn_cast<RandomAttr>(parameter.getSource()))
        seeds.push_back(random.getSeed());
    texts[seed - 1] = print(*module);
    OwningOpRef<ModuleOp> again = parseSourceString<ModuleOp>(texts[seed - 1], &context);
    ASSERT_TRUE(again);
    EXPECT_EQ(print(*again), texts[seed - 1]);
  }
  EXPECT_NE(texts[0], texts[1]);
  llvm::sort(seeds);
  EXPECT_EQ(seeds.size(), 12u);
  EXPECT_TRUE(std::adjacent_find(seeds.begin(), seeds.end()) == seeds.end());
}

TEST(Import, RandomMatricesHaveTheElementTypeAskedFor) {
  MLIRContext context;
  TestDirectory directory;
  directory.write("config.json", configText());
  ImportOptions options{directory.str(), "m", 3, ImportOptions::ElementType::BF16};
  OwningOpRef<ModuleOp> module = importGood(context, options);
  ASSERT_TRUE(module);
  std::map<std::string, ParameterOp> parameters = parametersOf(*module);
  EXPECT_EQ(print(parameters["sequential.2.mlp.2.tables"].getType()), "tensor<4x64x16xbf16>");
  EXPECT_EQ(print(parameters["sequential.5.final_linear.weight"].getType()), "tensor<10x16xbf16>");
  EXPECT_EQ(print(parameters["sequential.2.mlp.2.bias"].getType()), "tensor<16xf32>");
  EXPECT_EQ(print(parameters["rope.angles"].getType()), "tensor<8x1x2xf32>");
}

TEST(Import, MakesIdentifiers) {
  EXPECT_EQ(makeIdentifier("lm-d64.k16"), "lm_d64_k16");
  EXPECT_EQ(makeIdentifier("7b"), "m7b");
  EXPECT_EQ(makeIdentifier(""), "model");
  EXPECT_EQ(makeIdentifier("\xc3\xa9"), "__");
}
