// The lookup of tables in strips. Many tokens: blocks of tables stay in the second-level cache while all tokens pass,
// sums wait in scratch between the blocks. Few tokens: one after the other, sums in registers, rows prefetched. Both
// add the tables in ascending order (integers: exactly), so that they give the same bits.
#include "Kernels.h"
#include "mf/Codegen/CPU/IntegerDot.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::mf;

namespace {
/// One table set of an op.
struct StripSet {
  /// [strips, K, 2^tau, bytes or floats of a row].
  Value tables;
  /// May be null.
  Value bias;
  /// Null where the tables are floats.
  Value scales;
  Value init;
};

/// Elements of a stored row that are added at a time: as many as there are registers for their sums. They begin at
/// vectors.
struct SubStrip {
  int64_t offset;
  SmallVector<Piece> pieces; ///< of stored elements
};

/// Builds the kernel of one op. What is said of floats and integers in turn is in `addTables` and below.
struct StripKernel {
  LookupOp op;
  CPUStripsAttr strategy;
  KernelBuilder kb;
  int64_t numTables, rowElements, columns;
  bool isQuantized, isPaired;
  int64_t elementBytes;
  SmallVector<SubStrip> subStrips = {};
  /// The set and the strip in hand.
  StripSet set = {};
  Value strip = {};

  void cutRow();
  Value getCode(Value token, Value table);

  // Sums.
  SmallVector<Value> initialSums(const SubStrip &part);
  SmallVector<Value> addFloats(const SubStrip &part, Value token, Value table, int64_t count, ValueRange sums);
  SmallVector<Value> addGroup(const SubStrip &part, Value token, Value table, int64_t count, ValueRange sums);
  SmallVector<Value> addTables(const SubStrip &part, Value token, Value table, int64_t count, ValueRange sums);
  SmallVector<Value> loadSums(const SubStrip &part, Value token);
  void storeSums(const SubStrip &part, Value token, ValueRange sums);

  // Results.
  Value sumScores(Value token);
  void storePiece(Value y, Value token, int64_t column, int64_t width);
  void finishFloats(const SubStrip &part, Value token, ValueRange sums);
  void finishIntegers(const SubStrip &part, Value token, ValueRange sums, Value scoreSum);
  void finish(Value token, ArrayRef<SmallVector<Value>> sums);
  Value loadColumns(Value memref, int64_t column, int64_t width);
  Value isWhole(int64_t column, int64_t width);

  // Tokens.
  void prefetchRow(Value memref, Value table, Value row, bool toFirstLevel);
  void buildBlock(Value table, int64_t count, bool isFirst, bool isLast);
  void buildManyTokens();
  void prefetchAhead(Value memref, Value token, Value table, int64_t count);
  void buildOneToken(Value token, Value nextTables);
  void build(ArrayRef<StripSet> sets);
};
} // namespace

//===----------------------------------------------------------------------===//
// Sums of a part of a row
//===----------------------------------------------------------------------===//

void StripKernel::cutRow() {
  // An integer vector of bytes has four vectors of sums, eight where bytes are pairs; sums take half of the registers.
  int64_t vectorElements = isQuantized ? kb.getLanes() * 4 : kb.getLanes();
  int64_t sumsPerVector = isPaired ? 8 : isQuantized ? 4 : 1;
  int64_t budget = std::max<int64_t>(1, kb.getNumRegisters() / 2 / sumsPerVector) * vectorElements;
  for (int64_t offset = 0; offset < rowElements; offset += budget)
    subStrips.push_back({offset, splitIntoPieces(std::min(budget, rowElements - offset), vectorElements)});
}

Value StripKernel::getCode(Value token, Value table) {
  OpBuilder &b = kb.builder();
  Value code = memref::LoadOp::create(b, op.getLoc(), op.getCodes(), ValueRange{token, table});
  return arith::IndexCastUIOp::create(b, op.getLoc(), b.getIndexType(), code);
}

