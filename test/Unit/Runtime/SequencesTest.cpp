// Adding, removing, forking and truncating sequences.
#include "FakeModel.h"

#include <gtest/gtest.h>

using namespace mf::test;

namespace {
class Positional : public ::testing::TestWithParam<StateKind> {
protected:
  OpenModel model{GetParam()};
  OpenSession session{model.model, 3, 4};
};
} // namespace

INSTANTIATE_TEST_SUITE_P(States, Positional, ::testing::Values(StateKind::KeyValue, StateKind::PositionsFirst));

TEST_P(Positional, forksAtAnyLength) {
  int32_t source = session.add();
  session.feed(source, {1, 2, 3, 4, 5, 6});
  for (int32_t length : {0, 1, 4, 6}) {
    int32_t forked = -1;
    ASSERT_EQ(api().sequence_fork(session.session, source, length, &forked), MF_OK) << api().last_error();
    EXPECT_EQ(session.length(forked), length);
    std::vector<int32_t> tokens = {1, 2, 3, 4, 5, 6};
    tokens.resize(size_t(length));
    tokens.push_back(9);
    EXPECT_EQ(session.feed(forked, {9}), expectedLogits(tokens));
    EXPECT_EQ(api().sequence_remove(session.session, forked), MF_OK);
  }
  EXPECT_EQ(session.feed(source, {7}), expectedLogits({1, 2, 3, 4, 5, 6, 7})) << "the source stays as it was";
}

TEST_P(Positional, truncatesAtAnyLength) {
  int32_t sequence = session.add();
  session.feed(sequence, {1, 2, 3, 4, 5});
  ASSERT_EQ(api().sequence_truncate(session.session, sequence, 2), MF_OK);
  EXPECT_EQ(session.feed(sequence, {8}), expectedLogits({1, 2, 8}));
  ASSERT_EQ(api().sequence_truncate(session.session, sequence, 0), MF_OK);
  EXPECT_EQ(session.feed(sequence, {8}), expectedLogits({8}));
  EXPECT_EQ(api().sequence_truncate(session.session, sequence, 2), MF_INVALID_ARGUMENT);
  EXPECT_STREQ(api().last_error(), "sequence_truncate: length: expected 0 to 1, the length of sequence 0, found 2");
}

TEST(Recurrent, forksAndTruncatesAtItsLengthOnly) {
  OpenModel model(StateKind::Recurrent);
  OpenSession session(model.model, 2, 4);
  int32_t source = session.add(), forked = -1;
  session.feed(source, {1, 2, 3});
  EXPECT_EQ(api().sequence_fork(session.session, source, 2, &forked), MF_UNSUPPORTED);
  EXPECT_STREQ(api().last_error(), "sequence_fork: length: the state of sequence 0 is recurrent: expected 0 or its "
                                   "length 3, found 2");
  ASSERT_EQ(api().sequence_fork(session.session, source, -1, &forked), MF_OK);
  EXPECT_EQ(session.feed(forked, {4}), expectedLogits({1, 2, 3, 4}));
  EXPECT_EQ(session.feed(source, {5}), expectedLogits({1, 2, 3, 5}));
  EXPECT_EQ(api().sequence_truncate(session.session, source, 3), MF_UNSUPPORTED);
  EXPECT_EQ(api().sequence_truncate(session.session, source, 4), MF_OK);
  EXPECT_EQ(session.feed(source, {6}), expectedLogits({1, 2, 3, 5, 6}));
  ASSERT_EQ(api().sequence_truncate(session.session, source, 0), MF_OK);
  EXPECT_EQ(session.feed(source, {6}), expectedLogits({6}));
  EXPECT_EQ(session.feed(forked, {7}), expectedLogits({1, 2, 3, 4, 7})) << "clearing one leaves the other";
}

TEST(Recurrent, aReusedSlotStartsClear) {
  OpenModel model(StateKind::Recurrent);
  OpenSession session(model.model, 1, 4);
  int32_t first = session.add();
  session.feed(first, {1, 2, 3});
  ASSERT_EQ(api().sequence_remove(session.session, first), MF_OK);
  EXPECT_EQ(session.feed(session.add(), {4}), expectedLogits({4}));
}

TEST(Sequences, handlesAreChecked) {
  OpenModel model;
  OpenSession session(model.model, 2, 4);
  int32_t first = session.add(), other = -1, length = 0;
  session.add();
  EXPECT_EQ(api().sequence_add(session.session, &other), MF_LIMIT_EXCEEDED);
  EXPECT_STREQ(api().last_error(),
               "all 2 sequences of the session are in use; remove one, or create the session with a "
               "larger max_sequences");
  EXPECT_EQ(api().sequence_fork(session.session, first, -1, &other), MF_LIMIT_EXCEEDED);
  ASSERT_EQ(api().sequence_remove(session.session, first), MF_OK);
  EXPECT_EQ(api().sequence_remove(session.session, first), MF_INVALID_ARGUMENT);
  EXPECT_STREQ(api().last_error(), "sequence 0 is not one of the session's 1 sequences");
  for (int32_t handle : {-1, 2, 1 << 30})
    EXPECT_EQ(api().sequence_length(session.session, handle, &length), MF_INVALID_ARGUMENT);
}
