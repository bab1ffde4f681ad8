// Errors of a compilation.
#include "mf/Target/CompileError.h"

using namespace mlir::mf;

char CompileError::ID = 0;

llvm::Error mlir::mf::makeError(ErrorKind kind, const llvm::Twine &message) {
  return llvm::make_error<CompileError>(kind, message.str());
}

llvm::Error mlir::mf::makeIOError(const llvm::Twine &action, llvm::StringRef path, std::error_code error) {
  return makeError(ErrorKind::IO, action + " '" + path + "': " + error.message());
}