SmallVector<Value> StripKernel::initialSums(const SubStrip &part) {
  SmallVector<Value> sums;
  for (Piece piece : part.pieces) {
    if (!isQuantized) {
      sums.push_back(set.bias ? loadColumns(set.bias, part.offset + piece.offset, piece.width)
                              : kb.constant(0.0f, piece.width));
      continue;
    }
    for (int64_t i = 0; i < (isPaired ? 8 : 4); ++i)
      sums.push_back(kb.integer(0, piece.width / 4));
  }
  return sums;
}

SmallVector<Value> StripKernel::addFloats(const SubStrip &part, Value token, Value table, int64_t count,
                                          ValueRange sums) {
  SmallVector<Value> result(sums);
  for (int64_t k = 0; k < count; ++k) {
    Value number = kb.addIndex(table, k), row = getCode(token, number);
    Value score = kb.load(op.getScores(), {token, number}, 1);
    for (auto [piece, sum] : llvm::zip_equal(part.pieces, result)) {
      Value elements = kb.load(set.tables, {strip, number, row, kb.index(part.offset + piece.offset)}, piece.width);
      sum = kb.mulAdd(kb.broadcast(score, piece.width), elements, sum);
    }
  }
  return result;
}

/// Up to four tables: their bytes in turn, against their scores in turn.
SmallVector<Value> StripKernel::addGroup(const SubStrip &part, Value token, Value table, int64_t count,
                                         ValueRange sums) {
  OpBuilder &b = kb.builder();
  Value scores;
  std::array<Value, 4> rows;
  if (count == 4) {
    scores = kb.loadStored(op.getScores(), {token, table}, 4);
  } else {
    SmallVector<Value> elements(4, arith::ConstantIntOp::create(b, op.getLoc(), b.getI8Type(), 0));
    for (int64_t k = 0; k < count; ++k)
      elements[k] = kb.loadStored(op.getScores(), {token, kb.addIndex(table, k)}, 1);
    scores = vector::FromElementsOp::create(b, op.getLoc(), VectorType::get(4, b.getI8Type()), elements);
  }
  scores = vector::ExtractOp::create(b, op.getLoc(), kb.bitcast(scores, b.getI32Type()), 0);
  for (int64_t k = 0; k < count; ++k)
    rows[k] = getCode(token, kb.addIndex(table, k));

  SmallVector<Value> result;
  for (auto [i, piece] : llvm::enumerate(part.pieces)) {
    Value spread = kb.bitcast(kb.broadcast(scores, piece.width / 4), b.getI8Type());
    std::array<Value, 4> bytes;
    for (int64_t k = 0; k < 4; ++k) {
      auto type = VectorType::get(piece.width, b.getI8Type());
      bytes[k] =
          k < count
              ? kb.loadStored(set.tables, {strip, kb.addIndex(table, k), rows[k], kb.index(part.offset + piece.offset)},
                              piece.width)
              : arith::ConstantOp::create(b, op.getLoc(), b.getZeroAttr(type)).getResult();
    }
    std::array<Value, 4> interleaved = buildInterleave4(kb, bytes);
    for (int64_t j = 0; j < 4 && !isPaired; ++j)
      result.push_back(buildDot4(kb, sums[4 * i + j], spread, interleaved[j]));
    if (!isPaired)
      continue;
    Type type = interleaved[0].getType();
    auto constant = [&](int8_t value) {
      return arith::ConstantOp::create(b, op.getLoc(),
                                       DenseElementsAttr::get(cast<ShapedType>(type), b.getI8IntegerAttr(value)));
    };
    Value low = constant(15), four = constant(4);
    for (int64_t half = 0; half < 2; ++half)
      for (int64_t j = 0; j < 4; ++j) {
        Value pair = interleaved[j];
        Value nibbles = half == 0 ? arith::AndIOp::create(b, op.getLoc(), pair, low).getResult()
                                  : arith::ShRUIOp::create(b, op.getLoc(), pair, four).getResult();
        // Halves are not negative, and so are scores: either may be the unsigned side.
        result.push_back(buildDot4(kb, sums[8 * i + 4 * half + j], nibbles, spread));
      }
  }
  return result;
}

