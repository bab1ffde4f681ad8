// Attention of 16 queries of one warp by products of matrices: what a block of keys gives, and how blocks are merged.
#ifndef MF_LIB_CONVERSION_MFTOGPU_FLASHMATRICES_H
#define MF_LIB_CONVERSION_MFTOGPU_FLASHMATRICES_H

#include "AttentionOperands.h"
#include "MatrixTile.h"

namespace mlir::mf {

/// Queries of a warp.
inline constexpr int64_t kMatrixRows = 16;

/// The tiles of keys and values in workgroup memory.
struct KeyTiles {
  KeyTiles(const AttentionOperands &operands, int64_t buffers, int64_t blockKeys);

  int64_t getBytes() const { return keys.getBytes() + values.getBytes(); }
  void place(const AttentionOperands &operands, GPUKernelBuilder &k, Value lane);
  /// Starts copies of the block of keys from `first` on; the caller is thread `thread` of `threads`.
  void start(const AttentionOperands &operands, GPUKernelBuilder &k, Value buffer, Value slot, Value keyHead,
             Value first, Value thread, int64_t threads) const;

  int64_t blockKeys;
  /// Whether the features of a key lie in a column, as with a layout of the cache.
  bool hasKeysInColumns;
  MatrixTile keys, values;
};

/// Of one query: maximum, sum of weights, and the features of the result that a lane has, 2 of every 8.
struct MatrixState {
  Value maximum, sum;
  SmallVector<Value> result;
};

/// Builds what one warp does. Lane l has the queries l / 4 and l / 4 + 8.
class FlashMatrices {
public:
  FlashMatrices(const AttentionOperands &operands, GPUKernelBuilder &k, const KeyTiles &tiles, Value lane);

  /// Sets the lane's queries. One that is not valid sees no keys.
  void setRow(int64_t half, Value token, Value head, Value isValid);

  ArrayRef<Value> getTokens() const { return tokens; }
  ArrayRef<Value> getValid() const { return valid; }
  /// The lane's query number `half` in the warp.
  Value getRow(int64_t half) { return k.add(k.div(lane, 4), half * 8); }

  SmallVector<MatrixState> getEmpty();
  /// What the keys of a block give, of which the lane's queries see those below `limits`, i32. With `isMasked` some
  /// query does not see all of them.
  SmallVector<MatrixState> addBlock(ArrayRef<MatrixState> states, Value buffer, Value first, ArrayRef<Value> limits,
                                    bool isMasked);
  /// Calls body(i, feature) for each pair of adjacent features of a result.
  void forEachPair(function_ref<void(int64_t, Value)> body);
  /// Writes the quotients of results and sums.
  void store(ArrayRef<MatrixState> states);
  Value getHead(int64_t half) { return heads[half]; }

private:
  using Words = SmallVector<Value, 4>;
  /// 16 features of the queries from `feature` on, rounded to the elements of the cache.
  Words loadQueries(int64_t feature);
  SmallVector<Words> multiplyKeys(Value buffer);
  SmallVector<MatrixState> weigh(MutableArrayRef<Words> scores, Value first, ArrayRef<Value> limits, bool isMasked);
  SmallVector<Words> roundWeights(ArrayRef<Words> weights);
  Words multiplyValues(ArrayRef<Words> weights, Value buffer, int64_t feature, bool isMasked);

  const AttentionOperands &operands;
  GPUKernelBuilder &k;
  const KeyTiles &tiles;
  Value lane;
  Type element;
  SmallVector<Value> tokens, heads, valid;
};

} // namespace mlir::mf

#endif // MF_LIB_CONVERSION_MFTOGPU_FLASHMATRICES_H
