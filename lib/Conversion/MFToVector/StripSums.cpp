// Sums of table rows for one strip: floats one table after the other; bytes, and pairs of i4, four tables at a time.
#include "StripSums.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::mf;

static constexpr int64_t lineBytes = 64;

static int64_t getElementBytes(Value memref) { return cast<MemRefType>(memref.getType()).getElementTypeBitWidth() / 8; }

StripSums::StripSums(LookupOp op, CPUStripsAttr strategy)
    : kb(op, strategy.getLanes()), op(op), isQuantized(op.isQuantized()),
      isPaired(op.getLayoutAttr().getColumnsPerByte() == 2), sumsPerVector(isPaired      ? 8
                                                                           : isQuantized ? 4
                                                                                         : 1),
      columns(op.getLayoutAttr().getStripColumns()) {
  auto type = cast<MemRefType>(op.getTables().front().getType());
  rowElements = type.getDimSize(3);
  elementBytes = type.getElementTypeBitWidth() / 8;
  parts = cutRow(getWholeRow());
  cutPasses(StripPasses(op, strategy));
}

void StripSums::select(const StripSet &selected, Value number) {
  set = selected;
  strip = number;
  int64_t extent = cast<MemRefType>(set.init.getType()).getDimSize(1);
  bool hasAll = !ShapedType::isDynamic(extent) && extent % columns == 0;
  columnsLeft = hasAll ? Value() : kb.subIndex(kb.dim(set.init, 1), kb.mulIndex(strip, columns));
}

void StripSums::prefetchRow(Value tables, Value table, Value row, Piece elements, bool toFirstLevel) {
  prefetchLines(tables, {strip, indexOf(table), row}, elements, toFirstLevel);
}

void StripSums::prefetchColumns() {
  for (Value memref : {set.scales, set.bias})
    if (memref)
      kb.loop(kb.index(0), kb.index(columns), lineBytes / getElementBytes(memref), [&](Value column) {
        Value at = kb.builder().createOrFold<arith::AddIOp>(op.getLoc(), kb.mulIndex(strip, columns), column);
        kb.prefetch(memref, at, /*toFirstLevel=*/false);
      });
}

void StripSums::prefetchRowOf(Value tables, Value number, Value table, Value row, Piece elements) {
  prefetchLines(tables, {number, indexOf(table), row}, elements, /*toFirstLevel=*/false);
}

/// Rows of adjacent tables are adjacent. Those of a shared table are where they would be if each chunk had as many.
void StripSums::prefetchBlockRow(Value tables, Value number, Value table, Value row, Piece elements) {
  if (op.hasSharedRows())
    row = kb.addIndex(kb.mulIndex(table, getTableRows()), row);
  prefetchRowOf(tables, number, table, row, elements);
}

void StripSums::prefetchLines(Value tables, ValueRange indices, Piece elements, bool toFirstLevel) {
  SmallVector<Value> at(indices);
  at.emplace_back();
  for (int64_t byte = 0; byte < elements.width * elementBytes; byte += lineBytes) {
    at.back() = kb.index(elements.offset + byte / elementBytes);
    kb.prefetch(tables, at, toFirstLevel);
  }
}

//===----------------------------------------------------------------------===//
// Codes in the order of blocks
//===----------------------------------------------------------------------===//

void StripSums::copyCodes() {
  int64_t blockTables = cast<MemRefType>(op.getScratch()[1].getType()).getDimSize(2);
  auto copyBlock = [&](Value from, Value to, Value token, int64_t table) {
    int64_t count = std::min(blockTables, getNumTables() - table);
    for (Piece piece : splitIntoPieces(count, llvm::bit_floor(static_cast<uint64_t>(blockTables)))) {
      Value elements = kb.loadStored(from, {token, kb.index(table + piece.offset)}, piece.width);
      kb.store(elements, to, {kb.index(table / blockTables), token, kb.index(piece.offset)});
    }
  };
  auto copyTokens = [&](Value from, Value to, Value first, int64_t count) {
    for (int64_t table = 0; table < getNumTables(); table += blockTables)
      for (int64_t i = 0; i < count; ++i)
        copyBlock(from, to, kb.addIndex(first, i), table);
  };
  Value tokens = kb.dim(op.getCodes(), 0);
  SmallVector<Value> sources{op.getCodes(), op.getScores()};
  for (auto pair : llvm::zip(sources, op.getScratch().drop_front())) {
    Value from = std::get<0>(pair), to = std::get<1>(pair);
    // Blocks are apart by powers of two: their lines meet in few places of the first-level cache. Whole lines at a
    // time.
    int64_t together = std::max<int64_t>(1, lineBytes / (blockTables * getElementBytes(to)));
    kb.loopInTiles(tokens, together, [&](Value token, int64_t count) { copyTokens(from, to, token, count); });
  }
}

