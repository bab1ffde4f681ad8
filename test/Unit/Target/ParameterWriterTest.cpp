// Parameter files against a reader that follows mf/Runtime/ParameterFile.h line by line.
#include "mf/Target/ParameterWriter.h"
#include "mf/Dialect/MF/IR/MFDialect.h"
#include "mf/Runtime/ParameterFile.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/xxhash.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace mlir;
using namespace mlir::mf;

/// The digest of the format: XXH64 of the XXH64s of the blocks.
static uint64_t digestOf(StringRef bytes) {
  std::string blocks;
  for (size_t i = 0; i < bytes.size(); i += MF_MFP_DIGEST_BLOCK) {
    uint64_t digest = llvm::xxHash64(bytes.substr(i, MF_MFP_DIGEST_BLOCK));
    blocks.append(reinterpret_cast<const char *>(&digest), sizeof(digest));
  }
  return llvm::xxHash64(blocks);
}

namespace {
struct ParameterWriterTest : public testing::Test {
  ParameterWriterTest() { context.loadDialect<MFDialect>(); }

  /// Writes the parameters of a module; the error's text, empty on success. `contents` is the file.
  std::string write(const std::string &text, unsigned jobs = 1) {
    module = parseSourceString<ModuleOp>(text, ParserConfig(&context));
    if (!module)
      return "no module";
    llvm::Expected<SmallVector<ParameterOp>> parameters = getIndexedParameters(*module);
    if (!parameters)
      return llvm::toString(parameters.takeError());
    llvm::Expected<ParameterFile> planned = planParameterFile(*parameters);
    if (!planned)
      return llvm::toString(planned.takeError());
    file = std::move(*planned);
    SmallString<128> path;
    int descriptor;
    EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("mfp", "mfp", descriptor, path));
    ParameterWriterOptions options;
    options.jobs = jobs;
    options.progress = [&](uint64_t done, uint64_t total) { EXPECT_LE(done, total); };
    std::string error = llvm::toString(writeParameterFile(*parameters, file, descriptor, path, options));
    llvm::sys::fs::closeFile(descriptor);
    auto buffer = llvm::MemoryBuffer::getFile(path);
    contents = (*buffer)->getBuffer().str();
    llvm::sys::fs::remove(path);
    return error;
  }

  const mf_mfp_header &header() { return *reinterpret_cast<const mf_mfp_header *>(contents.data()); }
  const mf_mfp_tensor &tensor(int i) { return reinterpret_cast<const mf_mfp_tensor *>(&header() + 1)[i]; }
  StringRef string(uint32_t offset) { return StringRef(contents.data() + offset); }
  template <typename T> T element(int i, size_t index) {
    T value;
    memcpy(&value, contents.data() + tensor(i).offset + index * sizeof(T), sizeof(T));
    return value;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  ParameterFile file;
  std::string contents;
};
} // namespace

