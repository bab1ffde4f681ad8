// The order in which the files of a library appear.
#include "mf/Target/Artifact.h"
#include "mf/Target/CompileError.h"
#include "mf/Target/LibraryPlan.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"
#include <fcntl.h>
#include <unistd.h>

using namespace mlir;
using namespace mlir::mf;

std::string mlir::mf::getLibraryStem(StringRef libraryPath) {
  size_t name = libraryPath.rfind('/') + 1;
  for (size_t suffix = libraryPath.find(".so", name); suffix != StringRef::npos;
       suffix = libraryPath.find(".so", suffix + 1))
    if (suffix + 3 == libraryPath.size() || libraryPath[suffix + 3] == '.')
      return libraryPath.take_front(suffix).str();
  return libraryPath.str();
}

static std::string getDigestPath(StringRef stem, uint64_t digest) {
  return (stem + "." + formatDigest(digest) + ".mfp").str();
}

/// Removes `stem.<16 hexadecimal digits>.mfp`: parameters of compilations that were interrupted or replaced.
static void removeStaleParameters(StringRef stem) {
  StringRef directory = llvm::sys::path::parent_path(stem);
  std::error_code error;
  SmallVector<std::string> stale;
  for (llvm::sys::fs::directory_iterator it(directory.empty() ? "." : directory, error), end; !error && it != end;
       it.increment(error)) {
    StringRef name = llvm::sys::path::filename(it->path());
    if (name.consume_front(llvm::sys::path::filename(stem)) && name.consume_front(".") && name.consume_back(".mfp") &&
        name.size() == 16 && llvm::all_of(name, [](char c) { return llvm::isHexDigit(c); }))
      stale.push_back(it->path());
  }
  for (const std::string &path : stale)
    llvm::sys::fs::remove(path);
}

/// Brings the names in the directory of `path` to the disk, as far as the file system can.
static void syncDirectory(StringRef path) {
  StringRef directory = llvm::sys::path::parent_path(path);
  int descriptor = open(directory.empty() ? "." : directory.str().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return;
  fsync(descriptor);
  close(descriptor);
}

static llvm::Error publishFile(
    StringRef path, StringRef contents, unsigned mode, llvm::function_ref<void()> atLast = [] {}) {
  llvm::Expected<PendingFile> file = PendingFile::create(path, mode);
  if (!file)
    return file.takeError();
  if (llvm::Error error = file->write(contents))
    return error;
  return file->publish(path, atLast);
}

llvm::Error mlir::mf::commitArtifact(const Artifact &artifact) {
  std::string stem = getLibraryStem(artifact.libraryPath), digestPath;
  llvm::scope_exit removeParameters([&] {
    if (digestPath.empty())
      return;
    llvm::sys::fs::remove(digestPath);
    llvm::sys::DontRemoveFileOnSignal(digestPath);
  });
  if (artifact.parameters) {
    std::string path = getDigestPath(stem, artifact.parametersDigest);
    // A file of this name may be what the present library runs with: it stays whatever happens.
    if (!llvm::sys::fs::exists(path)) {
      digestPath = path;
      llvm::sys::RemoveFileOnSignal(digestPath);
    }
    if (llvm::Error error = artifact.parameters->publish(path))
      return error;
  }
  if (llvm::Error error = publishFile(stem + ".h", artifact.header, 0666))
    return error;
  // A signal must not take the parameters away from a library that has its name already: they are kept just before.
  auto keepParameters = [&] { llvm::sys::DontRemoveFileOnSignal(digestPath); };
  if (llvm::Error error = publishFile(artifact.libraryPath, artifact.library, 0777, keepParameters))
    return error;
  removeParameters.release();
  syncDirectory(stem);

  if (artifact.parameters)
    if (std::error_code error = llvm::sys::fs::rename(getDigestPath(stem, artifact.parametersDigest), stem + ".mfp"))
      return makeIOError("the library is complete, but its parameters cannot be renamed to", stem + ".mfp", error);
  removeStaleParameters(stem);
  syncDirectory(stem);
  return llvm::Error::success();
}

llvm::Error mlir::mf::writeOutput(StringRef path, StringRef contents) {
  llvm::sys::fs::file_status status;
  bool inPlace =
      path == "-" || (!llvm::sys::fs::status(path, status) && status.type() != llvm::sys::fs::file_type::regular_file);
  if (!inPlace)
    return publishFile(path, contents, 0666);
  std::error_code error;
  llvm::raw_fd_ostream os(path, error);
  if (error)
    return makeIOError("cannot open", path, error);
  os << contents;
  os.flush();
  error = os.error();
  os.clear_error();
  return error ? makeIOError("cannot write", path, error) : llvm::Error::success();
}
