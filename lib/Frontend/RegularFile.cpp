// Opening and mapping the files of a model.
#include "mf/Frontend/RegularFile.h"
#include "llvm/ADT/ScopeExit.h"

using namespace mlir::mf;
namespace fs = llvm::sys::fs;

static llvm::StringRef describe(fs::file_type type) {
  switch (type) {
  case fs::file_type::directory_file:
    return "a directory";
  case fs::file_type::fifo_file:
    return "a pipe";
  case fs::file_type::socket_file:
    return "a socket";
  case fs::file_type::block_file:
  case fs::file_type::character_file:
    return "a device";
  default:
    return "something else";
  }
}

std::optional<RegularFile> RegularFile::open(llvm::StringRef path, Problems &problems) {
  auto refuse = [&](const llvm::Twine &found) {
    problems.add(path, "", "a regular file that can be read", found);
    return std::nullopt;
  };
  fs::file_status before, after;
  if (std::error_code error = fs::status(path, before))
    return refuse(error.message());
  if (before.type() != fs::file_type::regular_file)
    return refuse(describe(before.type()));

  llvm::Expected<fs::file_t> handle = fs::openNativeFileForRead(path);
  if (!handle)
    return refuse(llvm::toString(handle.takeError()));
  llvm::scope_exit close([&] { (void)fs::closeFile(*handle); });
  // The name may have been given to another file since.
  if (std::error_code error = fs::status(*handle, after))
    return refuse(error.message());
  if (after.type() != fs::file_type::regular_file || after.getSize() != before.getSize())
    return refuse("a file that changes while it is opened");

  RegularFile file;
  file.size = after.getSize();
  if (file.size == 0)
    return file;
  std::error_code error;
  file.region = fs::mapped_file_region(*handle, fs::mapped_file_region::readonly, file.size, 0, error);
  if (error)
    return refuse(error.message());
  return file;
}
