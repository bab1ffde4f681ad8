// The quantised weight of a dense layer as kernels read it: panels of columns, words of four adjacent features of one
// column, of i4 in the low halves of its bytes and the next four in the high ones.
#ifndef MF_LIB_CONVERSION_MFTOGPU_INTEGERWEIGHT_H
#define MF_LIB_CONVERSION_MFTOGPU_INTEGERWEIGHT_H

#include "Kernels.h"

namespace mlir::mf {

/// Columns of a panel whose words are 16 adjacent bytes.
inline constexpr int64_t kWeightColumns = 4;

struct IntegerWeight {
  IntegerWeight(LinearOp op, const IntegerDenseShape &shape, GPUKernelBuilder &k);

  /// Words of x that meet a block of features of a weight.
  int64_t getWords() const { return halves; }
  /// The bytes of a block that meet word `half` of x.
  Value getBytes(GPUKernelBuilder &k, Value word, int64_t half) const;
  /// What is added to the sum of a row for a word of x: i4 is stored with an offset. Null where nothing is.
  Value correct(GPUKernelBuilder &k, Value x, Value correction) const;
  bool isCorrected() const { return halves == 2; }

  /// [panels, blocks of features, columns * 4].
  Value memref;
  int64_t halves;
};

} // namespace mlir::mf

#endif // MF_LIB_CONVERSION_MFTOGPU_INTEGERWEIGHT_H
