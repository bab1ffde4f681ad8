// Sums of table rows for one strip of columns: what the kernels of few and of many tokens share.
#ifndef MF_CONVERSION_MFTOVECTOR_STRIPSUMS_H
#define MF_CONVERSION_MFTOVECTOR_STRIPSUMS_H

#include "mf/Codegen/CPU/IntegerDot.h"
#include "mf/Codegen/CPU/StripPasses.h"

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

/// Elements of a stored row that all tokens pass before they pass the next ones.
struct StripPass {
  int64_t number;
  Piece elements;
  SmallVector<SubStrip> parts;
};

/// Builds sums of rows of one table set and one strip at a time, of floats or of integers. Sums of a part of a row are
/// `getNumSums` values, in an order of their own; tables are added in ascending order.
class StripSums {
public:
  StripSums(LookupOp op, CPUStripsAttr strategy);

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

  /// Of a whole row.
  ArrayRef<SubStrip> getParts() const { return parts; }
  ArrayRef<StripPass> getPasses() const { return passes; }
  int64_t getNumTables() { return op.getNumTables(); }
  size_t getNumSums(const SubStrip &part) const { return part.pieces.size() * sumsPerVector; }
  /// The code of a token in a table, as an index.
  Value getCode(Value token, Value table);
  /// The same, of another block than the one in hand, whose copies are read where there are some.
  Value getCodeOfBlock(Value block, Value firstTable, Value token, Value table);

  SmallVector<Value> initialSums(const SubStrip &part);
  /// `count` tables from `table` on.
  SmallVector<Value> addTables(const SubStrip &part, Value token, Value table, int64_t count, ValueRange sums);
  /// Sums of a part of a pass, that wait in the op's scratch.
  SmallVector<Value> loadSums(const StripPass &pass, const SubStrip &part, Value token);
  void storeSums(const StripPass &pass, const SubStrip &part, Value token, ValueRange sums);
  /// Writes the results of a token from the sums of parts.
  void finish(ArrayRef<SubStrip> parts, Value token, ArrayRef<SmallVector<Value>> sums);

  /// Rows of a table, or those of a shared one that fall to each chunk.
  int64_t getTableRows() { return op.getTableRows(); }
  /// All elements of a stored row.
  Piece getWholeRow() const { return {0, rowElements}; }
  /// Asks for the lines of `elements` of the row of `tables` that the code `row` means, in the strip in hand.
  void prefetchRow(Value tables, Value table, Value row, Piece elements, bool toFirstLevel);
  /// The same of strip `number` into the second-level cache.
  void prefetchRowOf(Value tables, Value number, Value table, Value row, Piece elements);
  /// Asks for the scales and biases of the strip in hand, into the second-level cache.
  void prefetchColumns();
  /// Asks for a row of a block of tables that begins at `table`, into the second-level cache.
  void prefetchBlockRow(Value tables, Value number, Value table, Value row, Piece elements);

  KernelBuilder kb;

private:
  SmallVector<SubStrip> cutRow(Piece elements) const;
  void cutPasses(const StripPasses &cut);
  /// The index of the table of a chunk: the only one where rows are shared.
  Value indexOf(Value table) { return op.hasSharedRows() ? kb.index(0) : table; }
  void prefetchLines(Value tables, ValueRange indices, Piece elements, bool toFirstLevel);
  SmallVector<Value> locate(Value token, Value table);
  SmallVector<Value> addFloats(const SubStrip &part, Value token, Value table, int64_t count, ValueRange sums);
  Value loadFourScores(Value token, Value table, int64_t count);
  SmallVector<Value> addFourTables(const SubStrip &part, Value token, Value table, int64_t count, ValueRange sums);
  void addInterleaved(ArrayRef<Value> bytes, Value scores, ValueRange sums, SmallVector<Value> &result);
  Value sumScores(Value token);
  /// Pairs of i4 are multiplied as whole bytes, low + 16 high, where there is an instruction for it.
  bool addsWholeBytes(int64_t bytes) { return isPaired && hasDotOfAllBytes(kb, bytes); }
  void takeLowFromSums(MutableArrayRef<Value> sums);
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
  SmallVector<StripPass> passes;
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
