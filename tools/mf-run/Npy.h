// NumPy's array files, format versions 1.0 and 2.0: little-endian, C order, f2 f4 f8 i1 i2 i4 i8 u1 u2.
#ifndef MF_TOOLS_MF_RUN_NPY_H
#define MF_TOOLS_MF_RUN_NPY_H

#include "mf-c/model.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

namespace mf::run {

/// A tensor that owns its elements, compact and row-major.
struct Array {
  DLDataType dtype = {};
  llvm::SmallVector<int64_t> shape;
  std::unique_ptr<llvm::WritableMemoryBuffer> data; ///< 64-byte aligned

  /// An array of unset elements; ExitUsage when its bytes do not fit into an int64_t.
  static llvm::Expected<Array> create(DLDataType dtype, llvm::ArrayRef<int64_t> shape);

  int64_t getElementCount() const;
  /// The tensor for the library, valid as long as this array stays where it is.
  DLTensor getTensor();
  /// Element `index` of the flattened array, widened.
  double getElement(int64_t index) const;
  /// "f32[2, 512]".
  std::string getTypeText() const;
};

/// The dtype that an `mf-c/model.h` name like "f32", "bf16" or "i8" means.
llvm::Expected<DLDataType> parseDtype(llvm::StringRef name);

/// Reads a file; its size must be what its header says. Errors have ExitFile.
llvm::Expected<Array> readNpy(llvm::StringRef path);

/// Writes a file through a temporary one. Errors have ExitFile.
llvm::Error writeNpy(llvm::StringRef path, const Array &array);

} // namespace mf::run

#endif // MF_TOOLS_MF_RUN_NPY_H
