// The dense layer. With panels: a tile of rows against one panel of the weight, sums in registers, features ascending.
// Without: dot products of adjacent elements, for a tile of rows against one row of the weight.
#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::mf;

namespace {
/// Builds the kernel of one op.
struct LinearKernel {
  LinearOp op;
  KernelBuilder kb;
  /// Rows of the largest tile.
  int64_t rows;

  void forEachRowTile(function_ref<void(Value, int64_t)> body);
  void storePanelRow(Value row, Value column, Value columnsLeft, ArrayRef<Piece> pieces, ValueRange sums);
  void buildPanelTile(Value panel, Value row, int64_t count, int64_t panelColumns);
  void buildDotTile(Value column, Value row, int64_t count);
};
} // namespace

/// Tiles of `rows` rows, then narrower ones down to single rows. A row gets the same operations in each.
void LinearKernel::forEachRowTile(function_ref<void(Value, int64_t)> body) {
  Value total = kb.dim(op.getX(), 0), begin = kb.index(0);
  for (int64_t count = rows; count > 0; count /= 2) {
    Value left = kb.subIndex(total, begin);
    Value end = count == 1 ? total : kb.addIndex(begin, kb.roundDown(left, count));
    kb.loop(begin, end, count, [&](Value row) { body(row, count); });
    begin = end;
  }
}

/// Stores the sums of one row; of the last panel only the columns that the destination has.
void LinearKernel::storePanelRow(Value row, Value column, Value columnsLeft, ArrayRef<Piece> pieces, ValueRange sums) {
  for (size_t i = 0; i < pieces.size(); ++i) {
    Piece piece = pieces[i];
    Value sum = sums[i];
    OpBuilder &b = kb.builder();
    SmallVector<Value> at = {row, kb.addIndex(column, piece.offset)};
    Value isWhole = arith::CmpIOp::create(b, op.getLoc(), arith::CmpIPredicate::sge, columnsLeft,
                                          kb.index(piece.offset + piece.width));
    if (piece.width == 1) {
      kb.ifThen(isWhole, [&] { kb.store(sum, op.getInit(), at); });
      continue;
    }
    kb.ifThenElse(
        isWhole, [&] { kb.store(sum, op.getInit(), at); },
        [&] {
          Value mask = kb.isBelow(piece.offset, columnsLeft, piece.width);
          vector::MaskedStoreOp::create(b, op.getLoc(), op.getInit(), at, mask, sum);
        });
  }
}

void LinearKernel::buildPanelTile(Value panel, Value row, int64_t count, int64_t panelColumns) {
  SmallVector<Piece> pieces = splitIntoPieces(panelColumns, kb.getLanes());
  SmallVector<Value> sums;
  for (int64_t i = 0; i < count; ++i)
    for (Piece piece : pieces)
      sums.push_back(kb.constant(0.0f, piece.width));
  Value features = kb.dim(op.getX(), 1);
  sums = kb.loop(kb.index(0), features, 1, sums, [&](Value feature, ValueRange sums) {
    SmallVector<Value> weights, next;
    for (Piece piece : pieces)
      weights.push_back(kb.load(op.getWeight(), {panel, feature, kb.index(piece.offset)}, piece.width));
    for (int64_t i = 0; i < count; ++i) {
      Value x = kb.load(op.getX(), {kb.addIndex(row, i), feature}, 1);
      for (auto [j, piece] : llvm::enumerate(pieces))
        next.push_back(kb.mulAdd(kb.broadcast(x, piece.width), weights[j], sums[i * pieces.size() + j]));
    }
    return next;
  });
  Value column = kb.mulIndex(panel, panelColumns);
  Value columnsLeft = kb.subIndex(kb.dim(op.getInit(), 1), column);
  for (int64_t i = 0; i < count; ++i)
    storePanelRow(kb.addIndex(row, i), column, columnsLeft, pieces,
                  ValueRange(sums).slice(i * pieces.size(), pieces.size()));
}

void LinearKernel::buildDotTile(Value column, Value row, int64_t count) {
  int64_t features = cast<MemRefType>(op.getWeight().getType()).getDimSize(1), lanes = kb.getLanes();
  SmallVector<Value> sums(count, kb.constant(0.0f, lanes));
  auto accumulate = [&](Value feature, int64_t width, ValueRange sums) {
    SmallVector<Value> next;
    Value weight = kb.loadPadded(op.getWeight(), {column, feature}, width);
    for (auto [i, sum] : llvm::enumerate(sums))
      next.push_back(kb.mulAdd(kb.loadPadded(op.getX(), {kb.addIndex(row, i), feature}, width), weight, sum));
    return next;
  };
  int64_t whole = features / lanes * lanes;
  sums = kb.loop(kb.index(0), kb.index(whole), lanes, sums,
                 [&](Value feature, ValueRange sums) { return accumulate(feature, lanes, sums); });
  if (whole < features)
    sums = accumulate(kb.index(whole), features - whole, sums);
  for (auto [i, sum] : llvm::enumerate(sums))
    kb.store(kb.treeSum(sum), op.getInit(), {kb.addIndex(row, i), column});
}

void mf::lowerLinear(LinearOp op, CPUPanelGemmAttr strategy) {
  LinearKernel kernel{op, KernelBuilder(op, strategy.getLanes()), strategy.getRows()};
  KernelBuilder &kb = kernel.kb;
  if (!op.getLayoutAttr()) {
    kernel.forEachRowTile([&](Value row, int64_t count) {
      kb.loopOver(kb.dim(op.getWeight(), 0), [&](Value column) { kernel.buildDotTile(column, row, count); });
    });
    return;
  }
  // A panel stays in the first-level cache while all rows pass.
  int64_t panelColumns = op.getLayoutAttr().getColumns();
  kb.loopOver(kb.dim(op.getWeight(), 0), [&](Value panel) {
    kernel.forEachRowTile([&](Value row, int64_t count) { kernel.buildPanelTile(panel, row, count, panelColumns); });
  });
}
