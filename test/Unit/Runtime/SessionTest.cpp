// Limits of sessions, and steps that are refused: on an error nothing is appended and nothing written.
#include "FakeModel.h"

#include <gtest/gtest.h>

using namespace mf::test;

static void expectRefused(mf_model *model, mf_session_options options, mf_status status, const std::string &text) {
  mf_session *session = nullptr;
  EXPECT_EQ(api().session_create(model, &options, &session), status);
  EXPECT_EQ(api().last_error(), text);
  EXPECT_EQ(session, nullptr);
}

TEST(Session, limitsAreChecked) {
  OpenModel model;
  size_t size = sizeof(mf_session_options);
  expectRefused(model.model, {size, -1, 1, 1}, MF_INVALID_ARGUMENT,
                "session_create: max_sequences: expected 1 to 1048576 (0: 1), found -1");
  expectRefused(model.model, {size, 1, -2, 1}, MF_INVALID_ARGUMENT,
                "session_create: max_tokens_per_call: expected 1 to 1048576 (0: 2048), found -2");
  expectRefused(model.model, {size, 1, 1, 41}, MF_INVALID_ARGUMENT,
                "session_create: max_positions: expected 1 to 40 (0: 40), found 41");
  expectRefused(model.model, {4, 1, 1, 1}, MF_INVALID_ARGUMENT, "session_create: options.size: expected 24, found 4");
}

TEST(Session, optionsOfAnOlderCallerArePrefixes) {
  OpenModel model;
  mf_session_options options = {offsetof(mf_session_options, max_tokens_per_call), 2, -1, -1};
  mf_session *session = nullptr;
  ASSERT_EQ(api().session_create(model.model, &options, &session), MF_OK) << api().last_error();
  api().session_destroy(session);
}

TEST(Session, outlivesItsCallersModel) {
  OpenModel model;
  OpenSession session(model.model, 1, 4);
  api().model_close(model.model);
  model.model = nullptr;
  EXPECT_EQ(session.feed(session.add(), {1, 2}), expectedLogits({1, 2}));
}

TEST(Session, needsALanguageModel) {
  OpenModel model;
  plan().language_model = nullptr;
  expectRefused(model.model, {sizeof(mf_session_options), 1, 1, 1}, MF_UNSUPPORTED,
                "session_create: model 'fake' is no language model; use call");
}

namespace {
/// A good call of two feeds, for tests that spoil one thing.
class RefusedStep : public ::testing::Test {
protected:
  RefusedStep() {
    session.feed(first, {1, 2}, MF_LOGITS_NONE);
    feeds[0] = {first, &good.tensor, MF_LOGITS_LAST};
    feeds[1] = {second, &spoiled.tensor, MF_LOGITS_ALL};
  }
  void expectRefused(mf_status status, const std::string &text) {
    int64_t calls = observation.calls;
    EXPECT_EQ(api().step(session.session, feeds, 2, logits), status);
    EXPECT_EQ(api().last_error(), text);
    EXPECT_EQ(session.length(first), 2);
    EXPECT_EQ(session.length(second), 0);
    EXPECT_EQ(observation.calls, calls);
    EXPECT_EQ(rows, std::vector<float>(5 * vocabulary, -1));
  }

  OpenModel model;
  OpenSession session{model.model, 3, 2, 6};
  int32_t first = session.add(), second = session.add();
  std::vector<int32_t> ids = {3, 4, 5, 6};
  std::vector<float> rows = std::vector<float>(5 * vocabulary, -1);
  Tensor good{ids.data(), i32, {4}}, spoiled{ids.data(), i32, {4}}, output{rows.data(), f32, {5, vocabulary}};
  DLTensor *logits = &output.tensor;
  mf_feed feeds[2];
};
} // namespace

TEST_F(RefusedStep, isGoodUnspoiled) {
  EXPECT_EQ(api().step(session.session, feeds, 2, logits), MF_OK) << api().last_error();
  EXPECT_EQ(session.length(first), 6);
}

TEST_F(RefusedStep, tokens) {
  int64_t wide[] = {3, 10, (int64_t(1) << 32) + 1, 0};
  spoiled.tensor.data = wide;
  spoiled.tensor.dtype = i64;
  expectRefused(MF_INVALID_ARGUMENT, "feeds[1].tokens: token 2: expected 0 to 10, found 4294967297");
  wide[2] = -1;
  expectRefused(MF_INVALID_ARGUMENT, "feeds[1].tokens: token 2: expected 0 to 10, found -1");
  spoiled.tensor.dtype = f32;
  expectRefused(MF_INVALID_ARGUMENT, "feeds[1].tokens: dtype: expected i32 or i64, found f32");
  spoiled.tensor.dtype = i32;
  spoiled.shape[0] = 0;
  expectRefused(MF_INVALID_ARGUMENT, "feeds[1].tokens: expected at least one token, found none");
  feeds[1].tokens = nullptr;
  expectRefused(MF_INVALID_ARGUMENT, "feeds[1].tokens: expected a tensor, found null");
}

TEST_F(RefusedStep, sequences) {
  feeds[1].sequence = first;
  expectRefused(MF_INVALID_ARGUMENT, "feeds[1].sequence: sequence 0 has a feed before");
  feeds[1].sequence = 2;
  expectRefused(MF_INVALID_ARGUMENT, "sequence 2 is not one of the session's 2 sequences");
  feeds[1] = {second, &spoiled.tensor, mf_logits(7)};
  expectRefused(MF_INVALID_ARGUMENT, "feeds[1].logits: expected 0 (none), 1 (last) or 2 (all), found 7");
}

TEST_F(RefusedStep, positions) {
  std::vector<int32_t> many(7, 1);
  spoiled.tensor.data = many.data();
  spoiled.shape[0] = 7;
  expectRefused(MF_LIMIT_EXCEEDED,
                "feeds[1].tokens: 7 tokens after the 0 of its sequence pass the session's 6 positions");
}

TEST_F(RefusedStep, logits) {
  output.shape[0] = 4;
  expectRefused(MF_INVALID_ARGUMENT, "logits: extent of axis 0: expected 5, found 4");
  output.shape[0] = 5;
  output.shape[1] = 12;
  expectRefused(MF_INVALID_ARGUMENT, "logits: extent of axis 1: expected 11, found 12");
  output.shape[1] = 11;
  output.tensor.byte_offset = 2;
  EXPECT_EQ(api().step(session.session, feeds, 2, logits), MF_INVALID_ARGUMENT);
  EXPECT_EQ(std::string(api().last_error()).rfind("logits: expected data aligned to its elements of 4 bytes", 0), 0u);
  logits = nullptr;
  expectRefused(MF_INVALID_ARGUMENT, "logits: expected a tensor, found null");
}
