// Steps: logits depend on all earlier tokens of their own sequence and on nothing else, whatever the chunks are.
#include "FakeModel.h"
#include "FloatEnvironment.h"

#include <gtest/gtest.h>

#include <thread>

using namespace mf::test;

static std::vector<int32_t> someTokens(int count, int seed) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; ++i)
    tokens.push_back((i * i * 3 + i + seed * 7) % vocabulary);
  return tokens;
}

/// The logits of every prefix, one row after the other.
static std::vector<float> expectedRows(const std::vector<int32_t> &tokens) {
  std::vector<float> rows;
  for (size_t i = 1; i <= tokens.size(); ++i) {
    std::vector<float> row = expectedLogits({tokens.begin(), tokens.begin() + int64_t(i)});
    rows.insert(rows.end(), row.begin(), row.end());
  }
  return rows;
}

namespace {
class Feed : public ::testing::TestWithParam<StateKind> {};
} // namespace

INSTANTIATE_TEST_SUITE_P(States, Feed,
                         ::testing::Values(StateKind::KeyValue, StateKind::PositionsFirst, StateKind::Recurrent));

TEST_P(Feed, anyChunkGivesTheSame) {
  OpenModel model(GetParam());
  std::vector<int32_t> tokens = someTokens(23, 1);
  for (int32_t chunk : {1, 2, 7, 22, 23, 24, 512}) {
    OpenSession session(model.model, 1, chunk);
    EXPECT_EQ(session.feed(session.add(), tokens, MF_LOGITS_ALL), expectedRows(tokens)) << chunk;
    EXPECT_LE(observation.tokens, chunk);
  }
}

TEST_P(Feed, onlyTheRowsAskedFor) {
  OpenModel model(GetParam());
  OpenSession session(model.model, 2, 3);
  std::vector<int32_t> tokens = someTokens(8, 2);
  int32_t sequence = session.add();
  EXPECT_EQ(session.feed(sequence, {tokens.begin(), tokens.begin() + 5}, MF_LOGITS_NONE), std::vector<float>());
  EXPECT_EQ(observation.rows, 0);
  EXPECT_EQ(session.feed(sequence, {tokens.begin() + 5, tokens.end()}), expectedLogits(tokens));
  EXPECT_EQ(observation.rows, 1);
  EXPECT_EQ(session.length(sequence), 8);
}

TEST_P(Feed, mixesPrefillAndDecode) {
  OpenModel model(GetParam());
  for (int32_t chunk : {1, 4, 100}) {
    OpenSession session(model.model, 3, chunk);
    std::vector<int32_t> first = someTokens(6, 3), second = someTokens(9, 4);
    int32_t a = session.add(), b = session.add(), c = session.add();
    session.feed(a, {first.begin(), first.end() - 1}, MF_LOGITS_NONE);
    std::vector<float> logits(11 * vocabulary);
    std::vector<int64_t> wide(second.begin(), second.end());
    Tensor prefill(wide.data(), i64, {9}), decode(&first.back(), i32, {1}), silent(first.data(), i32, {2}),
        output(logits.data(), f32, {10, vocabulary});
    mf_feed feeds[] = {
        {c, &prefill.tensor, MF_LOGITS_ALL}, {b, &silent.tensor, MF_LOGITS_NONE}, {a, &decode.tensor, MF_LOGITS_LAST}};
    ASSERT_EQ(api().step(session.session, feeds, 3, &output.tensor), MF_OK) << api().last_error();
    std::vector<float> expected = expectedRows(second), last = expectedLogits(first);
    expected.insert(expected.end(), last.begin(), last.end());
    expected.resize(11 * vocabulary, 0);
    EXPECT_EQ(logits, expected) << chunk;
    EXPECT_EQ(session.length(b), 2);
  }
}

TEST_P(Feed, concurrentSessions) {
  OpenModel model(GetParam(), 3);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 3; ++caller)
    callers.emplace_back([&, caller] {
      std::vector<int32_t> tokens = someTokens(30, caller);
      for (int repeat = 0; repeat < 20; ++repeat) {
        OpenSession session(model.model, 1, 10);
        EXPECT_EQ(session.feed(session.add(), tokens, MF_LOGITS_ALL), expectedRows(tokens));
      }
    });
  for (std::thread &caller : callers)
    caller.join();
}

TEST(FeedEnvironment, entriesRunUnderTheDefault) {
  OpenModel model;
  OpenSession session(model.model, 1, 10);
  int32_t sequence = session.add();
#if defined(__x86_64__)
  auto before = mf::rt::readFloatControl();
  mf::rt::writeFloatControl(0x9fc0);
  session.feed(sequence, {1, 2});
  auto after = mf::rt::readFloatControl();
  mf::rt::writeFloatControl(before);
  EXPECT_EQ(after, 0x9fc0u);
#endif
  EXPECT_EQ(observation.floatControl, mf::rt::defaultFloatControl);
}

TEST(TopK, isRefusedWhereTheEntryHasNoPicks) {
  OpenModel model(StateKind::KeyValue);
  OpenSession session(model.model, 1, 8);
  int32_t token = 1, id = 5;
  int64_t tokenShape[] = {1}, idShape[] = {1, 1};
  DLTensor tokens = {&token, {kDLCPU, 0}, 1, {kDLInt, 32, 1}, tokenShape, nullptr, 0};
  DLTensor ids = {&id, {kDLCPU, 0}, 2, {kDLInt, 32, 1}, idShape, nullptr, 0};
  int32_t sequence = session.add();
  mf_feed feed = {sequence, &tokens, MF_LOGITS_LAST};
  EXPECT_EQ(api().step_top_k(session.session, &feed, 1, &ids, nullptr), MF_UNSUPPORTED);
  EXPECT_STREQ(api().last_error(), "step_top_k: the function 'step' of model 'fake' has no picks; use step and sample");
  EXPECT_EQ(session.length(sequence), 0);
  EXPECT_EQ(id, 5);
}
