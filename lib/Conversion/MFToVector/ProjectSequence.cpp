// Linear combinations of tokens: a tile of rows against some features, sums in registers, tokens ascending.
#include "Kernels.h"

using namespace mlir;
using namespace mlir::mf;

namespace {
/// Builds the kernel of one op.
struct ProjectionKernel {
  ProjectSequenceOp op;
  CPULinearAttentionAttr strategy;
  KernelBuilder kb;

  void buildTile(Value row, int64_t rows, Value head, Value base, ArrayRef<Piece> pieces);
  void buildRows(Value row, int64_t rows, Value head);
  void build();
};
} // namespace

void ProjectionKernel::buildTile(Value row, int64_t rows, Value head, Value base, ArrayRef<Piece> pieces) {
  SmallVector<Value> sums;
  for (int64_t i = 0; i < rows; ++i)
    for (Piece piece : pieces)
      sums.push_back(kb.constant(0.0f, piece.width));
  // Never behind a row of w, whatever the caller brings.
  Value tokens = kb.minIndex(kb.dim(op.getX(), 0), kb.dim(op.getW(), 1));
  sums = kb.loop(kb.index(0), tokens, 1, sums, [&](Value token, ValueRange sums) {
    SmallVector<Value> elements, next;
    for (Piece piece : pieces)
      elements.push_back(kb.load(op.getX(), {token, head, kb.addIndex(base, piece.offset)}, piece.width));
    for (int64_t i = 0; i < rows; ++i) {
      Value weight = kb.load(op.getW(), {kb.addIndex(row, i), token}, 1);
      for (auto [j, piece] : llvm::enumerate(pieces))
        next.push_back(kb.mulAdd(kb.broadcast(weight, piece.width), elements[j], sums[i * pieces.size() + j]));
    }
    return next;
  });
  for (int64_t i = 0; i < rows; ++i)
    for (auto [j, piece] : llvm::enumerate(pieces))
      kb.store(sums[i * pieces.size() + j], op.getInit(), {kb.addIndex(row, i), head, kb.addIndex(base, piece.offset)});
}

void ProjectionKernel::buildRows(Value row, int64_t rows, Value head) {
  int64_t size = cast<MemRefType>(op.getInit().getType()).getDimSize(2);
  int64_t step = strategy.getColumns(), whole = size / step * step;
  if (whole > 0)
    kb.loop(kb.index(0), kb.index(whole), step,
            [&](Value base) { buildTile(row, rows, head, base, splitIntoPieces(step, kb.getLanes())); });
  if (size > whole)
    buildTile(row, rows, head, kb.index(whole), splitIntoPieces(size - whole, kb.getLanes()));
}

void ProjectionKernel::build() {
  kb.loopOver(kb.dim(op.getInit(), 1), [&](Value head) {
    kb.loopInTiles(kb.dim(op.getInit(), 0), strategy.getRows(),
                   [&](Value row, int64_t rows) { buildRows(row, rows, head); });
  });
}

void mf::lowerProjectSequence(ProjectSequenceOp op, CPULinearAttentionAttr strategy) {
  ProjectionKernel{op, strategy, KernelBuilder(op, strategy.getLanes())}.build();
}
