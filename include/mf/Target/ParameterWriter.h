// Writes parameter files, mf/Runtime/ParameterFile.h.
#ifndef MF_TARGET_PARAMETERWRITER_H
#define MF_TARGET_PARAMETERWRITER_H

#include "mf/Dialect/MF/IR/MFOps.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <optional>

namespace mlir::mf {

/// A tensor of a parameter file.
struct ParameterRecord {
  std::string name;
  std::string layout; ///< text of the attribute, empty for row-major
  Type elementType;
  SmallVector<int64_t> shape; ///< as stored
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint64_t digest = 0;
  /// Of a quantised parameter that is written: sqrt(sum of squared errors / sum of squares), on a sample of its rows.
  std::optional<double> relativeError;
};

/// A parameter file that was planned or written; no records: there is none.
struct ParameterFile {
  std::vector<ParameterRecord> records; ///< in the order of the parameters' indices
  uint64_t headerBytes = 0;
  uint64_t fileBytes = 0;
  uint64_t digest = 0; ///< of the header; known once the file is written
};

struct ParameterWriterOptions {
  unsigned jobs = 1;
  /// Called now and then, by one thread at a time, with the bytes written and the bytes in all.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

/// The parameters of a module in the order of their indices; an error where they have none.
llvm::Expected<SmallVector<ParameterOp>> getIndexedParameters(ModuleOp module);

/// Records and offsets of a file with these parameters; digests are 0.
llvm::Expected<ParameterFile> planParameterFile(ArrayRef<ParameterOp> parameters);

/// Writes the planned file to the empty file open as `descriptor`, in blocks, the header last, and fills the digests
/// in. `path` names it in messages. Uses about a MiB a job besides the mapped sources.
llvm::Error writeParameterFile(ArrayRef<ParameterOp> parameters, ParameterFile &file, int descriptor, StringRef path,
                               const ParameterWriterOptions &options);

} // namespace mlir::mf

#endif // MF_TARGET_PARAMETERWRITER_H