static uint64_t splitMix(uint64_t seed, uint64_t index) {
  uint64_t state = seed;
  for (uint64_t i = 0; i <= index; ++i)
    state += 0x9E3779B97F4A7C15;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

TEST_F(ParameterWriterTest, HeaderDescribesTheTensors) {
  ASSERT_EQ(write(R"(
    mf.parameter @b : tensor<3xf16> from #mf.fill<1.5 : f64> index 1
    mf.parameter @a : tensor<5x3xf32> from #mf.fill<2.0 : f64> layout #mf.panel_layout<columns = 4> index 0
    mf.parameter @big : tensor<600000xf32> from #mf.fill<1.0 : f64> index 2)"),
            "");
  EXPECT_STREQ(header().magic, MF_MFP_MAGIC);
  EXPECT_EQ(header().version, uint32_t(MF_MFP_VERSION));
  ASSERT_EQ(header().tensor_count, 3u);
  EXPECT_EQ(header().file_bytes, contents.size());
  EXPECT_EQ(string(tensor(0).name_offset), "a");
  EXPECT_EQ(string(tensor(0).layout_offset), "#mf.panel_layout<columns = 4>");
  EXPECT_EQ(string(tensor(1).name_offset), "b");
  EXPECT_EQ(string(tensor(1).layout_offset), "");
  EXPECT_EQ(tensor(0).rank, 3);
  EXPECT_EQ(tensor(0).shape[0], 2u);
  EXPECT_EQ(tensor(0).shape[2], 4u);
  EXPECT_EQ(tensor(1).dtype_bits, 16);
  EXPECT_EQ(tensor(2).offset % MF_MFP_LARGE_BYTES, 0u);
  uint64_t end = header().header_bytes;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(tensor(i).offset % MF_MFP_ALIGNMENT, 0u);
    for (uint64_t gap = end; gap < tensor(i).offset; ++gap)
      ASSERT_EQ(contents[gap], 0);
    end = tensor(i).offset + tensor(i).bytes;
    EXPECT_EQ(tensor(i).digest, digestOf(StringRef(contents).substr(tensor(i).offset, tensor(i).bytes)));
  }
  std::string bytes = contents.substr(0, header().header_bytes);
  reinterpret_cast<mf_mfp_header *>(bytes.data())->header_digest = 0;
  EXPECT_EQ(header().header_digest, digestOf(bytes));
  EXPECT_EQ(header().header_digest, file.digest);
  // Panels of 4 of 5 rows: the last three columns of the second panel are zero.
  EXPECT_EQ(element<float>(0, 0), 2.0f);
  EXPECT_EQ(element<float>(0, 12), 2.0f);
  EXPECT_EQ(element<float>(0, 13), 0.0f);
  EXPECT_EQ(element<uint16_t>(1, 0), 0x3e00);
}

TEST_F(ParameterWriterTest, RandomIsSplitMix64WhateverTheThreads) {
  // More than one digest block, so that blocks begin within the tensor.
  std::string text = "mf.parameter @a : tensor<300000xf32> from #mf.random<seed = 42, scale = 0.25 : f64> index 0\n"
                     "mf.parameter @h : tensor<9xbf16> from #mf.random<seed = 7, scale = 1.0 : f64> index 1";
  ASSERT_EQ(write(text), "");
  // Published first outputs of SplitMix64 seeded with 42.
  EXPECT_EQ(splitMix(42, 0), 13679457532755275413u);
  for (size_t i : {0, 1, 2, 262143, 262144, 299999}) {
    float expected = (float(splitMix(42, i) >> 40) * 0x1p-23f - 1.0f) * 0.25f;
    EXPECT_EQ(element<float>(0, i), expected);
    EXPECT_LE(std::abs(expected), 0.25f);
  }
  std::string one = contents;
  ASSERT_EQ(write(text, 4), "");
  EXPECT_EQ(contents, one);
}

TEST_F(ParameterWriterTest, RotaryAnglesAreOfFloat64) {
  ASSERT_EQ(write("mf.parameter @r : tensor<2048x3x2xf32> from #mf.rotary_angles<base = 10000.0 : f64> index 0"), "");
  for (int64_t position : {0, 1, 7, 2047})
    for (int64_t i = 0; i < 3; ++i) {
      double angle = double(position) / std::pow(10000.0, 2.0 * double(i) / 6.0);
      EXPECT_NEAR(element<float>(0, (position * 3 + i) * 2), std::cos(angle), 6e-8);
      EXPECT_NEAR(element<float>(0, (position * 3 + i) * 2 + 1), std::sin(angle), 6e-8);
    }
}

TEST_F(ParameterWriterTest, FilesAreReadFromTheirOffsetAndWidened) {
  SmallString<128> path;
  int descriptor;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("tensor", "bin", descriptor, path));
  const uint16_t halves[] = {0xffff, 0x3c00, 0xc000, 0x0001, 0x3800};
  llvm::raw_fd_ostream(descriptor, true).write(reinterpret_cast<const char *>(halves), sizeof(halves));
  std::string source = "from #mf.tensor_file<path = \"" + path.str().str() + "\", offset = 2, element_type = ";
  ASSERT_EQ(write("mf.parameter @w : tensor<2x2xf32> " + source +
                  "f16> index 0\n"
                  "mf.parameter @k : tensor<4xbf16> " +
                  source + "bf16> index 1"),
            "");
  EXPECT_EQ(element<float>(0, 0), 1.0f);
  EXPECT_EQ(element<float>(0, 1), -2.0f);
  EXPECT_EQ(element<float>(0, 2), 0x1p-24f);
  EXPECT_EQ(element<float>(0, 3), 0.5f);
  EXPECT_EQ(element<uint16_t>(1, 1), 0xc000);

  std::string error = write("mf.parameter @w : tensor<5xf32> " + source + "f16> index 0");
  EXPECT_NE(error.find("parameter 'w' needs bytes 2 to 12"), std::string::npos) << error;
  EXPECT_NE(error.find("which has 10"), std::string::npos) << error;
  llvm::sys::fs::remove(path);
  error = write("mf.parameter @w : tensor<4xf32> " + source + "f16> index 0");
  EXPECT_NE(error.find("cannot open"), std::string::npos) << error;
}

