// Files of a model, mapped read-only.
#ifndef MF_FRONTEND_REGULARFILE_H
#define MF_FRONTEND_REGULARFILE_H

#include "mf/Frontend/Problems.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FileSystem.h"
#include <optional>

namespace mlir::mf {

/// The bytes of a regular file, for as long as this object lives.
class RegularFile {
public:
  /// Maps `path`. What is no regular file, or changes its size while it is opened, is refused with a problem. Nothing
  /// is opened before it is known to be a regular file: opening a pipe could block.
  static std::optional<RegularFile> open(llvm::StringRef path, Problems &problems);

  llvm::StringRef bytes() const { return size ? llvm::StringRef(region.const_data(), size) : llvm::StringRef(); }

private:
  llvm::sys::fs::mapped_file_region region;
  size_t size = 0;
};

} // namespace mlir::mf

#endif // MF_FRONTEND_REGULARFILE_H
