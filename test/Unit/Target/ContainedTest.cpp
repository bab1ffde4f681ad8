// Code that aborts in a child process becomes an error.
#include "mf/Target/Contained.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"
#include <csignal>
#include <unistd.h>

using namespace mlir::mf;

static std::string getError(llvm::function_ref<bool(llvm::raw_ostream &)> run) {
  llvm::Expected<std::string> result = runContained(run);
  return result ? "no error: " + *result : llvm::toString(result.takeError());
}

TEST(Contained, ReturnsWhatIsWritten) {
  std::string large(1 << 20, 'x');
  llvm::Expected<std::string> result = runContained([&](llvm::raw_ostream &output) {
    output << large;
    return true;
  });
  ASSERT_TRUE(static_cast<bool>(result));
  EXPECT_EQ(*result, large);
}

TEST(Contained, AFatalErrorHasItsText) {
  std::string error = getError([](llvm::raw_ostream &) -> bool { llvm::report_fatal_error("Cannot select: t3"); });
  EXPECT_NE(error.find("Cannot select: t3"), std::string::npos) << error;
}

TEST(Contained, AFailureWithoutTextSaysHowItEnded) {
  EXPECT_NE(getError([](llvm::raw_ostream &) { return false; }).find("status 1"), std::string::npos);
  EXPECT_NE(getError([](llvm::raw_ostream &) -> bool { _exit(70); }).find("status 70"), std::string::npos);
  std::string killed = getError([](llvm::raw_ostream &) -> bool {
    raise(SIGKILL);
    return true;
  });
  EXPECT_NE(killed.find("signal 9"), std::string::npos) << killed;
}
