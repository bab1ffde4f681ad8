// Checkpoints that do not hold the model of their configuration.
#include "TestConfig.h"
#include "TestFiles.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mf/Frontend/ImportModel.h"

using namespace mlir;
using namespace mlir::mf;

namespace {
struct Tensor {
  std::string dtype;
  std::vector<int> shape;
};
using Tensors = std::map<std::string, Tensor>;

struct Fault {
  const char *name;
  std::function<void(Tensors &)> change;
  /// All messages, with `FILE` in place of the path of model.safetensors.
  std::string messages;
};
class Faults : public ::testing::TestWithParam<Fault> {};
} // namespace

/// What the configuration of TestConfig.h needs: d = 16, K = 4, tau = 4, FFN width 24.
static Tensors goodTensors() {
  Tensors tensors = {{"sequential.0.word_embeddings.weight", {"F16", {10, 16}}},
                     {"sequential.2.input_layernorm.scale", {"F32", {16}}},
                     {"sequential.2.post_attention_layernorm.scale", {"F32", {16}}},
                     {"sequential.2.mlp.0.tables", {"F16", {64, 24}}},
                     {"sequential.2.mlp.0.bias", {"F32", {24}}},
                     {"sequential.2.mlp.1.weight", {"BF16", {24}}},
                     {"sequential.2.mlp.1.bias", {"F32", {24}}},
                     {"sequential.2.mlp.2.tables", {"F32", {256, 16}}},
                     {"sequential.2.mlp.2.bias", {"F32", {16}}},
                     {"sequential.4.norm.scale", {"F32", {16}}},
                     {"sequential.5.final_linear.weight", {"F16", {10, 16}}}};
  for (std::string prefix : {"query", "key", "value"}) {
    tensors["sequential.2.attention." + prefix + "_proj.tables"] = {"BF16", {64, 16}};
    tensors["sequential.2.attention." + prefix + "_proj.bias"] = {"F32", {16}};
  }
  return tensors;
}

static std::string fileOf(const Tensors &tensors) {
  std::string header;
  size_t offset = 0;
  for (const auto &[name, tensor] : tensors) {
    size_t bytes = tensor.dtype == "F64" ? 8 : tensor.dtype == "F32" ? 4 : tensor.dtype == "I8" ? 1 : 2;
    std::string shape;
    for (int extent : tensor.shape) {
      bytes *= extent;
      shape += (shape.empty() ? "" : ",") + std::to_string(extent);
    }
    header += (header.empty() ? "{\"" : ",\"") + name + "\":{\"dtype\":\"" + tensor.dtype + "\",\"shape\":[" + shape +
              "],\"data_offsets\":[" + std::to_string(offset) + "," + std::to_string(offset + bytes) + "]}";
    offset += bytes;
  }
  return safetensors(header + "}", offset);
}

TEST_P(Faults, AreAllTold) {
  TestDirectory directory;
  Tensors tensors = goodTensors();
  GetParam().change(tensors);
  directory.write("config.json", configText());
  std::string path = directory.write("model.safetensors", fileOf(tensors));
  MLIRContext context;
  Problems problems;
  FailureOr<OwningOpRef<ModuleOp>> module = importModel(&context, {directory.str(), "", std::nullopt}, problems);
  EXPECT_EQ(succeeded(module), GetParam().messages.empty());
  std::string found = text(problems);
  for (size_t at; (at = found.find(path)) != std::string::npos;)
    found.replace(at, path.size(), "FILE");
  EXPECT_EQ(found, GetParam().messages);
}

