// The text of the last error: per thread, cut, and allowed to quote itself.
#include "Error.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

using namespace mf::rt;

TEST(Error, isOfTheThread) {
  fail(MF_IO_ERROR, "mine");
  std::string before, after;
  std::thread other([&] {
    before = lastError();
    fail(MF_IO_ERROR, "theirs %d", 7);
    after = lastError();
  });
  other.join();
  EXPECT_EQ(before, "");
  EXPECT_EQ(after, "theirs 7");
  EXPECT_STREQ(lastError(), "mine");
}

TEST(Error, mayQuoteTheLastOne) {
  fail(MF_IO_ERROR, "inner");
  EXPECT_EQ(fail(MF_BAD_PARAMETERS, "outer: %s", lastError()), MF_BAD_PARAMETERS);
  EXPECT_STREQ(lastError(), "outer: inner");
}

TEST(Error, isCutToItsBuffer) {
  std::string text(10000, 'x');
  fail(MF_IO_ERROR, "%s", text.c_str());
  size_t length = std::string(lastError()).size();
  EXPECT_GT(length, 1000u);
  EXPECT_EQ(std::string(lastError()), text.substr(0, length));
}
