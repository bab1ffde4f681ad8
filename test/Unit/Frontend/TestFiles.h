// Files for the tests of the front end: a directory that goes away, safetensors files and configurations with faults.
#ifndef MF_TEST_UNIT_FRONTEND_TESTFILES_H
#define MF_TEST_UNIT_FRONTEND_TESTFILES_H

#include "mf/Frontend/Problems.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"

namespace mlir::mf {

/// A fresh directory, removed at the end.
class TestDirectory {
public:
  TestDirectory() { EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("mf-frontend", root)); }
  ~TestDirectory() { llvm::sys::fs::remove_directories(root); }

  std::string path(llvm::StringRef name) const {
    llvm::SmallString<128> path(root);
    llvm::sys::path::append(path, name);
    return path.str().str();
  }
  /// Writes a file and returns its path.
  std::string write(llvm::StringRef name, llvm::StringRef bytes) const {
    std::error_code error;
    llvm::raw_fd_ostream os(path(name), error);
    os << bytes;
    EXPECT_FALSE(error);
    return path(name);
  }
  std::string str() const { return root.str().str(); }

private:
  llvm::SmallString<128> root;
};

/// 8 bytes, least significant first.
inline std::string littleEndian(uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i)
    bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

/// A safetensors file with any text as its header.
inline std::string safetensors(llvm::StringRef header, size_t dataBytes) {
  return littleEndian(header.size()) + header.str() + std::string(dataBytes, '\0');
}

/// The texts of all problems, a line each.
inline std::string text(const Problems &problems) {
  std::string text;
  llvm::raw_string_ostream os(text);
  problems.print(os);
  return text;
}

/// Whether `part` stands in `text`.
inline ::testing::AssertionResult contains(const std::string &text, const std::string &part) {
  if (text.find(part) != std::string::npos)
    return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "\"" << part << "\" is not in \"" << text << "\"";
}

} // namespace mlir::mf

#endif // MF_TEST_UNIT_FRONTEND_TESTFILES_H
