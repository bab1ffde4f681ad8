// The lookup, token by token: the strategy's number of columns is summed in registers while all tables pass; every
// table gives one contiguous piece of its row.
#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::mf;

namespace {
/// One table set of an op, as strips of columns; rows are one strip of all columns.
struct TableSet {
  /// [strips, K, 2^tau, strip columns], or [K, 2^tau, columns].
  Value tables;
  /// May be null.
  Value bias;
  /// Null where the tables are floats.
  Value scales;
  Value init;
  int64_t columns;
  int64_t stripColumns;

  bool hasStrips() const { return cast<MemRefType>(tables.getType()).getRank() == 4; }
};

/// Builds the kernel of one op.
struct LookupKernel {
  LookupOp op;
  KernelBuilder kb;
  /// Accumulated at a time.
  int64_t columns;

  Value initialSum(const TableSet &set, Value column, Piece piece);
  Value accumulate(const TableSet &set, ValueRange indices, Value score, Value sum, int64_t width);
  Value finish(const TableSet &set, Value token, Value column, Value sum, int64_t width);
  void buildColumns(const TableSet &set, Value token, Value strip, Value offset, int64_t width);
  void buildStrip(const TableSet &set, Value token, Value strip, int64_t width);
  void buildToken(const TableSet &set, Value token);
};
} // namespace

Value LookupKernel::initialSum(const TableSet &set, Value column, Piece piece) {
  if (set.scales)
    return kb.integer(0, piece.width);
  return set.bias ? kb.load(set.bias, kb.addIndex(column, piece.offset), piece.width) : kb.constant(0.0f, piece.width);
}

Value LookupKernel::accumulate(const TableSet &set, ValueRange indices, Value score, Value sum, int64_t width) {
  if (!set.scales)
    return kb.mulAdd(kb.broadcast(score, width), kb.load(set.tables, indices, width), sum);
  OpBuilder &b = kb.builder();
  Value elements = kb.loadStored(set.tables, indices, width);
  Type wide = width == 1 ? Type(b.getI32Type()) : VectorType::get(width, b.getI32Type());
  elements = arith::ExtSIOp::create(b, op.getLoc(), wide, elements);
  Value product = arith::MulIOp::create(b, op.getLoc(), kb.broadcast(score, width), elements);
  return arith::AddIOp::create(b, op.getLoc(), sum, product);
}

/// The order of the products is that of the op's description.
Value LookupKernel::finish(const TableSet &set, Value token, Value column, Value sum, int64_t width) {
  if (!set.scales)
    return sum;
  OpBuilder &b = kb.builder();
  Type floats = width == 1 ? Type(b.getF32Type()) : VectorType::get(width, b.getF32Type());
  Value y = arith::SIToFPOp::create(b, op.getLoc(), floats, sum);
  y = kb.mul(y, kb.load(set.scales, column, width));
  Value scale = kb.broadcast(kb.load(op.getScoreScales(), token, 1), width);
  return set.bias ? kb.mulAdd(y, scale, kb.load(set.bias, column, width)) : kb.mul(y, scale);
}

/// Columns [offset, offset + width) of a strip.
void LookupKernel::buildColumns(const TableSet &set, Value token, Value strip, Value offset, int64_t width) {
  SmallVector<Piece> pieces = splitIntoPieces(width, kb.getLanes());
  Value column = kb.addIndex(kb.mulIndex(strip, set.stripColumns), offset);
  SmallVector<Value> sums;
  for (Piece piece : pieces)
    sums.push_back(initialSum(set, column, piece));
  Value tables = kb.index(op.getNumTables());
  sums = kb.loop(kb.index(0), tables, 1, sums, [&](Value table, ValueRange sums) {
    OpBuilder &b = kb.builder();
    Value code = memref::LoadOp::create(b, op.getLoc(), op.getCodes(), ValueRange{token, table});
    Value row = arith::IndexCastUIOp::create(b, op.getLoc(), b.getIndexType(), code);
    Value score = kb.loadStored(op.getScores(), {token, table}, 1);
    if (set.scales)
      score = arith::ExtSIOp::create(b, op.getLoc(), b.getI32Type(), score);
    SmallVector<Value> indices = {op.hasSharedRows() ? kb.index(0) : table, row, offset};
    if (set.hasStrips())
      indices.insert(indices.begin(), strip);
    SmallVector<Value> next;
    for (auto [piece, sum] : llvm::zip(pieces, sums)) {
      indices.back() = kb.addIndex(offset, piece.offset);
      next.push_back(accumulate(set, indices, score, sum, piece.width));
    }
    return next;
  });
  for (auto [piece, sum] : llvm::zip(pieces, sums)) {
    Value at = kb.addIndex(column, piece.offset);
    kb.store(finish(set, token, at, sum, piece.width), set.init, {token, at});
  }
}

/// The first `width` columns of a strip.
void LookupKernel::buildStrip(const TableSet &set, Value token, Value strip, int64_t width) {
  int64_t whole = width / columns * columns;
  if (whole > columns)
    kb.loop(kb.index(0), kb.index(whole), columns,
            [&](Value offset) { buildColumns(set, token, strip, offset, columns); });
  else if (whole == columns)
    buildColumns(set, token, strip, kb.index(0), columns);
  if (whole < width)
    buildColumns(set, token, strip, kb.index(whole), width - whole);
}

void LookupKernel::buildToken(const TableSet &set, Value token) {
  int64_t wholeStrips = set.columns / set.stripColumns;
  if (wholeStrips > 1)
    kb.loopOver(kb.index(wholeStrips), [&](Value strip) { buildStrip(set, token, strip, set.stripColumns); });
  else if (wholeStrips == 1)
    buildStrip(set, token, kb.index(0), set.stripColumns);
  if (int64_t rest = set.columns % set.stripColumns)
    buildStrip(set, token, kb.index(wholeStrips), rest);
}

void mf::lowerLookup(LookupOp op, CPURowGatherAttr strategy) {
  LookupKernel kernel{op, KernelBuilder(op, strategy.getLanes()), strategy.getColumns()};
  SmallVector<TableSet> sets;
  for (auto [i, init] : llvm::enumerate(op.getInits())) {
    Value bias = op.getBiases().empty() ? Value() : op.getBiases()[i];
    Value scales = op.isQuantized() ? op.getTableScales()[i] : Value();
    sets.push_back({op.getTables()[i], bias, scales, init, cast<MemRefType>(init.getType()).getDimSize(1),
                    cast<MemRefType>(op.getTables()[i].getType()).getShape().back()});
  }
  // All sets of a token in turn: its codes and scores stay in the first-level cache.
  kernel.kb.loopOver(kernel.kb.dim(op.getCodes(), 0), [&](Value token) {
    for (const TableSet &set : sets)
      kernel.buildToken(set, token);
  });
}
