// Safetensors headers: what is read, and what is refused with which message.
#include "TestFiles.h"
#include "mf/Frontend/SafetensorsReader.h"
#include <sys/stat.h>

using namespace mlir::mf;

namespace {
struct Broken {
  const char *name;
  std::string bytes;
  /// Part of the one message that is expected.
  std::string message;
};

class BrokenSafetensors : public ::testing::TestWithParam<Broken> {};
} // namespace

TEST_P(BrokenSafetensors, IsRefused) {
  TestDirectory directory;
  std::string path = directory.write("x.safetensors", GetParam().bytes);
  Problems problems;
  EXPECT_FALSE(readSafetensors(path, problems));
  EXPECT_EQ(problems.size(), 1u) << text(problems);
  EXPECT_TRUE(contains(text(problems), "error: " + path + ": " + GetParam().message));
}

/// A header with one tensor "t".
static std::string one(const std::string &dtype, const std::string &shape, const std::string &offsets) {
  return R"({"t":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

/// A header with two F32 [1] tensors.
static std::string two(const std::string &offsetsA, const std::string &offsetsB) {
  return R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + offsetsA +
         R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + offsetsB + "}}";
}

static std::vector<Broken> brokenFiles() {
  std::string good = one("\"F32\"", "[2]", "[0,8]");
  std::string dtypeMessage = "t: expected a dtype of the format, such as \"F32\", found ";
  std::string offsetMessage = "t: expected data_offsets [begin, end] with begin <= end, found ";
  return {
      {"empty", "", "header: expected 8 bytes with its length, found a file of 0 bytes"},
      {"short", "1234567", "header: expected 8 bytes with its length, found a file of 7 bytes"},
      {"length_too_big", littleEndian(100000001), "header: expected at most 100000000 bytes, found 100000001"},
      {"length_huge", littleEndian(~uint64_t(0)),
       "header: expected at most 100000000 bytes, found 18446744073709551615"},
      {"length_outside", littleEndian(3) + "{}",
       "header: expected a header inside the file of 10 bytes, found 3 bytes"},
      {"length_zero", littleEndian(0), "header: expected a JSON object that begins with '{', found"},
      {"begins_with_space", safetensors(" {}", 0),
       "header: expected a JSON object that begins with '{', found \"207B7D\""},
      {"array", safetensors("[]", 0), "header: expected a JSON object that begins with '{'"},
      {"not_json", safetensors("{\"t\":}", 0), "header: expected a JSON object, found no valid JSON"},
      {"text_after", safetensors("{} x", 0), "header: expected a JSON object, found no valid JSON"},
      {"not_utf8", safetensors("{\"\xff\":1}", 0), "header: expected a JSON object, found no valid JSON"},
      {"unterminated_string", safetensors("{\"t\\", 0), "header: expected a JSON object, found no valid JSON"},
      {"deep", safetensors("{\"t\":" + std::string(100000, '['), 0), "header: expected JSON nested at most 32 deep"},
      {"repeated_tensor", safetensors("{\"t\":1,\"t\":1}", 0), "header: expected each key once, found \"t\" repeated"},
      {"repeated_escaped", safetensors("{\"t\":1,\"\\u0074\":1}", 0),
       "header: expected each key once, found \"t\" repeated"},
      {"repeated_inner", safetensors(one("\"F32\"", "[2],\"dtype\":\"F16\"", "[0,8]"), 8),
       "header: expected each key once, found \"dtype\" repeated"},
      {"repeated_metadata", safetensors(R"({"__metadata__":{"a":"1","a":"2"}})", 0),
       "header: expected each key once, found \"a\" repeated"},
      {"metadata_number", safetensors(R"({"__metadata__":{"a":1}})", 0), "__metadata__.a: expected a string, found 1"},
      {"metadata_array", safetensors(R"({"__metadata__":[]})", 0),
       "__metadata__: expected an object of strings, found []"},
      {"tensor_number", safetensors("{\"t\":1}", 0),
       "t: expected an object with dtype, shape and data_offsets, found 1"},
      {"unknown_key", safetensors(one("\"F32\"", "[2],\"strides\":[1]", "[0,8]"), 8),
       "t: expected only the keys dtype, shape and data_offsets, found \"strides\""},
      {"no_dtype", safetensors(R"({"t":{"shape":[2],"data_offsets":[0,8]}})", 8), dtypeMessage + "none"},
      {"unknown_dtype", safetensors(one("\"F33\"", "[2]", "[0,8]"), 8), dtypeMessage + "\"F33\""},
      {"no_shape", safetensors(R"({"t":{"dtype":"F32","data_offsets":[0,8]}})", 8),
       "t: expected a shape of whole numbers, found none"},
      {"negative_extent", safetensors(one("\"F32\"", "[-2]", "[0,8]"), 8),
       "t: expected a shape of whole numbers, found [-2]"},
      {"fraction", safetensors(one("\"F32\"", "[2.5]", "[0,8]"), 8),
       "t: expected a shape of whole numbers, found [2.5]"},
      {"extent_too_big", safetensors(one("\"F32\"", "[18446744073709551616]", "[0,8]"), 8),
       "t: expected a shape of whole numbers, found"},
      {"product_overflow", safetensors(one("\"F32\"", "[4294967296,4294967296]", "[0,8]"), 8),
       "t: expected a tensor of whole bytes below 2^64 bits, found F32 [4294967296, 4294967296]"},
      {"bytes_overflow", safetensors(one("\"F32\"", "[4611686018427387904]", "[0,0]"), 0),
       "t: expected a tensor of whole bytes below 2^64 bits"},
      {"half_bytes", safetensors(one("\"F4\"", "[3]", "[0,1]"), 1), "t: expected a tensor of whole bytes"},
      {"size_differs", safetensors(one("\"F32\"", "[2]", "[0,4]"), 4),
       "t: expected 8 bytes for F32 [2], found 4 bytes in data_offsets"},
      {"no_offsets", safetensors(R"({"t":{"dtype":"F32","shape":[2]}})", 8), offsetMessage + "none"},
      {"one_offset", safetensors(one("\"F32\"", "[2]", "[0]"), 8), offsetMessage + "[0]"},
      {"offsets_reversed", safetensors(one("\"F32\"", "[2]", "[8,0]"), 8), offsetMessage + "[8,0]"},
      {"first_gap", safetensors(one("\"F32\"", "[2]", "[1,9]"), 9),
       "t: expected data from byte 0 on, where the tensor before it ends, found data from byte 1 on, a gap"},
      {"gap", safetensors(two("[0,4]", "[5,9]"), 9),
       "b: expected data from byte 4 on, where the tensor before it ends, found data from byte 5 on, a gap"},
      {"overlap", safetensors(two("[0,4]", "[3,7]"), 7),
       "b: expected data from byte 4 on, where the tensor before it ends, found data from byte 3 on, an overlap"},
      {"same_place", safetensors(two("[0,4]", "[0,4]"), 4),
       "b: expected data from byte 4 on, where the tensor before it ends, found data from byte 0 on, an overlap"},
      {"data_missing", safetensors(good, 7), "data: expected 8 bytes, as the header says, found 7 bytes"},
      {"data_left", safetensors(good, 9), "data: expected 8 bytes, as the header says, found 9 bytes"},
  };
}

INSTANTIATE_TEST_SUITE_P(Files, BrokenSafetensors, ::testing::ValuesIn(brokenFiles()),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(Safetensors, ReadsInOrderOfData) {
  TestDirectory directory;
  // Written in another order than the data; rank 0, no elements, padding after the object.
  std::string header = R"({"last":{"dtype":"BF16","shape":[2,1],"data_offsets":[4,8]},"__metadata__":{"format":"pt"},)"
                       R"("scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                       R"("none":{"dtype":"F16","shape":[3,0],"data_offsets":[4,4]}}   )";
  std::string path = directory.write("x.safetensors", safetensors(header, 8));
  Problems problems;
  std::optional<SafetensorsFile> file = readSafetensors(path, problems);
  ASSERT_TRUE(file) << text(problems);
  EXPECT_EQ(file->path, path);
  ASSERT_EQ(file->tensors.size(), 3u);
  EXPECT_EQ(file->tensors[0].name, "scalar");
  EXPECT_EQ(file->tensors[0].describe(), "F32 []");
  EXPECT_EQ(file->tensors[0].offset, 8 + header.size());
  EXPECT_EQ(file->tensors[0].bytes, 4u);
  EXPECT_EQ(file->tensors[1].name, "none");
  EXPECT_EQ(file->tensors[1].bytes, 0u);
  EXPECT_EQ(file->tensors[2].describe(), "BF16 [2, 1]");
  EXPECT_EQ(file->tensors[2].offset, 12 + header.size());
}

TEST(Safetensors, ReadsOtherTypesAndNoTensors) {
  TestDirectory directory;
  Problems problems;
  std::string types = directory.write("types", safetensors(one("\"F8_E4M3\"", "[3]", "[0,3]"), 3));
  std::string empty = directory.write("empty", safetensors("{}", 0));
  EXPECT_TRUE(readSafetensors(types, problems));
  EXPECT_TRUE(readSafetensors(empty, problems));
  EXPECT_TRUE(problems.empty()) << text(problems);
}

TEST(Safetensors, TellsAllTensors) {
  TestDirectory directory;
  std::string path = directory.write(
      "x", safetensors(R"({"a":{"dtype":"X","shape":-1,"data_offsets":[0,4]},"b":7,"__metadata__":{"k":[]}})", 4));
  Problems problems;
  EXPECT_FALSE(readSafetensors(path, problems));
  EXPECT_EQ(problems.size(), 4u) << text(problems);
}

TEST(Safetensors, RefusesWhatIsNoRegularFile) {
  TestDirectory directory;
  std::string fifo = directory.path("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  for (auto [path, found] : {std::pair<std::string, std::string>(directory.str(), "a directory"),
                             {fifo, "a pipe"},
                             {"/dev/null", "a device"},
                             {directory.path("nothing"), "No such file or directory"}}) {
    Problems problems;
    EXPECT_FALSE(readSafetensors(path, problems));
    EXPECT_EQ(text(problems), "error: " + path + ": expected a regular file that can be read, found " + found + "\n");
  }
}

/// Parses a copy of just these bytes, so that a sanitizer sees a read beyond them.
static std::optional<SafetensorsFile> parse(const std::string &bytes, Problems &problems) {
  std::vector<char> copy(bytes.begin(), bytes.end());
  return parseSafetensors(llvm::StringRef(copy.data(), copy.size()), "x", problems);
}

// Every prefix of a valid file is refused. Whatever one byte of the header becomes, the file is read or refused, and
// what is read lies inside it.
TEST(Safetensors, SurvivesTruncationsAndChanges) {
  const std::string good =
      safetensors(R"({"__metadata__":{"f\u00e9":"p\"t"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                  R"("b":{"dtype":"F16","shape":[3,1],"data_offsets":[4,10]}})",
                  10);
  Problems none;
  ASSERT_TRUE(parse(good, none)) << text(none);
  for (size_t length = 0; length < good.size(); ++length) {
    Problems problems;
    EXPECT_FALSE(parse(good.substr(0, length), problems)) << length;
    EXPECT_FALSE(problems.empty());
    // The same with a length that agrees with what is left of the header.
    Problems shorter;
    if (length >= 8)
      EXPECT_FALSE(parse(littleEndian(length - 8) + good.substr(8, length - 8), shorter)) << length;
  }
  for (size_t position = 0; position < good.size() - 10; ++position) {
    for (int change = 0; change < 256; ++change) {
      std::string changed = good;
      changed[position] = static_cast<char>(change);
      Problems problems;
      std::optional<SafetensorsFile> file = parse(changed, problems);
      EXPECT_EQ(file.has_value(), problems.empty());
      for (size_t i = 0; file && i < file->tensors.size(); ++i)
        EXPECT_LE(file->tensors[i].offset + file->tensors[i].bytes, changed.size());
    }
  }
}
