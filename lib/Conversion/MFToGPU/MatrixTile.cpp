// Matrices in workgroup memory: where pieces of 16 bytes lie, and how a warp loads four 8 x 8 matrices.
#include "MatrixTile.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

/// Pieces that all banks hold.
static constexpr int64_t kBankPieces = 8;

mf::MatrixTile::MatrixTile(int64_t buffers, int64_t rows, int64_t columns)
    : buffers(buffers), rows(rows), pieces(columns / kPiece),
      isPermuted(llvm::isPowerOf2_64(pieces) || pieces % kBankPieces == 0) {
  // Rows of an odd number of pieces begin in different banks.
  stride = (isPermuted ? pieces : pieces | 1) * kPiece;
}

void mf::MatrixTile::place(GPUKernelBuilder &k, Type element, int64_t begin, Value warpLane) {
  memref = k.workgroupMemory({buffers, rows, stride}, element, begin);
  lane = warpLane;
}

/// Rows that begin in the same bank get different permutations. So do buffers: places of pieces that were the same for
/// each would be kept in registers over the steps of a kernel, and spill.
Value mf::MatrixTile::permute(GPUKernelBuilder &k, Value buffer, Value row, Value piece) const {
  if (!isPermuted || pieces == 1)
    return piece;
  int64_t rowsOfBanks = std::max<int64_t>(1, kBankPieces / pieces);
  return k.exclusiveOr(piece, k.rem(k.add(k.div(row, rowsOfBanks), buffer), std::min(pieces, kBankPieces)));
}

SmallVector<Value> mf::MatrixTile::getPlace(GPUKernelBuilder &k, Value buffer, Value row, Value piece) const {
  return {buffer, row, k.mul(permute(k, buffer, row, piece), kPiece)};
}

SmallVector<Value> mf::MatrixTile::load(GPUKernelBuilder &k, Value buffer, Value row, Value column, MatrixOrder order,
                                        bool isTransposed) const {
  Value inside = k.rem(lane, kPiece), low = k.rem(k.div(lane, kPiece), 2), high = k.div(lane, 2 * kPiece);
  Value laneRow = lane, lanePiece = k.index(0);
  if (order != MatrixOrder::Stacked) {
    bool byRows = order == MatrixOrder::ByRows;
    laneRow = k.add(k.mul(byRows ? low : high, kPiece), inside);
    lanePiece = byRows ? high : low;
  }
  // `row` does not change the permutation.
  Value piece = permute(k, buffer, laneRow, k.add(k.div(column, kPiece), lanePiece));
  return k.loadMatrices(memref, {buffer, k.add(row, laneRow), k.mul(piece, kPiece)}, isTransposed);
}
