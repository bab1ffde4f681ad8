// Attention of 16 queries of one warp by products of matrices: what a block of keys gives, and how blocks are merged.
#ifndef MF_LIB_CONVERSION_MFTOGPU_FLASHMATRICES_H
#define MF_LIB_CONVERSION_MFTOGPU_FLASHMATRICES_H

#include "AttentionOperands.h"
#include "KeyTiles.h"

namespace mlir::mf {

/// Queries of a warp.
inline constexpr int64_t kMatrixRows = 16;

/// Which query a row is. One that is not valid sees no keys, and has the place of another.
struct QueryRow {
  Value token, head, isValid;
};

/// Of one query: maximum, sum of weights, and the features of the result that a lane has, 2 of every 8.
struct MatrixState {
  Value maximum, sum;
  SmallVector<Value> result;
};

/// Copies queries to the rows of a tile, rounded to its elements, zeros to those that are not valid; the caller is
/// thread `thread` of `threads`, and has the rows from `first` on.
void storeQueries(const AttentionOperands &operands, GPUKernelBuilder &k, const MatrixTile &tile, Value first,
                  int64_t rows, Value thread, int64_t threads, function_ref<QueryRow(Value)> getRow);

/// Builds what one warp does. Lane l has the queries l / 4 and l / 4 + 8.
class FlashMatrices {
public:
  /// The queries of the warp are rows of `queries` from `firstQuery` on.
  FlashMatrices(const AttentionOperands &operands, GPUKernelBuilder &k, const KeyTiles &tiles,
                const MatrixTile &queries, Value firstQuery, Value lane);

  /// The lane's query number `half`, as a row of `queries`.
  Value getRow(int64_t half) { return k.add(firstQuery, k.add(k.div(lane, 4), half * 8)); }

  /// States of rows that have seen no keys.
  static SmallVector<MatrixState> getEmpty(const AttentionOperands &operands, GPUKernelBuilder &k);
  /// What the keys of a block give, of which the lane's queries see those below `limits`, i32. With `isMasked` some
  /// query does not see all of them.
  SmallVector<MatrixState> addBlock(ArrayRef<MatrixState> states, Value buffer, Value first, ArrayRef<Value> limits,
                                    bool isMasked);
  /// Calls body(i, feature) for each pair of adjacent features of a result.
  void forEachPair(function_ref<void(int64_t, Value)> body);
  /// Writes the quotients of a result and its sum.
  void store(const MatrixState &state, const QueryRow &row);

private:
  using Words = SmallVector<Value, 4>;
  SmallVector<Words> multiplyKeys(Value buffer);
  void addFeatures(Value buffer, Value feature, MutableArrayRef<Value> scores);
  SmallVector<MatrixState> weigh(MutableArrayRef<Words> scores, Value first, ArrayRef<Value> limits, bool isMasked);
  SmallVector<Words> roundWeights(ArrayRef<Words> weights);
  Words multiplyValues(ArrayRef<Words> weights, Value buffer, int64_t feature, bool isMasked);

  const AttentionOperands &operands;
  GPUKernelBuilder &k;
  KeyTiles tiles;
  MatrixTile queries;
  Value firstQuery, lane;
  Type element;
};

} // namespace mlir::mf

#endif // MF_LIB_CONVERSION_MFTOGPU_FLASHMATRICES_H
