// A matrix in workgroup memory, from which a warp loads the operands of products of matrices.
#ifndef MF_LIB_CONVERSION_MFTOGPU_MATRIXTILE_H
#define MF_LIB_CONVERSION_MFTOGPU_MATRIXTILE_H

#include "mf/Codegen/GPU/KernelBuilder.h"

namespace mlir::mf {

/// Bytes of a piece, which is copied at once and is a row of the matrices that are loaded.
inline constexpr int64_t kPieceBytes = 16;
/// Elements of 16 bits of a piece.
inline constexpr int64_t kPiece = 8;

/// Where four matrices of 8 rows of a piece lie, beside or below each other, and in which order.
enum class MatrixOrder {
  ByRows,    ///< in a square: the upper and the lower of the left, then of the right
  ByColumns, ///< in a square: the left and the right of the upper, then of the lower
  Stacked,   ///< below each other
  Halves     ///< beside each other, of rows r and r + 4 in turn: 0, 4, 1, 5, 2, 6, 3, 7
};

/// How lanes read a tile.
enum class TileAccess {
  Matrices, ///< `load`: 8 rows of one piece lie in different banks
  Pairs     ///< `loadPair`: so do 8 words of each of 4 rows
};

/// Buffers of [rows, columns] elements. The pieces of a row are permuted, or rows are longer, so that what is read at
/// once lies in different banks.
class MatrixTile {
public:
  /// `columns` is a whole number of pieces, `rows` a multiple of 8.
  MatrixTile(int64_t buffers, int64_t rows, int64_t columns, int64_t elementBytes = 2,
             TileAccess access = TileAccess::Matrices);

  int64_t getRows() const { return rows; }
  /// Pieces of a row.
  int64_t getPieces() const { return pieces; }
  int64_t getPieceElements() const { return kPieceBytes / elementBytes; }
  int64_t getBytes() const { return buffers * rows * stride * kPieceBytes; }

  /// Places it from byte `begin` of the workgroup memory on; `lane` is of the warp that loads.
  void place(GPUKernelBuilder &k, Type element, int64_t begin, Value lane);

  /// The same tile for another lane, or the same lane computed elsewhere.
  void setLane(Value warpLane) { lane = warpLane; }

  Value getMemRef() const { return memref; }
  /// Where a piece of a row lies.
  SmallVector<Value> getPlace(GPUKernelBuilder &k, Value buffer, Value row, Value piece) const;

  /// A word of each of four matrices. `row` is a multiple of 8, `piece` of 2 for a square. Transposed, a lane gets
  /// columns of them.
  SmallVector<Value> load(GPUKernelBuilder &k, Value buffer, Value row, Value piece, MatrixOrder order,
                          bool isTransposed) const;
  /// Of a tile for pairs: word lane / 4 behind word `column` of row lane % 4 behind `row`.
  Value loadPair(GPUKernelBuilder &k, Value buffer, Value row, Value column) const;

private:
  Value permute(GPUKernelBuilder &k, Value buffer, Value row, Value piece) const;

  /// `stride` counts pieces.
  int64_t buffers, rows, elementBytes, pieces, stride;
  bool isPermuted;
  Value memref, lane;
};

} // namespace mlir::mf

#endif // MF_LIB_CONVERSION_MFTOGPU_MATRIXTILE_H
