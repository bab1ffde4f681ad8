// Headers of safetensors files.
#ifndef MF_FRONTEND_SAFETENSORSREADER_H
#define MF_FRONTEND_SAFETENSORSREADER_H

#include "mf/Frontend/Problems.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <vector>

namespace mlir::mf {

/// A tensor of a safetensors file.
struct TensorRecord {
  std::string name;
  /// The format's name of the element type, "F32".
  std::string dtype;
  std::vector<uint64_t> shape;
  /// First byte of the row-major little-endian elements, counted from the beginning of the file; not aligned.
  uint64_t offset;
  uint64_t bytes;

  /// "F32 [64, 128]".
  std::string describe() const;
};

/// The content of a safetensors header.
struct SafetensorsFile {
  std::string path;
  /// In the order of their data.
  std::vector<TensorRecord> tensors;
};

/// Reads the header of `path` and checks everything the format promises: a regular file; a header of at most
/// 100,000,000 bytes that lies inside the file and is one UTF-8 JSON object without repeated keys; metadata of strings;
/// known element types; sizes that fit shapes; data without gap or overlap that ends where the file ends. Tensors may
/// have rank 0 or no elements. Tells each tensor's problems.
std::optional<SafetensorsFile> readSafetensors(llvm::StringRef path, Problems &problems);

/// The same for the content `bytes` of a file; `path` is its name.
std::optional<SafetensorsFile> parseSafetensors(llvm::StringRef bytes, llvm::StringRef path, Problems &problems);

/// "[64, 128]".
std::string describeShape(llvm::ArrayRef<uint64_t> shape);

} // namespace mlir::mf

#endif // MF_FRONTEND_SAFETENSORSREADER_H