//===----------------------------------------------------------------------===//
// Sums of a part of a row
//===----------------------------------------------------------------------===//

SmallVector<SubStrip> StripSums::cutRow(Piece elements) const {
  // Sums take half of the registers.
  int64_t vectorElements = isQuantized ? kb.getLanes() * 4 : kb.getLanes();
  int64_t budget = std::max<int64_t>(1, kb.getNumRegisters() / 2 / sumsPerVector) * vectorElements;
  SmallVector<SubStrip> cut;
  for (int64_t offset = 0; offset < elements.width; offset += budget)
    cut.push_back(
        {elements.offset + offset, splitIntoPieces(std::min(budget, elements.width - offset), vectorElements)});
  return cut;
}

void StripSums::cutPasses(const StripPasses &cut) {
  for (int64_t number = 0; number < cut.count; ++number) {
    int64_t offset = number * cut.elements;
    Piece elements{offset, std::min(cut.elements, rowElements - offset)};
    passes.push_back({number, elements, cutRow(elements)});
  }
}

/// Where the code of a token in a table is.
SmallVector<Value> StripSums::locate(Value token, Value table) {
  if (!copy.block)
    return {token, table};
  return {copy.block, token, kb.subIndex(table, copy.firstTable)};
}

Value StripSums::getCode(Value token, Value table) {
  OpBuilder &b = kb.builder();
  Value codes = copy.block ? op.getScratch()[1] : op.getCodes();
  Value code = memref::LoadOp::create(b, op.getLoc(), codes, locate(token, table));
  return arith::IndexCastUIOp::create(b, op.getLoc(), b.getIndexType(), code);
}

Value StripSums::getCodeOfBlock(Value block, Value firstTable, Value token, Value table) {
  Copy other{block, firstTable};
  if (hasCopies())
    std::swap(copy, other);
  Value code = getCode(token, table);
  if (hasCopies())
    std::swap(copy, other);
  return code;
}

SmallVector<Value> StripSums::initialSums(const SubStrip &part) {
  SmallVector<Value> sums;
  for (Piece piece : part.pieces) {
    if (!isQuantized) {
      sums.push_back(set.bias ? loadColumns(set.bias, part.offset + piece.offset, piece.width)
                              : kb.constant(0.0f, piece.width));
      continue;
    }
    for (int64_t i = 0; i < sumsPerVector; ++i)
      sums.push_back(kb.integer(0, piece.width / 4));
  }
  return sums;
}

SmallVector<Value> StripSums::addFloats(const SubStrip &part, Value token, Value table, int64_t count,
                                        ValueRange sums) {
  SmallVector<Value> result(sums);
  for (int64_t k = 0; k < count; ++k) {
    Value number = kb.addIndex(table, k), row = getCode(token, number);
    Value score = kb.load(op.getScores(), {token, number}, 1);
    for (auto [piece, sum] : llvm::zip_equal(part.pieces, result)) {
      Value elements =
          kb.load(set.tables, {strip, indexOf(number), row, kb.index(part.offset + piece.offset)}, piece.width);
      sum = kb.mulAdd(kb.broadcast(score, piece.width), elements, sum);
    }
  }
  return result;
}

/// The scores of up to four tables as one i32; those that are not there are 0.
Value StripSums::loadFourScores(Value token, Value table, int64_t count) {
  OpBuilder &b = kb.builder();
  Value from = copy.block ? op.getScratch()[2] : op.getScores(), scores;
  if (count == 4) {
    scores = kb.loadStored(from, locate(token, table), 4);
  } else {
    SmallVector<Value> elements(4, arith::ConstantIntOp::create(b, op.getLoc(), b.getI8Type(), 0));
    for (int64_t k = 0; k < count; ++k)
      elements[k] = kb.loadStored(from, locate(token, kb.addIndex(table, k)), 1);
    scores = vector::FromElementsOp::create(b, op.getLoc(), VectorType::get(4, b.getI8Type()), elements);
  }
  return vector::ExtractOp::create(b, op.getLoc(), kb.bitcast(scores, b.getI32Type()), 0);
}

