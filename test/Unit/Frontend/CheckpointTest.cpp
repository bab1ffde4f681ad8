// Checkpoint directories: one file, shards, and indices that contradict them.
#include "mf/Frontend/Checkpoint.h"
#include "TestFiles.h"

using namespace mlir::mf;

static constexpr const char *kIndex = "model.safetensors.index.json";

/// A file with F32 [1] tensors.
static std::string shard(std::initializer_list<const char *> names) {
  std::string header = "{";
  size_t offset = 0;
  for (const char *name : names) {
    header += (offset ? ",\"" : "\"") + std::string(name) + R"(":{"dtype":"F32","shape":[1],"data_offsets":[)" +
              std::to_string(offset) + "," + std::to_string(offset + 4) + "]}";
    offset += 4;
  }
  return safetensors(header + "}", offset);
}

namespace {
struct BrokenIndex {
  const char *name;
  std::string index;
  /// All messages, with `DIR/` in place of the directory.
  std::string messages;
};

class BrokenIndices : public ::testing::TestWithParam<BrokenIndex> {};
} // namespace

/// The directory holds one.safetensors with `a` and two.safetensors with `b` and `c`.
TEST_P(BrokenIndices, AreRefused) {
  TestDirectory directory;
  directory.write("one.safetensors", shard({"a"}));
  directory.write("two.safetensors", shard({"b", "c"}));
  directory.write(kIndex, GetParam().index);
  Problems problems;
  EXPECT_FALSE(readCheckpoint(directory.str(), problems));
  std::string found = text(problems);
  for (size_t at; (at = found.find(directory.str())) != std::string::npos;)
    found.replace(at, directory.str().size(), "DIR");
  EXPECT_EQ(found, GetParam().messages);
}

static std::string map(const std::string &entries) { return R"({"weight_map":{)" + entries + "}}"; }

static std::vector<BrokenIndex> brokenIndices() {
  const std::string error = "error: DIR/model.safetensors.index.json: ";
  const std::string two = R"("b":"two.safetensors","c":"two.safetensors")";
  const std::string plain = "expected the name of a file in the same directory, found ";
  return {
      {"empty", "", error + "expected a JSON object, found no valid JSON: [1:0, byte=0]: Unexpected EOF\n"},
      {"array", "[]", error + "expected a JSON object, found []\n"},
      {"no_map", "{}", error + "weight_map: expected an object of file names, found none\n"},
      {"map_array", R"({"weight_map":[]})", error + "weight_map: expected an object of file names, found []\n"},
      {"repeated", map(R"("a":"one.safetensors","a":"two.safetensors")"),
       error + "expected each key once, found \"a\" repeated\n"},
      {"number", map(R"("a":1)"), error + "a: " + plain + "1\n"},
      {"no_name", map(R"("a":"")"), error + "a: " + plain + "\"\"\n"},
      {"parent", map(R"("a":"..")"), error + "a: " + plain + "\"..\"\n"},
      {"traversal", map(R"("a":"../one.safetensors")"), error + "a: " + plain + "\"../one.safetensors\"\n"},
      {"absolute", map(R"("a":"/etc/passwd")"), error + "a: " + plain + "\"/etc/passwd\"\n"},
      {"nul", map(R"("a":"one.safetensors\u0000x")"), error + "a: " + plain + "\"one.safetensors\\u0000x\"\n"},
      {"missing_shard", map(R"("a":"three.safetensors")"),
       "error: DIR/three.safetensors: expected a regular file that can be read, found No such file or directory\n"},
      {"missing_tensor", map(R"("a":"one.safetensors","d":"one.safetensors")"),
       "error: DIR/one.safetensors: d: expected the tensor, as model.safetensors.index.json says, found none\n"},
      {"unlisted_tensor", map(R"("a":"one.safetensors","b":"two.safetensors")"),
       "error: DIR/two.safetensors: c: expected only tensors that model.safetensors.index.json places here, found F32 "
       "[1]\n"},
      {"wrong_shard", map(R"("a":"two.safetensors",)" + two),
       "error: DIR/two.safetensors: a: expected the tensor, as model.safetensors.index.json says, found none\n"},
      {"total_size", R"({"metadata":{"total_size":13},"weight_map":{"a":"one.safetensors",)" + two + "}}",
       error + "metadata.total_size: expected 12 bytes, the sum of all tensors, found 13\n"},
      {"total_size_text", R"({"metadata":{"total_size":"12"},"weight_map":{"a":"one.safetensors",)" + two + "}}",
       error + "metadata.total_size: expected 12 bytes, the sum of all tensors, found \"12\"\n"},
      {"several", map(R"("a":"one.safetensors","b":"../x","d":"two.safetensors","e":"four.safetensors")"),
       error + "b: " + plain + "\"../x\"\n" +
           "error: DIR/four.safetensors: expected a regular file that can be read, found No such file or directory\n"
           "error: DIR/two.safetensors: b: expected only tensors that model.safetensors.index.json places here, found "
           "F32 [1]\n"
           "error: DIR/two.safetensors: c: expected only tensors that model.safetensors.index.json places here, found "
           "F32 [1]\n"
           "error: DIR/two.safetensors: d: expected the tensor, as model.safetensors.index.json says, found none\n"},
  };
}

INSTANTIATE_TEST_SUITE_P(Indices, BrokenIndices, ::testing::ValuesIn(brokenIndices()),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(Checkpoint, ReadsShards) {
  TestDirectory directory;
  directory.write("one.safetensors", shard({"a"}));
  directory.write("two.safetensors", shard({"b", "c"}));
  directory.write(kIndex, R"({"metadata":{"total_size":12.0},"weight_map":{"a":"one.safetensors",)"
                          R"("b":"two.safetensors","c":"two.safetensors"}})");
  Problems problems;
  std::optional<Checkpoint> checkpoint = readCheckpoint(directory.str(), problems);
  ASSERT_TRUE(checkpoint) << text(problems);
  ASSERT_EQ(checkpoint->tensors.size(), 3u);
  EXPECT_EQ(checkpoint->tensors.lookup("a").file, directory.path("one.safetensors"));
  EXPECT_EQ(checkpoint->tensors.lookup("c").file, directory.path("two.safetensors"));
  EXPECT_EQ(checkpoint->tensors.lookup("c").record.offset, checkpoint->tensors.lookup("b").record.offset + 4);
}

TEST(Checkpoint, NeedsOneFileOrOneIndex) {
  TestDirectory directory;
  Problems neither, both;
  EXPECT_FALSE(readCheckpoint(directory.str(), neither));
  EXPECT_TRUE(
      contains(text(neither), "expected either model.safetensors or model.safetensors.index.json, found neither"));
  directory.write("model.safetensors", shard({"a"}));
  directory.write(kIndex, map(R"("a":"model.safetensors")"));
  EXPECT_FALSE(readCheckpoint(directory.str(), both));
  EXPECT_TRUE(contains(text(both), "found both"));
}
