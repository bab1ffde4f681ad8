// forward(): the logits of a batch on temporary sequences.
#include "FakeModel.h"

#include <gtest/gtest.h>

using namespace mf::test;

static std::vector<float> expectedBatch(const std::vector<int32_t> &ids, size_t length) {
  std::vector<float> expected;
  for (size_t start = 0; start < ids.size(); start += length)
    for (size_t i = 1; i <= length; ++i) {
      auto row = ids.begin() + int64_t(start);
      std::vector<float> logits = expectedLogits({row, row + int64_t(i)});
      expected.insert(expected.end(), logits.begin(), logits.end());
    }
  return expected;
}

TEST(Forward, anyNumberOfFreeSequences) {
  std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 3, 3, 3, 1};
  for (StateKind kind : {StateKind::KeyValue, StateKind::PositionsFirst, StateKind::Recurrent}) {
    OpenModel model(kind);
    for (int32_t sequences : {2, 3, 5, 9})
      for (int32_t chunk : {1, 4, 64}) {
        OpenSession session(model.model, sequences, chunk);
        int32_t kept = session.add();
        session.feed(kept, {5, 6}, MF_LOGITS_NONE);
        std::vector<float> logits(15 * vocabulary);
        Tensor input(ids.data(), i32, {5, 3}), output(logits.data(), f32, {5, 3, vocabulary});
        ASSERT_EQ(api().forward(session.session, &input.tensor, &output.tensor), MF_OK) << api().last_error();
        EXPECT_EQ(logits, expectedBatch(ids, 3));
        EXPECT_EQ(session.feed(kept, {7}), expectedLogits({5, 6, 7})) << "other sequences stay as they were";
        for (int32_t i = 1; i < sequences; ++i)
          session.add();
      }
  }
}

TEST(Forward, refuses) {
  OpenModel model;
  OpenSession session(model.model, 1, 8, 4);
  std::vector<int32_t> ids = {1, 2, 3, 11, 5};
  std::vector<float> logits(5 * vocabulary, -1);
  Tensor input(ids.data(), i32, {1, 5}), output(logits.data(), f32, {1, 5, vocabulary});
  EXPECT_EQ(api().forward(session.session, &input.tensor, &output.tensor), MF_INVALID_ARGUMENT);
  EXPECT_STREQ(api().last_error(), "ids: token 3: expected 0 to 10, found 11");
  ids[3] = 4;
  EXPECT_EQ(api().forward(session.session, &input.tensor, &output.tensor), MF_LIMIT_EXCEEDED);
  EXPECT_STREQ(api().last_error(), "ids: 5 tokens after the 0 of its sequence pass the session's 4 positions");
  input.shape[1] = 4;
  EXPECT_EQ(api().forward(session.session, &input.tensor, &output.tensor), MF_INVALID_ARGUMENT);
  EXPECT_STREQ(api().last_error(), "logits: extent of axis 1: expected 4, found 5");
  output.shape[1] = 4;
  int32_t only = session.add();
  EXPECT_EQ(api().forward(session.session, &input.tensor, &output.tensor), MF_LIMIT_EXCEEDED);
  EXPECT_STREQ(api().last_error(), "forward: all 1 sequences of the session are in use; it needs a free one");
  EXPECT_EQ(logits, std::vector<float>(5 * vocabulary, -1));
  EXPECT_EQ(api().sequence_remove(session.session, only), MF_OK);
  EXPECT_EQ(api().forward(session.session, &input.tensor, &output.tensor), MF_OK);
}