/// The sums of one vector of the rows, whose bytes are in turn.
void StripSums::addInterleaved(ArrayRef<Value> bytes, Value scores, ValueRange sums, SmallVector<Value> &result) {
  if (!isPaired) {
    // Scores are not negative.
    for (auto [sum, byte] : llvm::zip_equal(sums, bytes))
      result.push_back(buildDot4(kb, sum, scores, byte));
    return;
  }
  int64_t width = cast<VectorType>(bytes.front().getType()).getNumElements();
  for (bool high : {false, true})
    for (int64_t j = 0; j < 4; ++j) {
      Value factors = high && addsWholeBytes(width) ? bytes[j] : buildNibbles(kb, bytes[j], high);
      result.push_back(buildDot4(kb, sums[4 * high + j], factors, scores));
    }
}

/// Up to four tables: their bytes in turn, against their scores in turn.
SmallVector<Value> StripSums::addFourTables(const SubStrip &part, Value token, Value table, int64_t count,
                                            ValueRange sums) {
  OpBuilder &b = kb.builder();
  Value scores = loadFourScores(token, table, count);
  SmallVector<Value> rows, result;
  for (int64_t k = 0; k < count; ++k)
    rows.push_back(getCode(token, kb.addIndex(table, k)));
  for (auto [i, piece] : llvm::enumerate(part.pieces)) {
    auto type = VectorType::get(piece.width, b.getI8Type());
    std::array<Value, 4> bytes;
    bytes.fill(arith::ConstantOp::create(b, op.getLoc(), b.getZeroAttr(type)));
    for (int64_t k = 0; k < count; ++k)
      bytes[k] = kb.loadStored(set.tables,
                               {strip, indexOf(kb.addIndex(table, k)), rows[k], kb.index(part.offset + piece.offset)},
                               piece.width);
    Value spread = kb.bitcast(kb.broadcast(scores, piece.width / 4), b.getI8Type());
    addInterleaved(buildInterleave4(kb, bytes), spread, sums.slice(i * sumsPerVector, sumsPerVector), result);
  }
  return result;
}

SmallVector<Value> StripSums::addTables(const SubStrip &part, Value token, Value table, int64_t count,
                                        ValueRange sums) {
  if (!isQuantized)
    return addFloats(part, token, table, count, sums);
  SmallVector<Value> result(sums);
  for (int64_t k = 0; k < count; k += 4)
    result = addFourTables(part, token, kb.addIndex(table, k), std::min<int64_t>(4, count - k), result);
  return result;
}

SmallVector<Value> StripSums::loadSums(const StripPass &pass, const SubStrip &part, Value token) {
  SmallVector<Value> sums;
  int64_t column = (part.offset - pass.elements.offset) * (isPaired ? 2 : 1);
  for (Piece piece : part.pieces) {
    int64_t width = isQuantized ? piece.width / 4 : piece.width;
    for (int64_t i = 0; i < sumsPerVector; ++i, column += width) {
      Value bits = kb.loadStored(op.getScratch().front(), {kb.index(pass.number), token, kb.index(column)}, width);
      OpBuilder &b = kb.builder();
      if (!isQuantized)
        bits = width == 1 ? arith::BitcastOp::create(b, op.getLoc(), b.getF32Type(), bits).getResult()
                          : kb.bitcast(bits, b.getF32Type());
      sums.push_back(bits);
    }
  }
  return sums;
}

