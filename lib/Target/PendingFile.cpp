// Files that have no name, or a temporary one, until they are complete.
#include "mf/Target/Artifact.h"
#include "mf/Target/CompileError.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include <fcntl.h>
#include <unistd.h>

using namespace mlir;
using namespace mlir::mf;

static std::string getDirectory(StringRef path) {
  StringRef parent = llvm::sys::path::parent_path(path);
  return parent.empty() ? "." : parent.str();
}

/// A new name beside `path`, which signals remove.
static std::string makeTemporaryName(StringRef path) {
  SmallString<128> name;
  llvm::sys::fs::createUniquePath(path + ".tmp-%%%%%%%%", name, /*MakeAbsolute=*/false);
  llvm::sys::RemoveFileOnSignal(name);
  return name.str().str();
}

llvm::Expected<PendingFile> PendingFile::create(StringRef path, unsigned mode) {
  PendingFile file;
  // Without /proc a file cannot be given a name later.
  if (llvm::sys::fs::exists("/proc/self/fd"))
    file.descriptor = open(getDirectory(path).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
  if (file.descriptor >= 0)
    return file;
  // Not every file system has files without a name.
  file.temporary = makeTemporaryName(path);
  file.descriptor = open(file.temporary.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode);
  if (file.descriptor < 0)
    return makeIOError("cannot create a file for", path, getLastSystemError());
  return file;
}

PendingFile::~PendingFile() {
  if (descriptor >= 0)
    close(descriptor);
  if (temporary.empty())
    return;
  llvm::sys::fs::remove(temporary);
  llvm::sys::DontRemoveFileOnSignal(temporary);
}

llvm::Error PendingFile::write(StringRef contents) {
  while (!contents.empty()) {
    ssize_t count = ::write(descriptor, contents.data(), contents.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return makeIOError("cannot write", temporary.empty() ? "a new file" : temporary, getLastSystemError());
    contents = contents.drop_front(count);
  }
  return llvm::Error::success();
}

llvm::Expected<std::string> PendingFile::read() const {
  std::string contents;
  char buffer[1 << 16];
  while (ssize_t count = pread(descriptor, buffer, sizeof(buffer), contents.size())) {
    if (count > 0)
      contents.append(buffer, count);
    else if (errno != EINTR)
      return makeIOError("cannot read", "a new file", getLastSystemError());
  }
  return contents;
}

/// Gives the file behind `descriptor`, which has no name, the name `path`.
static bool linkDescriptor(int descriptor, const std::string &path) {
  std::string source = "/proc/self/fd/" + std::to_string(descriptor);
  return linkat(AT_FDCWD, source.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

llvm::Error PendingFile::publish(StringRef path, llvm::function_ref<void()> atLast) {
  if (fsync(descriptor) != 0)
    return makeIOError("cannot write", path, getLastSystemError());
  if (temporary.empty()) {
    if (!llvm::sys::fs::exists(path))
      atLast();
    if (linkDescriptor(descriptor, path.str()))
      return llvm::Error::success();
    // A link replaces nothing, a renaming does.
    temporary = makeTemporaryName(path);
    if (!linkDescriptor(descriptor, temporary))
      return makeIOError("cannot create", path, getLastSystemError());
  }
  atLast();
  if (rename(temporary.c_str(), path.str().c_str()) != 0)
    return makeIOError("cannot replace", path, getLastSystemError());
  llvm::sys::DontRemoveFileOnSignal(temporary);
  temporary.clear();
  return llvm::Error::success();
}
