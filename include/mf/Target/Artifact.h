// Files that appear complete or not at all.
#ifndef MF_TARGET_ARTIFACT_H
#define MF_TARGET_ARTIFACT_H

#include "mlir/Support/LLVM.h"
#include "llvm/Support/Error.h"
#include <optional>

namespace mlir::mf {

/// A file without its name: it is removed with this object, and by signals, until it is published. Where the file
/// system can, it has no name at all before that, so that not even SIGKILL leaves it.
class PendingFile {
public:
  /// A file that will be published in the directory of `path`. `mode` is subject to the umask.
  static llvm::Expected<PendingFile> create(StringRef path, unsigned mode = 0666);
  PendingFile(PendingFile &&other) { swap(other); }
  PendingFile &operator=(PendingFile &&other) {
    swap(other);
    return *this;
  }
  ~PendingFile();

  int getDescriptor() const { return descriptor; }
  llvm::Error write(StringRef contents);
  llvm::Expected<std::string> read() const;
  /// Brings the contents to the disk, then replaces `path`. `atLast` is called when nothing but the renaming is left.
  llvm::Error publish(
      StringRef path, llvm::function_ref<void()> atLast = [] {});

private:
  PendingFile() = default;
  void swap(PendingFile &other) {
    std::swap(descriptor, other.descriptor);
    std::swap(temporary, other.temporary);
  }

  int descriptor = -1;
  std::string temporary; ///< its name until it is published, empty where it has none
};

/// The files of a library.
struct Artifact {
  std::string libraryPath;
  StringRef library;
  StringRef header;
  PendingFile *parameters = nullptr; ///< or null
  uint64_t parametersDigest = 0;
};

/// The library's path without ".so" and what follows it, as the runtime finds its parameters.
std::string getLibraryStem(StringRef libraryPath);

/// Publishes the parameters under their digest's name, then the header, then the library: the commit point. Then the
/// parameters take their usual name, and those of older libraries under digest names are removed. On an error before
/// the commit point nothing new is left but, possibly, the header.
llvm::Error commitArtifact(const Artifact &artifact);

/// Writes a file of one kind: "-" is standard output; what is no regular file is written in place.
llvm::Error writeOutput(StringRef path, StringRef contents);

} // namespace mlir::mf

#endif // MF_TARGET_ARTIFACT_H
