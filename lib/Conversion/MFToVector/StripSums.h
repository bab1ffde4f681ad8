// Sums of table rows for one strip of columns: what the kernels of few and of many tokens share.
#ifndef MF_CONVERSION_MFTOVECTOR_STRIPSUMS_H
#define MF_CONVERSION_MFTOVECTOR_STRIPSUMS_H

#include "mf/Codegen/CPU/KernelBuilder.h"
#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {

/// One table set of a lookup.
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

/// Builds sums of rows of one table set and one strip at a time, of floats or of integers. Sums of a part of a row are
/// `getNumSums` values, in an order of their own; tables are added in ascending order.
class StripSums {
public:
  StripSums(LookupOp op, int64_t lanes);

  /// The set and the strip that everything below is about.
  void select(const StripSet &selected, Value number);
  /// Whether the op's scratch has room for codes in the order of blocks.
  bool hasCopies() { return op.getScratch().size() > 1; }
  /// Copies the codes of all tokens, and scores of integers, to scratch [blocks, tokens, tables of a block].
  void copyCodes();
  /// Codes and scores of the tables from `table` on, up to the end of the block `number`, are read from the copies.
  void readCopies(Value number, Value table) { copy = {number, table}; }
  /// Codes and scores are read from the op's operands.
  void readOperands() { copy = {}; }

  ArrayRef<SubStrip> getParts() const { return parts; }
  int64_t getNumTables() { return op.getNumTables(); }
  size_t getNumSums(const SubStrip &part) const { return part.pieces.size() * sumsPerVector; }
  /// The code of a token in a table, as an index.
  Value getCode(Value token, Value table);

  SmallVector<Value> initialSums(const SubStrip &part);
  /// `count` tables from `table` on.
  SmallVector<Value> addTables(const SubStrip &part, Value token, Value table, int64_t count, ValueRange sums);
  /// Sums that wait in the op's scratch.
  SmallVector<Value> loadSums(const SubStrip &part, Value token);
  void storeSums(const SubStrip &part, Value token, ValueRange sums);
  /// Writes the results of a token from the sums of all parts.
  void finish(Value token, ArrayRef<SmallVector<Value>> sums);

  /// Rows of a table, or those of a shared one that fall to each chunk.
  int64_t getTableRows() { return op.getTableRows(); }
  /// Asks for all lines of the row of `tables` that the code `row` means, in the strip in hand.
  void prefetchRow(Value tables, Value table, Value row, bool toFirstLevel);
  /// Asks for the scales and biases of the strip in hand, into the second-level cache.
  void prefetchColumns();
  /// Asks for a row of a block of tables that begins at `table`, into the second-level cache.
  void prefetchBlockRow(Value tables, Value table, Value row);

  KernelBuilder kb;

private:
  void cutRow();
  /// The index of the table of a chunk: the only one where rows are shared.
  Value indexOf(Value table) { return op.hasSharedRows() ? kb.index(0) : table; }
  void prefetchLines(Value tables, Value table, Value row, bool toFirstLevel);
  SmallVector<Value> locate(Value token, Value table);
  SmallVector<Value> addFloats(const SubStrip &part, Value token, Value table, int64_t count, ValueRange sums);
  Value loadFourScores(Value token, Value table, int64_t count);
  SmallVector<Value> addFourTables(const SubStrip &part, Value token, Value table, int64_t count, ValueRange sums);
  void addInterleaved(ArrayRef<Value> bytes, Value scores, ValueRange sums, SmallVector<Value> &result);
  Value sumScores(Value token);
  void finishFloats(const SubStrip &part, Value token, ValueRange sums);
  void finishIntegers(const SubStrip &part, Value token, ValueRange sums, Value scoreSum);
  Value loadColumns(Value memref, int64_t column, int64_t width);
  void storeColumns(Value y, Value token, int64_t column, int64_t width);

  LookupOp op;
  bool isQuantized, isPaired;
  /// Vectors of sums of a vector of stored elements: bytes have four, pairs of i4 eight.
  int64_t sumsPerVector;
  /// Of a stored row, and columns of a strip.
  int64_t rowElements, columns;
  int64_t elementBytes;
  SmallVector<SubStrip> parts;
  /// The block whose copies are read, and its first table; null where the operands are.
  struct Copy {
    Value block, firstTable;
  } copy = {};
  StripSet set = {};
  Value strip = {};
  /// Columns that the destination has from the strip's first on; null where it has all of every strip.
  Value columnsLeft = {};
};

} // namespace mlir::mf

#endif // MF_CONVERSION_MFTOVECTOR_STRIPSUMS_H
