// Matrices in workgroup memory: where pieces of 16 bytes lie, and how a warp loads them.
#include "MatrixTile.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

/// Pieces that all banks hold, and rows of a matrix that is loaded.
static constexpr int64_t kBankPieces = 8, kMatrixSide = 8;

/// Rows of an odd number of pieces begin in different banks. Four rows whose begins are an odd number of 32 bytes apart
/// from each other's hold 8 words each in different banks.
static int64_t getStride(int64_t pieces, TileAccess access, bool isPermuted) {
  if (access == TileAccess::Pairs)
    return llvm::alignTo(pieces + 2, 4) - 2;
  return isPermuted ? pieces : pieces | 1;
}

mf::MatrixTile::MatrixTile(int64_t buffers, int64_t rows, int64_t columns, int64_t elementBytes, TileAccess access)
    : buffers(buffers), rows(rows), elementBytes(elementBytes), pieces(columns * elementBytes / kPieceBytes),
      isPermuted(access == TileAccess::Matrices && (llvm::isPowerOf2_64(pieces) || pieces % kBankPieces == 0)) {
  stride = getStride(pieces, access, isPermuted);
}

void mf::MatrixTile::place(GPUKernelBuilder &k, Type element, int64_t begin, Value warpLane) {
  memref = k.workgroupMemory({buffers, rows, stride * getPieceElements()}, element, begin);
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
  return {buffer, row, k.mul(permute(k, buffer, row, piece), getPieceElements())};
}

SmallVector<Value> mf::MatrixTile::load(GPUKernelBuilder &k, Value buffer, Value row, Value piece, MatrixOrder order,
                                        bool isTransposed) const {
  Value inside = k.rem(lane, kMatrixSide), matrix = k.div(lane, kMatrixSide);
  Value low = k.rem(matrix, 2), high = k.div(matrix, 2), laneRow = inside, lanePiece;
  switch (order) {
  case MatrixOrder::ByRows:
    laneRow = k.add(k.mul(low, kMatrixSide), inside);
    lanePiece = high;
    break;
  case MatrixOrder::ByColumns:
    laneRow = k.add(k.mul(high, kMatrixSide), inside);
    lanePiece = low;
    break;
  case MatrixOrder::Stacked:
    laneRow = lane;
    break;
  case MatrixOrder::Halves:
    laneRow = k.add(k.div(inside, 2), k.mul(k.rem(inside, 2), kMatrixSide / 2));
    lanePiece = matrix;
    break;
  }
  // `row` does not change the permutation.
  Value permuted = permute(k, buffer, laneRow, lanePiece ? k.add(piece, lanePiece) : piece);
  return k.loadMatrices(memref, {buffer, k.add(row, laneRow), k.mul(permuted, getPieceElements())}, isTransposed);
}

Value mf::MatrixTile::loadPair(GPUKernelBuilder &k, Value buffer, Value row, Value column) const {
  return k.loadPair(memref, {buffer, k.add(row, k.rem(lane, 4)), k.mul(k.add(column, k.div(lane, 4)), 2)});
}