void StripSums::storeSums(const StripPass &pass, const SubStrip &part, Value token, ValueRange sums) {
  OpBuilder &b = kb.builder();
  int64_t column = (part.offset - pass.elements.offset) * (isPaired ? 2 : 1);
  for (Value sum : sums) {
    auto type = dyn_cast<VectorType>(sum.getType());
    if (!isQuantized)
      sum = type ? kb.bitcast(sum, b.getI32Type())
                 : arith::BitcastOp::create(b, op.getLoc(), b.getI32Type(), sum).getResult();
    kb.store(sum, op.getScratch().front(), {kb.index(pass.number), token, kb.index(column)});
    column += type ? type.getNumElements() : 1;
  }
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

Value StripSums::loadColumns(Value memref, int64_t column, int64_t width) {
  Value at = kb.addIndex(kb.mulIndex(strip, columns), column);
  return kb.loadBelow(memref, at, {column, width}, columnsLeft);
}

void StripSums::storeColumns(Value y, Value token, int64_t column, int64_t width) {
  Value at = kb.addIndex(kb.mulIndex(strip, columns), column);
  kb.storeBelow(y, set.init, {token, at}, {column, width}, columnsLeft);
}

void StripSums::finishFloats(const SubStrip &part, Value token, ValueRange sums) {
  for (auto [piece, sum] : llvm::zip_equal(part.pieces, sums))
    storeColumns(sum, token, part.offset + piece.offset, piece.width);
}

/// The sum of all scores of a token: pairs hold 8 more than their values.
Value StripSums::sumScores(Value token) {
  OpBuilder &b = kb.builder();
  Value total = kb.integer(0);
  for (Piece piece : splitIntoPieces(op.getNumTables(), kb.getLanes())) {
    Value scores = kb.loadStored(op.getScores(), {token, kb.index(piece.offset)}, piece.width);
    Type wide = piece.width == 1 ? Type(b.getI32Type()) : VectorType::get(piece.width, b.getI32Type());
    scores = arith::ExtSIOp::create(b, op.getLoc(), wide, scores);
    if (piece.width > 1)
      scores = vector::ReductionOp::create(b, op.getLoc(), vector::CombiningKind::ADD, scores);
    total = arith::AddIOp::create(b, op.getLoc(), total, scores);
  }
  return total;
}

/// From sums of low halves and of whole bytes, sums of high halves: (sum over low + 16 high, less that of low) / 16.
void StripSums::takeLowFromSums(MutableArrayRef<Value> sums) {
  OpBuilder &b = kb.builder();
  int64_t width = cast<VectorType>(sums.front().getType()).getNumElements();
  for (int64_t j = 0; j < 4; ++j) {
    Value high = arith::SubIOp::create(b, op.getLoc(), sums[4 + j], sums[j]);
    sums[4 + j] = arith::ShRUIOp::create(b, op.getLoc(), high, kb.integer(4, width));
  }
}

void StripSums::finishIntegers(const SubStrip &part, Value token, ValueRange sums, Value scoreSum) {
  OpBuilder &b = kb.builder();
  Value scoreScale = kb.load(op.getScoreScales(), token, 1);
  SmallVector<Value> exact(sums);
  for (auto [i, piece] : llvm::enumerate(part.pieces))
    if (addsWholeBytes(piece.width))
      takeLowFromSums(MutableArrayRef(exact).slice(i * sumsPerVector, sumsPerVector));
  int64_t next = 0;
  for (Piece piece : part.pieces) {
    int64_t width = piece.width / 4;
    for (int64_t half = 0; half < (isPaired ? 2 : 1); ++half) {
      std::array<Value, 4> ordered =
          buildOrderSums(kb, {exact[next], exact[next + 1], exact[next + 2], exact[next + 3]});
      next += 4;
      for (auto [i, sum] : llvm::enumerate(ordered)) {
        int64_t column = half * rowElements + part.offset + piece.offset + i * width;
        if (isPaired)
          sum = arith::SubIOp::create(b, op.getLoc(), sum, kb.broadcast(scoreSum, width));
        Value y = arith::SIToFPOp::create(b, op.getLoc(), VectorType::get(width, b.getF32Type()), sum);
        y = kb.mul(y, loadColumns(set.scales, column, width));
        Value scale = kb.broadcast(scoreScale, width);
        y = set.bias ? kb.mulAdd(y, scale, loadColumns(set.bias, column, width)) : kb.mul(y, scale);
        storeColumns(y, token, column, width);
      }
    }
  }
}

void StripSums::finish(ArrayRef<SubStrip> parts, Value token, ArrayRef<SmallVector<Value>> sums) {
  Value scoreSum;
  if (isPaired)
    scoreSum = arith::ShLIOp::create(kb.builder(), op.getLoc(), sumScores(token), kb.integer(3));
  for (auto [part, partSums] : llvm::zip_equal(parts, sums)) {
    if (isQuantized)
      finishIntegers(part, token, partSums, scoreSum);
    else
      finishFloats(part, token, partSums);
  }
}