TEST_F(ParameterWriterTest, RowBlocksAreTakenOutOfTheirSource) {
  SmallString<128> path;
  int descriptor;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("tensor", "bin", descriptor, path));
  // 12 rows of 5: element (r, c) is 10 r + c.
  std::vector<float> elements;
  for (int i = 0; i < 60; ++i)
    elements.push_back(float(i / 5 * 10 + i % 5));
  llvm::raw_fd_ostream(descriptor, true)
      .write(reinterpret_cast<const char *>(elements.data()), elements.size() * sizeof(float));
  auto source = [&](const std::string &numbers) {
    return "from #mf.row_blocks<source = #mf.tensor_file<path = \"" + path.str().str() +
           "\", offset = 0, element_type = f32>, " + numbers + "> ";
  };
  // Rows 2, 3, 8, 9: as they are, in panels of 3 columns, rounded, and single elements.
  std::string blocks = source("first = 2, rows = 2, stride = 6");
  ASSERT_EQ(write("mf.parameter @a : tensor<4x5xf32> " + blocks + "index 0\nmf.parameter @p : tensor<4x5xf32> " +
                  blocks + "layout #mf.panel_layout<columns = 3> index 1\nmf.parameter @v : tensor<4xf32> " + blocks +
                  "index 2"),
            "");
  const int rows[] = {2, 3, 8, 9};
  for (int r = 0; r < 4; ++r) {
    EXPECT_EQ(element<float>(2, r), elements[rows[r]]);
    for (int c = 0; c < 5; ++c) {
      EXPECT_EQ(element<float>(0, r * 5 + c), float(10 * rows[r] + c));
      EXPECT_EQ(element<float>(1, (r / 3 * 5 + c) * 3 + r % 3), float(10 * rows[r] + c));
    }
  }
  // Row 14 would be the last one, and the file has 12.
  std::string error =
      write("mf.parameter @a : tensor<4x5xf32> " + source("first = 2, rows = 1, stride = 4") + "index 0");
  EXPECT_NE(error.find("parameter 'a' needs bytes 0 to 300"), std::string::npos) << error;
  llvm::sys::fs::remove(path);
}

TEST_F(ParameterWriterTest, EmptyTensorsAndNoTensors) {
  ASSERT_EQ(write("mf.parameter @e : tensor<0x4xf32> from #mf.fill<1.0 : f64> index 0"), "");
  EXPECT_EQ(tensor(0).bytes, 0u);
  EXPECT_EQ(tensor(0).digest, digestOf(""));
  llvm::Expected<ParameterFile> none = planParameterFile({});
  ASSERT_TRUE(bool(none));
  EXPECT_EQ(none->fileBytes, 0u);
}

TEST_F(ParameterWriterTest, IndicesMustBeComplete) {
  EXPECT_NE(write("mf.parameter @a : tensor<1xf32> from #mf.fill<1.0 : f64>").find("has no index"), std::string::npos);
  EXPECT_NE(write("mf.parameter @a : tensor<1xf32> from #mf.fill<1.0 : f64> index 1").find("expected 0"),
            std::string::npos);
}
