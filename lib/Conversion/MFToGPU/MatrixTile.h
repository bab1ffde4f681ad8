// A matrix of f16 or bf16 in workgroup memory, from which a warp loads the operands of products of matrices.
#ifndef MF_LIB_CONVERSION_MFTOGPU_MATRIXTILE_H
#define MF_LIB_CONVERSION_MFTOGPU_MATRIXTILE_H

#include "mf/Codegen/GPU/KernelBuilder.h"

namespace mlir::mf {

/// Elements of a piece of 16 bytes, and rows and columns of the matrices that are loaded.
inline constexpr int64_t kPiece = 8;

/// Where four 8 x 8 matrices lie, beside or below each other, and in which order.
enum class MatrixOrder {
  ByRows,    ///< in a square: the upper and the lower of the left, then of the right
  ByColumns, ///< in a square: the left and the right of the upper, then of the lower
  Stacked    ///< below each other
};

/// Buffers of [rows, columns] elements of 2 bytes. The pieces of a row are permuted, or rows are longer by one, so that
/// 8 rows of one piece, and 8 pieces of adjacent numbers, lie in different banks.
class MatrixTile {
public:
  /// `columns` is a multiple of 8, `rows` of 16.
  MatrixTile(int64_t buffers, int64_t rows, int64_t columns);

  int64_t getRows() const { return rows; }
  /// Pieces of a row.
  int64_t getPieces() const { return pieces; }
  int64_t getBytes() const { return buffers * rows * stride * 2; }

  /// Places it from byte `begin` of the workgroup memory on; `lane` is of the warp that loads.
  void place(GPUKernelBuilder &k, Type element, int64_t begin, Value lane);

  Value getMemRef() const { return memref; }
  /// Where a piece of a row lies.
  SmallVector<Value> getPlace(GPUKernelBuilder &k, Value buffer, Value row, Value piece) const;

  /// A word of each of four matrices. Of a square `row` and `column` are multiples of 16, else of 8. Transposed, a lane
  /// gets columns of them.
  SmallVector<Value> load(GPUKernelBuilder &k, Value buffer, Value row, Value column, MatrixOrder order,
                          bool isTransposed) const;

private:
  Value permute(GPUKernelBuilder &k, Value buffer, Value row, Value piece) const;

  int64_t buffers, rows, pieces, stride;
  bool isPermuted;
  Value memref, lane;
};

} // namespace mlir::mf

#endif // MF_LIB_CONVERSION_MFTOGPU_MATRIXTILE_H