SmallVector<Value> StripKernel::addTables(const SubStrip &part, Value token, Value table, int64_t count,
                                          ValueRange sums) {
  if (!isQuantized)
    return addFloats(part, token, table, count, sums);
  SmallVector<Value> result(sums);
  for (int64_t k = 0; k < count; k += 4)
    result = addGroup(part, token, kb.addIndex(table, k), std::min<int64_t>(4, count - k), result);
  return result;
}

/// Where the scratch has the sums of a part: one after the other, in the order of their values.
static int64_t getScratchColumn(const SubStrip &part, int64_t columnsPerElement) {
  return part.offset * columnsPerElement;
}

SmallVector<Value> StripKernel::loadSums(const SubStrip &part, Value token) {
  SmallVector<Value> sums;
  int64_t column = getScratchColumn(part, isPaired ? 2 : 1);
  for (Piece piece : part.pieces) {
    int64_t vectors = isPaired ? 8 : isQuantized ? 4 : 1, width = isQuantized ? piece.width / 4 : piece.width;
    for (int64_t i = 0; i < vectors; ++i, column += width) {
      Value bits = kb.loadStored(op.getScratch(), {token, kb.index(column)}, width);
      OpBuilder &b = kb.builder();
      if (!isQuantized)
        bits = width == 1 ? arith::BitcastOp::create(b, op.getLoc(), b.getF32Type(), bits).getResult()
                          : kb.bitcast(bits, b.getF32Type());
      sums.push_back(bits);
    }
  }
  return sums;
}

