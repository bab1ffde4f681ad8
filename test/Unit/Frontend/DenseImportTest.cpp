// Dense and hybrid models: the ops of their blocks, and the tensors that their parameters are made of.
#include "TestConfig.h"
#include "TestFiles.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mf/Frontend/ImportModel.h"
#include "mf/Frontend/Names.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mlir::mf;

static OwningOpRef<ModuleOp> importConfig(MLIRContext &context, const std::string &config) {
  TestDirectory directory;
  ImportOptions options{directory.write("model.json", config), "", 1};
  Problems problems;
  FailureOr<OwningOpRef<ModuleOp>> module = importModel(&context, options, problems);
  EXPECT_TRUE(succeeded(module)) << text(problems);
  return succeeded(module) ? std::move(*module) : OwningOpRef<ModuleOp>();
}

/// Names of the compute ops of `step` between the embedding and the gather of rows.
static std::vector<std::string> blockOps(ModuleOp module) {
  std::vector<std::string> names;
  module.lookupSymbol<func::FuncOp>("step").walk(
      [&](ComputeOpInterface op) { names.push_back(op->getName().stripDialect().str()); });
  auto isEmbedding = [](const std::string &name) { return name == "embedding"; };
  names.erase(names.begin(), std::next(llvm::find_if(names, isEmbedding)));
  names.erase(llvm::find_if(names, isEmbedding), names.end());
  return names;
}

using Names = std::vector<std::string>;
static const Names kAttend = {"rope", "rope", "update_state", "update_state", "cached_attention"};

static Names concat(std::initializer_list<Names> parts) {
  Names all;
  for (const Names &part : parts)
    llvm::append_range(all, part);
  return all;
}

TEST(DenseImport, BuildsGPTNeoXBlocks) {
  MLIRContext context;
  Names projections = {"linear", "linear", "linear", "add", "add", "add"};
  Names feedForward = {"linear", "activation", "linear", "add", "add"};
  EXPECT_EQ(blockOps(*importConfig(context, neoXText())),
            concat({{"layer_norm", "layer_norm"}, projections, kAttend, {"linear", "add", "add"}, feedForward}));
  EXPECT_EQ(blockOps(*importConfig(context, neoXText({{"use_parallel_residual", "false"}}))),
            concat({{"layer_norm"}, projections, kAttend, {"linear", "add", "add", "layer_norm"}, feedForward}));
  EXPECT_EQ(blockOps(*importConfig(context, neoXText({{"attention_bias", "false"}, {"rotary_pct", "0"}}))),
            concat({{"layer_norm", "layer_norm", "linear", "linear", "linear"},
                    {"update_state", "update_state", "cached_attention", "linear", "add"},
                    feedForward}));
}

TEST(DenseImport, BuildsLlamaBlocks) {
  MLIRContext context;
  OwningOpRef<ModuleOp> module = importConfig(context, llamaText({{"rms_norm_eps", "1e-4"}}));
  EXPECT_EQ(blockOps(*module),
            concat({{"rms_norm", "linear", "linear", "linear"},
                    kAttend,
                    {"linear", "add", "rms_norm", "linear", "linear", "activation", "linear", "add"}}));
  module->walk([&](RMSNormOp norm) {
    EXPECT_TRUE(norm.getEpsInsideRoot());
    EXPECT_EQ(norm.getEps().convertToDouble(), 1e-4);
  });
  module->walk([&](ActivationOp activation) {
    EXPECT_EQ(activation.getKind(), ActivationKind::SiLU);
    EXPECT_TRUE(activation.getFactor() && !activation.getBias());
  });
  // Queries of 4 heads, keys of 2, in the caches too.
  auto function = module->lookupSymbol<func::FuncOp>("step");
  EXPECT_EQ(cast<ShapedType>(function.getArgumentTypes()[4]).getShape(),
            (ArrayRef<int64_t>{ShapedType::kDynamic, 2, ShapedType::kDynamic, 4}));
}

TEST(DenseImport, HybridsHaveBlocksOfBothKinds) {
  MLIRContext context;
  Names names = blockOps(
      *importConfig(context, configText({{"num_hidden_layers", "2"}, {"layer_kinds", "[\"memory\",\"dense\"]"}})));
  EXPECT_EQ(llvm::count(names, "hash"), 3);
  EXPECT_EQ(llvm::count(names, "linear"), 6);
  EXPECT_EQ(llvm::count(names, "cached_attention"), 2);
  EXPECT_LT(llvm::find(names, "hash") - names.begin(), llvm::find(names, "linear") - names.begin());
}

TEST(DenseImport, ListsFusedProjectionsAndTiedHeads) {
  Problems problems;
  std::optional<ModelConfig> config = parseConfig(neoXText({{"tie_word_embeddings", "true"}}), "c", problems);
  ASSERT_TRUE(config);
  std::map<std::string, ParameterSpec> specs;
  for (ParameterSpec &spec : listParameters(*config))
    specs.emplace(spec.name, spec);
  const std::string prefix = "gpt_neox.layers.0.attention.query_key_value";
  int64_t first = 0;
  for (const char *side : {"query", "key", "value"}) {
    const ParameterSpec &weight = specs.at(prefix + "." + side + ".weight");
    EXPECT_EQ(weight.storedName, prefix + ".weight");
    EXPECT_EQ(weight.storedShape, (SmallVector<uint64_t>{48, 16}));
    EXPECT_EQ(weight.shape, (SmallVector<int64_t>{16, 16}));
    ASSERT_TRUE(weight.rows);
    EXPECT_EQ(weight.rows->first, first);
    EXPECT_EQ(weight.rows->rows, 8);
    EXPECT_EQ(weight.rows->stride, 24);
    EXPECT_EQ(specs.at(prefix + "." + side + ".bias").storedShape, (SmallVector<uint64_t>{48}));
    first += 8;
  }
  EXPECT_EQ(specs.at("embed_out.weight").storedName, "gpt_neox.embed_in.weight");
  EXPECT_TRUE(isIgnoredName(*config, "gpt_neox.layers.0.attention.masked_bias"));
  EXPECT_TRUE(isIgnoredName(*config, "gpt_neox.layers.0.attention.rotary_emb.inv_freq"));
  EXPECT_TRUE(isIgnoredName(*config, "embed_out.weight"));
  EXPECT_FALSE(isIgnoredName(*config, "gpt_neox.layers.0.attention.dense.bias"));
}

TEST(DenseImport, PythiaHasThePublishedSizes) {
  // Published counts without what a vocabulary of 50,304 tokens has: blocks and the last norm.
  for (auto [name, expected] : {std::pair<const char *, int64_t>("pythia-70m", 18915328),
                                {"pythia-160m", 85056000},
                                {"pythia-410m", 302311424}}) {
    Problems problems;
    std::optional<ModelConfig> config = parseConfig(*namedConfigText(name), name, problems);
    ASSERT_TRUE(config) << text(problems);
    int64_t count = 0;
    for (const ParameterSpec &spec : listParameters(*config))
      if (spec.kind != ParameterSpec::Kind::Embedding)
        count += llvm::product_of(spec.shape);
    EXPECT_EQ(count, expected) << name;
  }
}
