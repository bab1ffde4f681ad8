// A line on a terminal that says what is going on.
#ifndef MF_LIB_TARGET_PROGRESS_H
#define MF_LIB_TARGET_PROGRESS_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"
#include <mutex>

namespace mlir::mf {

/// Overwrites one line of standard error; erased at the end. Does nothing where it is not enabled.
class Progress {
public:
  explicit Progress(bool enabled) : enabled(enabled) {}
  ~Progress() {
    if (enabled)
      llvm::errs() << "\r\033[K";
  }

  void show(const llvm::Twine &text) {
    if (!enabled)
      return;
    std::lock_guard<std::mutex> lock(mutex);
    llvm::errs() << "\r\033[K" << text.str();
    llvm::errs().flush();
  }

private:
  bool enabled;
  std::mutex mutex;
};

} // namespace mlir::mf

#endif // MF_LIB_TARGET_PROGRESS_H
