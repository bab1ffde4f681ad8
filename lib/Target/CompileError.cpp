// Errors of a compilation.
#include "mf/Target/CompileError.h"
#include <cerrno>

using namespace mlir::mf;

char CompileError::ID = 0;

llvm::Error mlir::mf::makeError(ErrorKind kind, const llvm::Twine &message) {
  return llvm::make_error<CompileError>(kind, message.str());
}

std::error_code mlir::mf::getLastSystemError() { return std::error_code(errno, std::generic_category()); }

llvm::Error mlir::mf::makeIOError(const llvm::Twine &action, llvm::StringRef path, std::error_code error) {
  return makeError(ErrorKind::IO, action + " '" + path + "': " + error.message());
}
