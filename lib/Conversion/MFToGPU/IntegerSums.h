// Sums of rows of quantised tables, in the columns of one piece of a row: bytes, or columns of i4 in halves of bytes.
#ifndef MF_LIB_CONVERSION_MFTOGPU_INTEGERSUMS_H
#define MF_LIB_CONVERSION_MFTOGPU_INTEGERSUMS_H

#include "mf/Codegen/GPU/KernelBuilder.h"
#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {

/// Adds products of scores and rows, four at a time. All sums are of integers, and exact.
class IntegerSums {
public:
  /// Pieces of `width` bytes: 16, or 1.
  IntegerSums(LookupOp op, GPUKernelBuilder &k, int64_t width);

  /// Columns of a piece, whose sums are the first ones; of pairs those of the low halves come first, and a sum of the
  /// scores follows.
  int64_t getNumColumns() const { return isPaired ? 2 * width : width; }
  int64_t getNumSums() const { return getNumColumns() + (isPaired ? 1 : 0); }
  SmallVector<Value> getZeros();
  /// Adds the pieces of one or two rows. Scores are i32 in [0, 127].
  SmallVector<Value> add(ArrayRef<Value> pieces, ArrayRef<Value> scores, ValueRange sums);

  /// Where codes and scores are, and where those of a token in a table are there: [token, table], or, where `token` is
  /// the i32 at which its row begins, in one dimension.
  void setRows(Value newCodes, Value newScores) {
    codes = newCodes;
    scores = newScores;
  }
  SmallVector<Value> getPlace(Value token, Value table);

  /// The score of a token in a table as an i32; 0 behind the last table.
  Value loadScore(Value token, Value table, bool isBounded);
  /// The row that a token's code means, and the table of that row.
  SmallVector<Value> loadRow(Value token, Value table);
  /// Both for the tables [table, table + count), a divisor of their number and a power of two up to 4.
  void loadTables(Value token, Value table, int64_t count, SmallVectorImpl<Value> &scores,
                  SmallVectorImpl<SmallVector<Value>> &rows);

  /// Results in adjacent columns of a destination, from i32 sums of these; `scoreSum` is null but for pairs.
  Value finish(unsigned set, ArrayRef<Value> sums, Value scoreSum, Value token, Value column);
  /// The column, within its strip, of a byte's low or high half.
  Value getColumn(Value byte, bool high);

private:
  void addWord(ArrayRef<Value> words, ArrayRef<Value> scores, MutableArrayRef<Value> sums);
  SmallVector<Value> addBytes(ArrayRef<Value> bytes, ArrayRef<Value> scores, ValueRange sums);

  LookupOp op;
  GPUKernelBuilder &k;
  Value codes, scores;
  int64_t width;
  bool isPaired;
};

} // namespace mlir::mf

#endif // MF_LIB_CONVERSION_MFTOGPU_INTEGERSUMS_H
