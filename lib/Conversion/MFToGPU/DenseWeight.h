// The weight of a dense layer as kernels read it: in panels, whose columns are adjacent, or in rows, whose features
// are.
#ifndef MF_LIB_CONVERSION_MFTOGPU_DENSEWEIGHT_H
#define MF_LIB_CONVERSION_MFTOGPU_DENSEWEIGHT_H

#include "mf/Codegen/GPU/KernelBuilder.h"
#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {

struct DenseWeight {
  explicit DenseWeight(LinearOp op);

  Value memref;
  Type element;
  int64_t columns;      ///< of the destination
  int64_t panelColumns; ///< 0 for a weight in rows
  Value kept;           ///< [panels, features]: which of x a panel has; null: all

  bool hasPanels() const { return panelColumns != 0; }
  /// Adjacent elements that are 16 bytes.
  int64_t getVector() const;
  /// Where the weight of a column and a feature lies; behind the last column, that of another one.
  SmallVector<Value> getPlace(GPUKernelBuilder &k, Value column, Value feature) const;
  /// The feature of x that belongs to a feature of the weight in the panel of a column.
  Value getActivation(GPUKernelBuilder &k, Value column, Value feature) const;
};

} // namespace mlir::mf

#endif // MF_LIB_CONVERSION_MFTOGPU_DENSEWEIGHT_H