void StripKernel::storeSums(const SubStrip &part, Value token, ValueRange sums) {
  OpBuilder &b = kb.builder();
  int64_t column = getScratchColumn(part, isPaired ? 2 : 1);
  for (Value sum : sums) {
    auto type = dyn_cast<VectorType>(sum.getType());
    if (!isQuantized)
      sum = type ? kb.bitcast(sum, b.getI32Type())
                 : arith::BitcastOp::create(b, op.getLoc(), b.getI32Type(), sum).getResult();
    kb.store(sum, op.getScratch(), {token, kb.index(column)});
    column += type ? type.getNumElements() : 1;
  }
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// Whether the destination has all of the columns [column, column + width) of the strip; null where that is known.
Value StripKernel::isWhole(int64_t column, int64_t width) {
  int64_t extent = cast<MemRefType>(set.init.getType()).getDimSize(1);
  if (!ShapedType::isDynamic(extent) && extent % columns == 0)
    return {};
  Value left = kb.subIndex(kb.dim(set.init, 1), kb.mulIndex(strip, columns));
  return arith::CmpIOp::create(kb.builder(), op.getLoc(), arith::CmpIPredicate::sge, left, kb.index(column + width));
}

/// Columns of the strip in hand of a row of values per column; those that are not there are 0.
Value StripKernel::loadColumns(Value memref, int64_t column, int64_t width) {
  Value at = kb.addIndex(kb.mulIndex(strip, columns), column);
  if (Value whole = isWhole(column, width)) {
    OpBuilder &b = kb.builder();
    Type element = getElementTypeOrSelf(memref.getType());
    Value left = kb.subIndex(kb.dim(set.init, 1), at);
    Value zero = arith::ConstantOp::create(b, op.getLoc(), b.getZeroAttr(element));
    SmallVector<Value> elements;
    for (int64_t i = 0; i < width; ++i) {
      Value isThere = arith::CmpIOp::create(b, op.getLoc(), arith::CmpIPredicate::sgt, left, kb.index(i));
      Value last = kb.clampIndex(kb.addIndex(at, i), kb.dim(set.init, 1));
      Value loaded = memref::LoadOp::create(b, op.getLoc(), memref, last);
      elements.push_back(kb.select(isThere, loaded, zero));
    }
    Value value =
        width == 1
            ? elements.front()
            : vector::FromElementsOp::create(b, op.getLoc(), VectorType::get(width, element), elements).getResult();
    return buildExtendToF32(b, op.getLoc(), value, kb.hasHalfConversions());
  }
  return kb.load(memref, at, width);
}

void StripKernel::storePiece(Value y, Value token, int64_t column, int64_t width) {
  SmallVector<Value> at = {token, kb.addIndex(kb.mulIndex(strip, columns), column)};
  Value whole = isWhole(column, width);
  if (!whole)
    return kb.store(y, set.init, at);
  if (width == 1)
    return kb.ifThen(whole, [&] { kb.store(y, set.init, at); });
  kb.ifThenElse(
      whole, [&] { kb.store(y, set.init, at); },
      [&] {
        Value left = kb.subIndex(kb.dim(set.init, 1), kb.mulIndex(strip, columns));
        vector::MaskedStoreOp::create(kb.builder(), op.getLoc(), set.init, at, kb.isBelow(column, left, width), y);
      });
}

void StripKernel::finishFloats(const SubStrip &part, Value token, ValueRange sums) {
  for (auto [piece, sum] : llvm::zip_equal(part.pieces, sums))
    storePiece(sum, token, part.offset + piece.offset, piece.width);
}

/// The sum of all scores of a token: pairs hold 8 more than their values.
Value StripKernel::sumScores(Value token) {
  OpBuilder &b = kb.builder();
  Value total = kb.integer(0);
  for (Piece piece : splitIntoPieces(numTables, kb.getLanes())) {
    Value scores = kb.loadStored(op.getScores(), {token, kb.index(piece.offset)}, piece.width);
    Type wide = piece.width == 1 ? Type(b.getI32Type()) : VectorType::get(piece.width, b.getI32Type());
    scores = arith::ExtSIOp::create(b, op.getLoc(), wide, scores);
    if (piece.width > 1)
      scores = vector::ReductionOp::create(b, op.getLoc(), vector::CombiningKind::ADD, scores);
    total = arith::AddIOp::create(b, op.getLoc(), total, scores);
  }
  return total;
}

void StripKernel::finishIntegers(const SubStrip &part, Value token, ValueRange sums, Value scoreSum) {
  OpBuilder &b = kb.builder();
  Value scoreScale = kb.load(op.getScoreScales(), token, 1);
  int64_t next = 0;
  for (Piece piece : part.pieces) {
    int64_t width = piece.width / 4;
    for (int64_t half = 0; half < (isPaired ? 2 : 1); ++half) {
      std::array<Value, 4> ordered = buildOrderSums(kb, {sums[next], sums[next + 1], sums[next + 2], sums[next + 3]});
      next += 4;
      for (auto [i, sum] : llvm::enumerate(ordered)) {
        int64_t column = half * rowElements + part.offset + piece.offset + i * width;
        if (isPaired)
          sum = arith::SubIOp::create(b, op.getLoc(), sum, kb.broadcast(scoreSum, width));
        Value y = arith::SIToFPOp::create(b, op.getLoc(), VectorType::get(width, b.getF32Type()), sum);
        y = kb.mul(y, loadColumns(set.scales, column, width));
        Value scale = kb.broadcast(scoreScale, width);
        y = set.bias ? kb.mulAdd(y, scale, loadColumns(set.bias, column, width)) : kb.mul(y, scale);
        storePiece(y, token, column, width);
      }
    }
  }
}

void StripKernel::finish(Value token, ArrayRef<SmallVector<Value>> sums) {
  Value scoreSum;
  if (isPaired)
    scoreSum = arith::ShLIOp::create(kb.builder(), op.getLoc(), sumScores(token), kb.integer(3));
  for (auto [part, partSums] : llvm::zip_equal(subStrips, sums)) {
    if (isQuantized)
      finishIntegers(part, token, partSums, scoreSum);
    else
      finishFloats(part, token, partSums);
  }
}

//===----------------------------------------------------------------------===//
// Many tokens
//===----------------------------------------------------------------------===//

/// All lines of a row of the strip in hand.
void StripKernel::prefetchRow(Value memref, Value table, Value row, bool toFirstLevel) {
  constexpr int64_t lineBytes = 64;
  for (int64_t byte = 0; byte < rowElements * elementBytes; byte += lineBytes)
    kb.prefetch(memref, {strip, table, row, kb.index(byte / elementBytes)}, toFirstLevel);
}

/// `count` tables from `table` on, for all tokens.
void StripKernel::buildBlock(Value table, int64_t count, bool isFirst, bool isLast) {
  Value tokens = kb.dim(op.getCodes(), 0), lastToken = kb.addIndex(tokens, -1);
  // The rows of the next block are spread over the tokens. Rows of adjacent tables and strips are adjacent.
  int64_t blockRows = strategy.getTables() * cast<MemRefType>(set.tables.getType()).getDimSize(2);
  Value rowsPerToken = kb.builder().createOrFold<arith::CeilDivUIOp>(op.getLoc(), kb.index(blockRows), tokens);
  Value nextTable = kb.addIndex(table, count);
  kb.loopOver(tokens, [&](Value token) {
    Value firstRow = kb.builder().createOrFold<arith::MulIOp>(op.getLoc(), token, rowsPerToken);
    kb.loop(firstRow, kb.minIndex(kb.addIndex(firstRow, rowsPerToken), kb.index(blockRows)), 1,
            [&](Value row) { prefetchRow(set.tables, nextTable, row, /*toFirstLevel=*/false); });
    if (strategy.getAhead() > 0) {
      Value later = kb.minIndex(kb.addIndex(token, strategy.getAhead()), lastToken);
      for (int64_t k = 0; k < count; ++k) {
        Value number = kb.addIndex(table, k);
        prefetchRow(set.tables, number, getCode(later, number), /*toFirstLevel=*/true);
      }
    }
    SmallVector<SmallVector<Value>> sums;
    for (const SubStrip &part : subStrips) {
      sums.push_back(addTables(part, token, table, count, isFirst ? initialSums(part) : loadSums(part, token)));
      if (!isLast)
        storeSums(part, token, sums.back());
    }
    if (isLast)
      finish(token, sums);
  });
}

void StripKernel::buildManyTokens() {
  int64_t block = strategy.getTables(), blocks = llvm::divideCeil(numTables, block);
  int64_t lastTable = (blocks - 1) * block;
  if (blocks > 1)
    buildBlock(kb.index(0), block, /*isFirst=*/true, /*isLast=*/false);
  if (blocks > 2)
    kb.loop(kb.index(block), kb.index(lastTable), block,
            [&](Value table) { buildBlock(table, block, /*isFirst=*/false, /*isLast=*/false); });
  buildBlock(kb.index(lastTable), numTables - lastTable, /*isFirst=*/blocks == 1, /*isLast=*/true);
}

//===----------------------------------------------------------------------===//
// Few tokens
//===----------------------------------------------------------------------===//

/// The rows of `count` tables from `table` on.
void StripKernel::prefetchAhead(Value memref, Value token, Value table, int64_t count) {
  for (int64_t k = 0; k < count; ++k) {
    Value number = kb.addIndex(table, k);
    prefetchRow(memref, number, getCode(token, number), /*toFirstLevel=*/true);
  }
}

/// `nextTables`, which may be null, is read next, with the same codes.
void StripKernel::buildOneToken(Value token, Value nextTables) {
  constexpr int64_t group = 4;
  int64_t ahead = std::min(strategy.getGatherAhead() / group * group, numTables / group * group);
  int64_t grouped = numTables / group * group, split = grouped - ahead;
  SmallVector<SmallVector<Value>> parts;
  SmallVector<Value> flat;
  for (const SubStrip &part : subStrips)
    llvm::append_range(flat, initialSums(part));
  auto addAll = [&](Value table, int64_t count, ValueRange all) {
    SmallVector<Value> next;
    for (const SubStrip &part : subStrips) {
      size_t size = part.pieces.size() * (isPaired ? 8 : isQuantized ? 4 : 1);
      llvm::append_range(next, addTables(part, token, table, count, all.take_front(size)));
      all = all.drop_front(size);
    }
    return next;
  };
  flat = kb.loop(kb.index(0), kb.index(split), group, flat, [&](Value table, ValueRange sums) {
    prefetchAhead(set.tables, token, kb.addIndex(table, ahead), group);
    return addAll(table, group, sums);
  });
  flat = kb.loop(kb.index(split), kb.index(grouped), group, flat, [&](Value table, ValueRange sums) {
    if (nextTables)
      prefetchAhead(nextTables, token, kb.addIndex(table, -split), group);
    return addAll(table, group, sums);
  });
  if (grouped < numTables)
    flat = addAll(kb.index(grouped), numTables - grouped, flat);
  ValueRange rest(flat);
  for (const SubStrip &part : subStrips) {
    size_t size = part.pieces.size() * (isPaired ? 8 : isQuantized ? 4 : 1);
    parts.emplace_back(rest.take_front(size));
    rest = rest.drop_front(size);
  }
  finish(token, parts);
}

void StripKernel::build(ArrayRef<StripSet> sets) {
  cutRow();
  Value tokens = kb.dim(op.getCodes(), 0);
  Value isFew = arith::CmpIOp::create(kb.builder(), op.getLoc(), arith::CmpIPredicate::slt, tokens,
                                      kb.index(strategy.getGatherTokens()));
  Value strips = kb.dim(sets.front().tables, 0);
  int64_t ahead = std::min(strategy.getGatherAhead() / 4 * 4, numTables / 4 * 4);
  kb.ifThenElse(
      isFew,
      [&] {
        kb.loopOver(strips, [&](Value number) {
          strip = number;
          kb.loopOver(tokens, [&](Value token) {
            kb.loop(kb.index(0), kb.index(ahead), 4,
                    [&](Value table) { prefetchAhead(sets.front().tables, token, table, 4); });
            for (auto [i, next] : llvm::enumerate(sets)) {
              set = next;
              buildOneToken(token, i + 1 < sets.size() ? sets[i + 1].tables : Value());
            }
          });
        });
      },
      [&] {
        kb.loopOver(strips, [&](Value number) {
          strip = number;
          for (const StripSet &next : sets) {
            set = next;
            buildManyTokens();
          }
        });
      });
}

void mf::lowerLookupStrips(LookupOp op, CPUStripsAttr strategy) {
  auto type = cast<MemRefType>(op.getTables().front().getType());
  bool isPaired = op.getLayoutAttr().getColumnsPerByte() == 2;
  StripKernel kernel{op,
                     strategy,
                     KernelBuilder(op, strategy.getLanes()),
                     op.getNumTables(),
                     type.getDimSize(3),
                     op.getLayoutAttr().getStripColumns(),
                     op.isQuantized(),
                     isPaired,
                     type.getElementTypeBitWidth() / 8};
  SmallVector<StripSet> sets;
  for (auto [i, init] : llvm::enumerate(op.getInits()))
    sets.push_back({op.getTables()[i], op.getBiases().empty() ? Value() : op.getBiases()[i],
                    op.isQuantized() ? op.getTableScales()[i] : Value(), init});
  kernel.build(sets);
}
