// Sums of rows of quantised tables. An instruction multiplies four bytes and adds the products: of one row, a score
// that is in the place of one of them picks that byte; two rows are interleaved first, which halves the products.
#include "IntegerSums.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::mf;

/// What is added to a column of i4 before it is stored.
static constexpr int64_t kPairOffset = 8;

IntegerSums::IntegerSums(LookupOp op, GPUKernelBuilder &k, int64_t width)
    : op(op), k(k), codes(op.getCodes()), scores(op.getScores()), width(width),
      isPaired(op.getLayoutAttr() && op.getLayoutAttr().getColumnsPerByte() == 2) {}

SmallVector<Value> IntegerSums::getZeros() { return SmallVector<Value>(getNumSums(), k.integer(0)); }

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// The low or the high halves of the bytes of a word.
static Value getHalves(GPUKernelBuilder &k, Value word, bool high) {
  return k.andI(high ? k.shiftRight(word, 4) : word, 0x0f0f0f0f);
}

/// Adds a word of each row to its four sums, of pairs to the four of the low halves and, `width` further, of the high
/// ones.
void IntegerSums::addWord(ArrayRef<Value> words, ArrayRef<Value> scores, MutableArrayRef<Value> sums) {
  auto addFour = [&](ArrayRef<Value> columns, size_t first) {
    for (size_t i = 0; i < 4; ++i) {
      // Of two rows, a vector has the products of two columns.
      Value factor = k.toBytes(k.shiftLeft(scores.front(), columns.size() == 2 ? i % 2 * 16 : 8 * i));
      sums[first + i] = k.dot4(columns.size() == 2 ? columns[i / 2] : columns[0], factor, sums[first + i]);
    }
  };
  SmallVector<Value> columns;
  if (words.size() == 1) {
    columns.push_back(k.toBytes(words.front()));
  } else {
    Value x = k.toBytes(words[0]), y = k.toBytes(words[1]);
    for (int64_t first : {0, 2})
      columns.push_back(
          vector::ShuffleOp::create(k.builder(), x, y, ArrayRef<int64_t>{first, first + 4, first + 1, first + 5}));
  }
  if (!isPaired)
    return addFour(columns, 0);
  for (bool high : {false, true}) {
    SmallVector<Value> halves;
    for (Value bytes : columns)
      halves.push_back(k.toBytes(getHalves(k, k.toWord(bytes), high)));
    addFour(halves, high ? width : 0);
  }
}

/// Pieces of one byte.
SmallVector<Value> IntegerSums::addBytes(ArrayRef<Value> bytes, ArrayRef<Value> scores, ValueRange sums) {
  SmallVector<Value> next(sums);
  for (auto [byte, score] : llvm::zip_equal(bytes, scores)) {
    Value word = k.widen(byte, /*isSigned=*/!isPaired);
    next[0] = k.add(next[0], k.mul(isPaired ? k.andI(word, 15) : word, score));
    if (isPaired)
      next[1] = k.add(next[1], k.mul(k.shiftRight(word, 4), score));
  }
  return next;
}

SmallVector<Value> IntegerSums::add(ArrayRef<Value> pieces, ArrayRef<Value> scores, ValueRange sums) {
  SmallVector<Value> next(sums);
  if (width == 1) {
    next = addBytes(pieces, scores, sums);
  } else {
    SmallVector<SmallVector<Value>> words;
    for (Value piece : pieces)
      words.push_back(k.getWords(piece));
    Value factors = scores.front();
    if (scores.size() == 2)
      factors = arith::OrIOp::create(k.builder(), factors, k.shiftLeft(scores[1], 8));
    for (int64_t w = 0; w < width / 4; ++w) {
      SmallVector<Value> together;
      for (ArrayRef<Value> ofPiece : words)
        together.push_back(ofPiece[w]);
      addWord(together, factors, MutableArrayRef(next).drop_front(4 * w));
    }
  }
  if (isPaired)
    for (Value score : scores)
      next.back() = k.add(next.back(), score);
  return next;
}

//===----------------------------------------------------------------------===//
// Operands and results
//===----------------------------------------------------------------------===//

SmallVector<Value> IntegerSums::getPlace(Value token, Value table) {
  if (token.getType().isIndex())
    return {token, table};
  return {k.placeInRow(token, table)};
}

Value IntegerSums::loadScore(Value token, Value table, bool isBounded) {
  Value last = k.index(op.getNumTables() - 1), place = isBounded ? k.min(table, last) : table;
  // Scores of a hash have no sign.
  Value score = k.widen(k.loadStored(scores, getPlace(token, place), 1), /*isSigned=*/false);
  return isBounded ? k.select(k.isBelow(table, k.index(op.getNumTables())), score, k.integer(0)) : score;
}

SmallVector<Value> IntegerSums::loadRow(Value token, Value table) {
  return {op.hasSharedRows() ? k.index(0) : table, k.loadUnsigned(codes, getPlace(token, table))};
}

void IntegerSums::loadTables(Value token, Value table, int64_t count, SmallVectorImpl<Value> &factors,
                             SmallVectorImpl<SmallVector<Value>> &rows) {
  SmallVector<Value> place = getPlace(token, table);
  SmallVector<Value> bytes = k.elements(k.loadStored(scores, place, count), count);
  SmallVector<Value> numbers = k.elements(k.loadStored(codes, place, count), count);
  for (int64_t i = 0; i < count; ++i) {
    factors.push_back(k.widen(bytes[i], /*isSigned=*/false));
    Value row = arith::IndexCastUIOp::create(k.builder(), k.builder().getIndexType(), numbers[i]);
    rows.push_back({op.hasSharedRows() ? k.index(0) : k.add(table, i), row});
  }
}

Value IntegerSums::getColumn(Value byte, bool high) {
  return high ? k.add(byte, op.getLayoutAttr().getStripColumns() / 2) : byte;
}

/// The order of the products is that of the op's description.
Value IntegerSums::finish(unsigned set, ArrayRef<Value> sums, Value scoreSum, Value token, Value column) {
  int64_t count = sums.size();
  SmallVector<Value> exact(sums);
  if (scoreSum)
    for (Value &sum : exact)
      sum = k.sub(sum, k.mul(scoreSum, k.integer(kPairOffset)));
  Value y = k.mulF(k.toFloat(k.fromElements(exact)), k.load(op.getTableScales()[set], column, count));
  Value scale = k.broadcast(k.load(op.getScoreScales(), token, 1), count);
  if (op.getBiases().empty())
    return k.mulF(y, scale);
  return k.fma(y, scale, k.load(op.getBiases()[set], column, count));
}