static const Fault kFaults[] = {
    {"none", [](Tensors &) {}, ""},
    {"saved_frequencies",
     [](Tensors &t) {
       t["sequential.2.attention.rotary_emb.inv_freq"] = {"F32", {1}};
     },
     ""},
    {"unused_other_type",
     [](Tensors &t) {
       t["sequential.2.attention.rotary_emb.inv_freq"] = {"F64", {1}};
     },
     ""},
    {"missing", [](Tensors &t) { t.erase("sequential.2.mlp.0.tables"); },
     "error: FILE: sequential.2.mlp.0.tables: expected a tensor [64, 24], found none\n"},
    {"extra",
     [](Tensors &t) {
       t["sequential.2.attention.hash.projection.weight"] = {"F32", {16, 16}};
     },
     "error: FILE: sequential.2.attention.hash.projection.weight: expected only parameters of the model that "
     "config.json "
     "describes, found F32 [16, 16]\n"},
    {"shape",
     [](Tensors &t) {
       t["sequential.2.mlp.2.tables"].shape = {4, 64, 16};
     },
     "error: FILE: sequential.2.mlp.2.tables: expected shape [256, 16], found [4, 64, 16]\n"},
    {"dtype", [](Tensors &t) { t["sequential.2.mlp.2.tables"].dtype = "I8"; },
     "error: FILE: sequential.2.mlp.2.tables: expected dtype F32, F16 or BF16, found I8\n"},
    {"several",
     [](Tensors &t) {
       t.erase("sequential.0.word_embeddings.weight");
       t["sequential.2.mlp.0.bias"] = {"F64", {25}};
       t["sequential.3.input_layernorm.scale"] = {"F32", {16}};
     },
     "error: FILE: sequential.0.word_embeddings.weight: expected a tensor [10, 16], found none\n"
     "error: FILE: sequential.2.mlp.0.bias: expected shape [24], found [25]\n"
     "error: FILE: sequential.2.mlp.0.bias: expected dtype F32, F16 or BF16, found F64\n"
     "error: FILE: sequential.3.input_layernorm.scale: expected only parameters of the model that config.json "
     "describes, found F32 [16]\n"},
};

INSTANTIATE_TEST_SUITE_P(Checkpoints, Faults, ::testing::ValuesIn(kFaults),
                         [](const auto &info) { return std::string(info.param.name); });

/// The messages of an import that must fail.
static std::string failures(const ImportOptions &options) {
  MLIRContext context;
  Problems problems;
  EXPECT_TRUE(failed(importModel(&context, options, problems)));
  return text(problems);
}

TEST(ImportErrors, TellFaultsOfConfigurationAndCheckpointTogether) {
  TestDirectory directory;
  directory.write("config.json", configText({{"vocab_size", "0"}, {"tie_word_embeddings", "true"}}));
  directory.write("model.safetensors", "short");
  std::string messages = failures({directory.str(), "not-a-name", std::nullopt});
  EXPECT_TRUE(contains(messages, "name of the model: expected a C identifier, found \"not-a-name\""));
  EXPECT_TRUE(contains(messages, "config.json: vocab_size: expected"));
  EXPECT_TRUE(contains(messages, "config.json: tie_word_embeddings: expected false, found true"));
  EXPECT_TRUE(contains(messages, "model.safetensors: header: expected 8 bytes with its length, found a file of 5"));
}

TEST(ImportErrors, TellWhatIsMissing) {
  TestDirectory directory;
  EXPECT_TRUE(contains(failures({directory.str(), "", std::nullopt}),
                       "config.json: expected a regular file that can be read, found No such file or directory"));
  EXPECT_EQ(failures({"no-such-model", "", 1}),
            "error: no-such-model: expected a directory with config.json, a configuration file, or tiny, small, base, "
            "pythia-70m, pythia-160m, pythia-410m, found none of these\n");
  EXPECT_TRUE(contains(failures({"", "", 1}), "found none of these"));
  EXPECT_EQ(failures({"tiny", "", std::nullopt}),
            "error: tiny: expected a directory with a checkpoint, or random weights, found a configuration alone\n");
}

TEST(ImportErrors, RefuseTheBrokenCheckpoints) {
  struct {
    const char *folder;
    size_t count;
    const char *message;
  } cases[] = {
      {"configuration", 7, "config.json: hidden_act: expected only keys that are supported or known to have no effect"},
      {"missing_shard", 1, "model-00001-of-00001.safetensors: expected a regular file that can be read"},
      {"no_tensors", 1, "no_tensors: expected either model.safetensors or model.safetensors.index.json, found neither"},
      {"tensors", 4, "model.safetensors: sequential.2.mlp.0.tables: expected shape [32, 12], found [32, 11]"},
      {"traversal", 1, "expected the name of a file in the same directory, found \"../tensors/model.safetensors\""},
      {"truncated", 1, "model.safetensors: data: expected 4976 bytes, as the header says, found 4975 bytes"}};
  for (const auto &broken : cases) {
    std::string messages = failures({std::string(MF_TEST_BROKEN "/") + broken.folder, "", std::nullopt});
    EXPECT_EQ(StringRef(messages).count('\n'), broken.count) << messages;
    EXPECT_TRUE(contains(messages, broken.message));
  }
}

TEST(ImportErrors, MessagesStayOnALine) {
  Problems problems;
  problems.add("f", "a\nb\x1b[0m", "x", "y");
  EXPECT_EQ(text(problems), "error: f: a?b?[0m: expected x, found y\n");
}
