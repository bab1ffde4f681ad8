// Loading: mapped, copied, embedded, found beside the library; verification; what is no file.
#include "ParameterFile.h"
#include "FakeModel.h"
#include "ProcFile.h"
#include "ThreadPool.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <sys/stat.h>

using namespace mf::test;
using namespace mf::rt;

namespace {
class ParameterFile : public ::testing::Test {
protected:
  ParameterFile() {
    setPlan(StateKind::KeyValue);
    image = ParameterImage();
    path = temporaryPath("parameters.mfp");
    EXPECT_EQ(createPool(2, nullptr, pool), MF_OK);
  }
  ~ParameterFile() override {
    releaseParameters(parameters);
    destroyPool(pool);
    std::remove(path.c_str());
  }
  mf_status load(const char *from, mf_load_mode mode) { return loadParameters(plan(), from, mode, pool, parameters); }
  /// Compares what was loaded with the image.
  void expectImage() {
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(memcmp(parameters.data[i], &image.bytes[0] + image.tensor(i).offset, image.tensor(i).bytes), 0) << i;
      EXPECT_EQ(reinterpret_cast<uintptr_t>(parameters.data[i]) % 64, 0u);
    }
    EXPECT_EQ(verifyParameters(parameters, pool), MF_OK) << api().last_error();
  }

  ParameterImage image;
  std::string path;
  mf_rt_pool *pool = nullptr;
  Parameters parameters = {};
};
} // namespace

TEST_F(ParameterFile, mapsAndCopies) {
  image.write(path);
  for (mf_load_mode mode : {MF_LOAD_MAP, MF_LOAD_COPY}) {
    ASSERT_EQ(load(path.c_str(), mode), MF_OK) << api().last_error();
    expectImage();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(parameters.data[1]) % (2 << 20), 0u) << mode;
    releaseParameters(parameters);
  }
}

TEST_F(ParameterFile, embedded) {
  plan().embedded_parameters = image.bytes.data();
  plan().embedded_bytes = image.bytes.size();
  ASSERT_EQ(load(nullptr, MF_LOAD_COPY), MF_OK) << api().last_error();
  EXPECT_NE(parameters.base, image.bytes.data());
  expectImage();
  releaseParameters(parameters);
  plan().embedded_bytes = image.bytes.size() - 1;
  EXPECT_EQ(load(nullptr, MF_LOAD_MAP), MF_BAD_PARAMETERS);
  EXPECT_STREQ(api().last_error(),
               "embedded parameters: truncated: its header says 5242880 bytes, the file has 5242879");
}

TEST_F(ParameterFile, verificationNamesTheTensor) {
  image.bytes[(2 << 20) + 1234567] ^= 1;
  image.write(path);
  ASSERT_EQ(load(path.c_str(), MF_LOAD_MAP), MF_OK) << "opening reads the header alone";
  EXPECT_EQ(verifyParameters(parameters, pool), MF_BAD_PARAMETERS);
  EXPECT_EQ(std::string(api().last_error()).rfind(path + ": tensor 'table' is damaged: digest ", 0), 0u)
      << api().last_error();
}

TEST_F(ParameterFile, refusesWhatIsNoRegularFile) {
  EXPECT_EQ(load("/nonexistent/x.mfp", MF_LOAD_MAP), MF_IO_ERROR);
  EXPECT_STREQ(api().last_error(), "/nonexistent/x.mfp: cannot open: No such file or directory");
  EXPECT_EQ(load("/tmp", MF_LOAD_MAP), MF_IO_ERROR);
  EXPECT_STREQ(api().last_error(), "/tmp: expected a regular file, found a directory");
  EXPECT_EQ(load("/dev/null", MF_LOAD_COPY), MF_IO_ERROR);
  EXPECT_STREQ(api().last_error(), "/dev/null: expected a regular file, found a device, pipe or socket");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(load(path.c_str(), MF_LOAD_MAP), MF_IO_ERROR) << "without waiting for a writer";
}

TEST_F(ParameterFile, noneExpected) {
  plan().parameters_digest = 0;
  EXPECT_EQ(load(nullptr, MF_LOAD_MAP), MF_OK);
  EXPECT_EQ(parameters.header, nullptr);
  EXPECT_EQ(load("x.mfp", MF_LOAD_MAP), MF_INVALID_ARGUMENT);
  EXPECT_STREQ(api().last_error(), "parameters_path: model 'fake' has no parameters, found 'x.mfp'");
}

TEST_F(ParameterFile, foundBesideTheLibrary) {
  char self[4096];
  ASSERT_TRUE(findMappedFile(reinterpret_cast<const void *>(&mf_rt_api), self, sizeof(self)));
  char digest[32];
  snprintf(digest, sizeof(digest), ".%016llx", (unsigned long long)image.header().header_digest);
  std::string plain = std::string(self) + ".mfp", digested = std::string(self) + digest + ".mfp";
  EXPECT_EQ(load(nullptr, MF_LOAD_MAP), MF_IO_ERROR);
  EXPECT_EQ(api().last_error(), "no parameters beside the library: " + plain +
                                    ": cannot open: No such file or directory; " + digested +
                                    ": cannot open: No such file or directory");
  image.write(digested);
  EXPECT_EQ(load(nullptr, MF_LOAD_MAP), MF_OK) << api().last_error();
  EXPECT_EQ(parameters.path, digested);
  releaseParameters(parameters);
  image.write(plain);
  EXPECT_EQ(load(nullptr, MF_LOAD_MAP), MF_OK) << api().last_error();
  EXPECT_EQ(parameters.path, plain);
  std::remove(digested.c_str());
  std::remove(plain.c_str());
}
