// Where the elements of a parameter lie in the parameter file.
#ifndef MF_TARGET_PACKEDLAYOUT_H
#define MF_TARGET_PACKEDLAYOUT_H

#include "mf/Dialect/MF/IR/MFAttributes.h"
#include "llvm/Support/Error.h"

namespace mlir::mf {

/// Neighbours in the stored tensor (for pairs of i4, in one half of its bytes): elements offset, offset + stride, ...
/// of the logical row-major tensor, `count` of them. What is left of the run's length is zero.
struct PackedRun {
  int64_t offset;
  int64_t stride;
  int64_t count;
};

/// A stored tensor as a sequence of runs of one length.
class PackedLayout {
public:
  /// The layout of a tensor of the logical `shape`; null `layout` is row-major. An error where a layout does not apply
  /// or is of a kind that cannot be written.
  static llvm::Expected<PackedLayout> get(LayoutAttrInterface layout, ArrayRef<int64_t> shape);

  /// Stored elements (for pairs of i4: bytes) of a run.
  int64_t getRunLength() const { return runLength; }
  /// Logical elements in a stored element: 2 for pairs of i4, else 1.
  int64_t getElementsPerByte() const { return elementsPerByte; }
  /// Stored elements, zeros included.
  int64_t getNumElements() const { return numRuns * runLength; }
  /// Extents of the stored tensor.
  ArrayRef<int64_t> getShape() const { return shape; }
  /// Half `part` (0: the low one) of run `index`, the whole run where there are no pairs.
  PackedRun getRun(int64_t index, int64_t part = 0) const;

private:
  enum class Kind { RowMajor, Strips, Panels, InterleavedPanels };

  PackedRun getInterleavedRun(int64_t index, int64_t part) const;

  Kind kind = Kind::RowMajor;
  int64_t runLength = 0;
  int64_t numRuns = 0;
  /// Rows of all tables, or input features of a panel: runs that share their columns.
  int64_t runsPerColumns = 1;
  /// Columns of the tables, or output features of the weight.
  int64_t numColumns = 0;
  /// Input features of the weight, columns of a panel.
  int64_t numFeatures = 0, panelColumns = 0;
  int64_t elementsPerByte = 1;
  SmallVector<int64_t> shape;
};

} // namespace mlir::mf

#endif // MF_TARGET_PACKEDLAYOUT_H
