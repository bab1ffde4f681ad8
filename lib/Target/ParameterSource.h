// Where the elements of parameters come from: files, generators, constants.
#ifndef MF_LIB_TARGET_PARAMETERSOURCE_H
#define MF_LIB_TARGET_PARAMETERSOURCE_H

#include "mf/Dialect/MF/IR/MFOps.h"
#include "llvm/Support/Error.h"
#include <cstring>
#include <map>
#include <memory>

namespace mlir::mf {

/// Elements of a parameter in their stored type. Read by several threads at once.
class ParameterSource {
public:
  virtual ~ParameterSource() = default;
  /// Writes the logical elements offset, offset + stride, ..., `count` of them, to `stored`.
  virtual void read(int64_t offset, int64_t stride, int64_t count, char *stored) const = 0;
  /// Says that all was read.
  virtual void release() const {}
};

/// Elements that are in memory as they are stored.
template <typename T> class ArraySource : public ParameterSource {
public:
  explicit ArraySource(std::shared_ptr<const std::vector<T>> elements) : elements(std::move(elements)) {}

  void read(int64_t offset, int64_t stride, int64_t count, char *stored) const override {
    for (int64_t i = 0; i < count; ++i)
      std::memcpy(stored + i * sizeof(T), &(*elements)[offset + i * stride], sizeof(T));
  }

private:
  std::shared_ptr<const std::vector<T>> elements;
};

/// A file mapped read-only.
class MappedFile {
public:
  static llvm::Expected<std::unique_ptr<MappedFile>> open(StringRef path);
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  ~MappedFile();
  const char *getData() const { return data; }
  uint64_t getBytes() const { return bytes; }

private:
  MappedFile(const char *data, uint64_t bytes) : data(data), bytes(bytes) {}
  const char *data;
  uint64_t bytes;
};

struct FeatureChoice;
struct Quantization;

/// Opens sources; a file that many parameters come from is mapped once, scales are chosen once.
class ParameterSources {
public:
  /// With `jobs` threads for the choice of scales.
  explicit ParameterSources(unsigned jobs = 1) : jobs(jobs) {}

  /// The source of `parameter`, valid as long as this object.
  llvm::Expected<std::unique_ptr<ParameterSource>> open(ParameterOp parameter);
  /// The scales of a quantised parameter.
  llvm::Expected<std::shared_ptr<const Quantization>> getQuantization(ParameterOp parameter);
  /// The features that a pruned weight keeps.
  llvm::Expected<std::shared_ptr<const FeatureChoice>> getFeatureChoice(ParameterOp parameter);

private:
  /// `source` as elements of `type`, for the parameter of that name. A narrower type is rounded to where `rounds`.
  llvm::Expected<std::unique_ptr<ParameterSource>> open(StringRef name, Attribute source, RankedTensorType type,
                                                        bool rounds);
  llvm::Expected<std::unique_ptr<ParameterSource>> openFile(StringRef name, TensorFileAttr source,
                                                            RankedTensorType type, bool rounds);
  llvm::Expected<std::unique_ptr<ParameterSource>> openKeptRows(StringRef name, KeptRowsAttr source,
                                                                RankedTensorType type, bool rounds);
  llvm::Expected<std::unique_ptr<ParameterSource>> openRowBlocks(StringRef name, RowBlocksAttr source,
                                                                 RankedTensorType type, bool rounds);
  llvm::Expected<std::unique_ptr<ParameterSource>> openPruned(ParameterOp parameter);
  unsigned jobs;
  std::map<std::string, std::unique_ptr<MappedFile>, std::less<>> files;
  std::map<std::string, std::shared_ptr<const Quantization>, std::less<>> quantizations;
  std::map<std::string, std::shared_ptr<const FeatureChoice>, std::less<>> featureChoices;
};

} // namespace mlir::mf

#endif // MF_LIB_TARGET_PARAMETERSOURCE_H
