// Opening models, and the version of the table.
#include "FakeModel.h"

#include <gtest/gtest.h>

using namespace mf::test;

TEST(API, servesItsVersionOnly) {
  ASSERT_NE(mf_rt_api(MF_ABI_VERSION), nullptr);
  EXPECT_EQ(api().size, sizeof(mf_api));
  EXPECT_EQ(api().abi_version, MF_ABI_VERSION);
  for (int32_t version : {0, -1, MF_ABI_VERSION + 1})
    EXPECT_EQ(mf_rt_api(version), nullptr);
}

static void expectRefused(const mf_open_options &options, mf_status status, const std::string &text) {
  mf_model *model = reinterpret_cast<mf_model *>(1);
  EXPECT_EQ(api().model_open(&options, &model), status);
  EXPECT_EQ(api().last_error(), text);
  EXPECT_EQ(model, nullptr);
}

TEST(Model, optionsAreChecked) {
  setPlan(StateKind::KeyValue);
  mf_open_options options = {};
  expectRefused(options, MF_INVALID_ARGUMENT, "model_open: options.size: expected 64, found 0");
  options.size = sizeof(options);
  mf_progress progress = {};
  options.progress = &progress;
  expectRefused(options, MF_INVALID_ARGUMENT, "progress: report: expected a function, found null");
  options.progress = nullptr;
  options.load_mode = mf_load_mode(5);
  expectRefused(options, MF_INVALID_ARGUMENT, "load_mode: expected 0 (map) or 1 (copy), found 5");
  options.load_mode = MF_LOAD_MAP;
  options.variant = "future";
  expectRefused(options, MF_UNSUPPORTED_CPU, "model 'fake': variant 'future' needs feature 63, which this CPU lacks");
  options.variant = nullptr;
  plan().version = 7;
  expectRefused(options, MF_UNSUPPORTED,
                "library plan: expected version " + std::to_string(MF_RT_PLAN_VERSION) + ", found 7");
  EXPECT_EQ(api().model_open(nullptr, nullptr), MF_INVALID_ARGUMENT);
}

TEST(Model, verifiesWhileOpening) {
  setPlan(StateKind::KeyValue);
  ParameterImage image;
  image.bytes[450] ^= 1;
  std::string path = temporaryPath("verify.mfp");
  image.write(path);
  mf_open_options options = {};
  options.size = sizeof(options);
  options.parameters_path = path.c_str();
  mf_model *model = nullptr;
  EXPECT_EQ(api().model_open(&options, &model), MF_OK);
  api().model_close(model);
  options.verify = 1;
  EXPECT_EQ(api().model_open(&options, &model), MF_BAD_PARAMETERS);
  EXPECT_NE(std::string(api().last_error()).find("tensor 'embedding' is damaged"), std::string::npos);
  std::remove(path.c_str());
}

TEST(Model, closingNothing) {
  api().model_close(nullptr);
  api().session_destroy(nullptr);
}
