// The kernel of exact attention in flash form: what its parts, a file each, share.
//
// A run is a number of queries of one sequence and one head. Blocks of keys pass it, and in each block the queries go
// in groups: scores of a group against the block, weights from the scores, then the weighted sum of the values. Keys
// are summed in parts, which are then merged in order. Parts and blocks begin at multiples of their
// sizes and the operations on a query depend on nothing but the query and its keys, so its bits are the same in every
// group, run and task.
#ifndef MF_CONVERSION_MFTOVECTOR_FLASHKERNEL_H
#define MF_CONVERSION_MFTOVECTOR_FLASHKERNEL_H

#include "mf/Codegen/CPU/KernelBuilder.h"
#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {

/// How the elements of caches are adjacent that dot products of bf16 take in pairs (`#mf.cache_layout`).
struct FlashPairs {
  bool keys = false;   ///< pairs of features
  bool values = false; ///< pairs of keys
};

/// The keys of a block, `kCacheKeys` of a feature adjacent: feature f of key k is element
/// (k / kCacheKeys * d + f) * kCacheKeys + k % kCacheKeys behind `base`. In pairs, the features f and f + 1 of key k
/// are at (k / kCacheKeys * d + f) * kCacheKeys + 2 * (k % kCacheKeys).
struct KeyBlock {
  Value memref;
  SmallVector<Value> before; ///< indices before the last
  Value base;
  bool isCache = false; ///< comes from memory, the next block behind it
};

/// The values of a block, a row per key. In pairs, the keys k and k + 1 have a row of all features' pairs in the last
/// dimension of `memref`, the rows of all keys of the cache one after the other.
struct ValueBlock {
  Value memref;
  SmallVector<Value> before; ///< indices before that of the key
  Value firstKey;
  SmallVector<Value> after; ///< indices between that of the key and that of the feature
  bool isCache = false;     ///< comes from memory, the next block behind it
};

/// Running maxima, sums and unscaled results of the queries of a run. Scores and maxima are binary logarithms.
struct FlashState {
  Value maxima;  ///< [queries]
  Value sums;    ///< [queries, lanes]
  Value results; ///< [queries, e]
};

/// Queries [first, first + rows) of the run against a block: what they see of it.
struct FlashGroup {
  Value first;
  int64_t rows;
  SmallVector<Value> counts; ///< keys that each sees, counted from the block's first; may be negative
  Value most;                ///< the greatest count, at most the block
};

/// Builds the parts of the kernel.
class FlashKernel {
public:
  FlashKernel(Operation *op, CPUFlashAttr strategy, double scale, int64_t features, int64_t resultFeatures,
              FlashPairs pairs);

  /// Reads a query, times the scale of the scores, to row `row` of the run.
  void copyQuery(Value q, ValueRange indices, Value row);
  /// Keys and values [firstKey, firstKey + count) to the stack, from tensors where their elements are at
  /// [before..., key, after..., feature]. Nothing is read behind `count`.
  KeyBlock packKeys(const ValueBlock &keys, Value count);
  ValueBlock copyValues(const ValueBlock &values, Value count);

  void clear(const FlashState &state, Value row);
  /// Takes a block of keys into the state of a group's queries.
  void addBlock(const FlashGroup &group, const KeyBlock &keys, const ValueBlock &values);
  /// Takes what the keys of `part` have given into `total`, and clears nothing.
  void merge(Value row);
  /// Writes the result of a query; 0 where it has seen no key.
  void finish(Value row, Value init, ValueRange indices);

  KernelBuilder kb;
  /// What the keys of a part have given, and all parts before it.
  FlashState part, total;

private:
  int64_t getTileVectors(const FlashGroup &group) const;
  void buildScores(const FlashGroup &group, const KeyBlock &keys);
  void buildScoreTile(const FlashGroup &group, const KeyBlock &keys, Value firstKey, int64_t offset, int64_t vectors);
  SmallVector<Value> buildWeights(const FlashGroup &group, bool isWhole);
  SmallVector<Value> loadScores(int64_t row, Value key, Value count);
  Value findMaximum(int64_t row, Value count, Value end);
  Value storeWeights(int64_t row, Value count, Value end, Value shift, Value sum);
  void buildResults(const FlashGroup &group, const ValueBlock &values, ValueRange rescales, bool isWhole);
  SmallVector<Value> addValues(ArrayRef<int64_t> rows, ArrayRef<Piece> pieces, const ValueBlock &values, Value from,
                               Value to, ValueRange sums, bool asksAhead);
  SmallVector<Value> addLastValue(int64_t row, ArrayRef<Piece> pieces, const ValueBlock &values, Value count,
                                  ValueRange sums);
  SmallVector<Value> multiply(ArrayRef<int64_t> rows, ArrayRef<Value> loaded, Value key, ValueRange sums);
  Value loadValue(const ValueBlock &values, Value key, Piece piece, bool asksAhead);
  void packKeyTile(const ValueBlock &keys, Value firstKey, Value lastKey, Value feature, int64_t width);
  /// 2^x of differences to a maximum. `forBF16`: for weights that are rounded to it.
  SmallVector<Value> exp2(ValueRange xs, bool forBF16 = false);
  Value getShift(Value maximum);
  FlashState makeState();

  int64_t queries, blockKeys, rows, vectors, features, resultFeatures;
  FlashPairs pairs;
  float scale;
  Value scaledQueries; ///< [queries, d]
  Value scores;        ///< [rows, blockKeys]
  Value weights;       ///< of the scores, in their place or beside them
  Value packedKeys = {}, copiedValues = {};
};

} // namespace mlir::mf

#endif // MF_CONVERSION_MFTOVECTOR_FLASHKERNEL_H
