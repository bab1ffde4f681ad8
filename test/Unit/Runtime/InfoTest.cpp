// The model's description.
#include "FakeModel.h"
#include "Text.h"

#include <gtest/gtest.h>

#include <cstdlib>

using namespace mf::test;

TEST(Info, isThePlansObjectWithRuntimeFacts) {
  OpenModel model(StateKind::KeyValue, 2);
  const char *json = nullptr, *again = nullptr;
  ASSERT_EQ(api().model_info(model.model, &json), MF_OK);
  char digest[17];
  snprintf(digest, sizeof(digest), "%016llx", (unsigned long long)plan().parameters_digest);
  EXPECT_EQ(
      std::string(json),
      "{\"name\": \"fake\", \"runtime\": {\"abi_version\": 1, \"variant\": \"base\", \"variants\": [{\"name\": "
      "\"future\", \"runs\": false, \"missing\": \"feature 63\"}, {\"name\": \"base\", \"runs\": true, \"missing\": "
      "\"\"}], \"threads\": 2, \"parallel_for\": \"own\", \"load_mode\": \"map\", \"parameters\": {\"path\": \"" +
          temporaryPath("model.mfp") + "\", \"embedded\": false, \"digest\": \"" + digest +
          "\", \"bytes\": 5242880, \"huge_page_bytes\": 0}}}");
  ASSERT_EQ(api().model_info(model.model, &again), MF_OK);
  EXPECT_EQ(json, again) << "equal texts are given out once";
  EXPECT_STREQ(api().library_info(), "{\"name\": \"fake\"}");
}

TEST(Info, withoutParametersAndMembers) {
  setPlan(StateKind::KeyValue);
  plan().info_json = "{ }";
  mf_parallel_for host = {[](void *, mf_loop_body body, void *closure, int64_t count) { body(closure, 0, count, 0); },
                          nullptr, 4};
  mf_open_options options = {};
  options.size = sizeof(options);
  options.parallel_for = &host;
  mf_model *model = nullptr;
  ASSERT_EQ(api().model_open(&options, &model), MF_OK);
  const char *json = nullptr;
  ASSERT_EQ(api().model_info(model, &json), MF_OK);
  std::string text = json;
  EXPECT_EQ(text.rfind("{ \"runtime\": {", 0), 0u) << text;
  EXPECT_NE(text.find("\"threads\": 4, \"parallel_for\": \"host\", \"parameters\": null}}"), std::string::npos) << text;
  api().model_close(model);
}

static std::string quoted(const char *text) {
  mf::rt::Text json = {};
  json.appendString(text);
  std::string result = json.data;
  free(json.data);
  return result;
}

TEST(Info, stringsAreEscaped) {
  EXPECT_EQ(quoted(""), "\"\"");
  EXPECT_EQ(quoted("a\"b\\c\n\x01/"), "\"a\\\"b\\\\c\\u000a\\u0001/\"");
  EXPECT_EQ(quoted("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"), "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
  EXPECT_EQ(quoted("\xff\xc3"), "\"\\ufffd\\ufffd\"");
  EXPECT_EQ(quoted("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"") << "a surrogate";
  EXPECT_EQ(quoted("\xc0\xaf"), "\"\\ufffd\\ufffd\"") << "an overlong form";
}
