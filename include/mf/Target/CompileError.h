// An error of a compilation with its kind, which tools report as their exit code.
#ifndef MF_TARGET_COMPILEERROR_H
#define MF_TARGET_COMPILEERROR_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

namespace mlir::mf {

/// What is to blame. The numbers are stable: they are exit codes.
enum class ErrorKind {
  InputModel = 1,  ///< the model, checkpoint or module that was given
  CommandLine = 2, ///< an option or a combination of options
  IO = 3,          ///< a file that could not be read or written
  Compile = 4,     ///< the compiler: an unsupported construct or an internal error
};

/// A message for the user, complete in itself: what was expected, what was found, how to mend it.
class CompileError : public llvm::ErrorInfo<CompileError> {
public:
  static char ID;
  CompileError(ErrorKind kind, std::string text) : kind(kind), text(std::move(text)) {}

  ErrorKind getKind() const { return kind; }
  void log(llvm::raw_ostream &os) const override { os << text; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }

private:
  ErrorKind kind;
  std::string text;
};

llvm::Error makeError(ErrorKind kind, const llvm::Twine &message);

/// The error of the calling thread's last system call.
std::error_code getLastSystemError();

/// An I/O error: "<action> '<path>': <text of the system's error>".
llvm::Error makeIOError(const llvm::Twine &action, llvm::StringRef path, std::error_code error);

} // namespace mlir::mf

#endif // MF_TARGET_COMPILEERROR_H
