// Linear attention on a GPU: what one thread block does for one head of one sequence.
#ifndef MF_LIB_CONVERSION_MFTOGPU_LINEARATTENTION_H
#define MF_LIB_CONVERSION_MFTOGPU_LINEARATTENTION_H

#include "mf/Codegen/GPU/KernelBuilder.h"
#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {

/// Operands of an op of the family, and how it is computed.
struct GPULinearAttention {
  Operation *op;
  Value q, k, v, projection, init;
  FeatureMapAttrInterface map;
  PanelLayoutAttr layout;
  RecurrentState state;
  GPULinearAttentionAttr strategy;
};

/// A state in a memref: `memref` at `indices` and, of its last dimension, from `begin` on (null: 0). Its parts lie as
/// `RecurrentState` says, but for the begun chunk's features, which are [C, r] here: a row per key.
struct GPUHeadState {
  Value memref;
  SmallVector<Value> indices;
  Value begin;
};

/// Builds what the threads of a block do together. Tokens, heads and columns of a chunk are index values, the same in
/// all threads of a block; every function but `getPosition` ends with a barrier.
///
/// A product of queries with a matrix is summed in slices of its rows, each ascending, which are added in ascending
/// order. A slice of a result has the rows of the sums first, then the keys of the chunk. No operation on a query
/// depends on which others are computed with it.
class GPULinearAttentionBuilder {
public:
  GPULinearAttentionBuilder(const GPULinearAttention &attention, const GPUHeadState &head, Value headNumber,
                            GPUKernelBuilder &k);

  GPUKernelBuilder &getKernelBuilder() { return k; }

  // LinearAttentionState.cpp
  /// Makes it the state before the first token.
  void clearState();
  /// Puts the keys and values of `count` tokens from `token` on into columns [column, column + count) of the chunk.
  void appendKeys(Value token, Value count, Value column, Value position);
  /// Adds the first `count` columns of the chunk to the sums.
  void addChunk(Value count, Value isFirstChunk);

  // LinearAttention.cpp
  /// Results of `count` tokens from `token` on, whose keys are the columns from `column` on. In the first chunk of a
  /// sequence the sums count as empty. `column` is null where there is no chunk: the sums are all there is.
  void buildQueries(Value token, Value count, Value column, Value position, Value isFirstChunk);

private:
  /// Some queries in workgroup memory: `rows` of them, of which the first `count` are there, behind them the last one
  /// again.
  struct Tile {
    int64_t rows;
    Value token, count, column, position, maximum;

    /// The number of a row that is there.
    Value getRow(GPUKernelBuilder &k, Value row) const { return k.min(row, k.sub(count, k.index(1))); }
    /// Columns of the chunk that any row sees.
    Value getEnd(GPUKernelBuilder &k) const { return k.add(column, count); }
  };

  // LinearAttention.cpp
  void buildTile(const Tile &tile);
  void buildProducts(int64_t rows, int64_t columns, Value end,
                     function_ref<SmallVector<Value>(Value slice, Value column)> sum,
                     function_ref<void(Value row, Value column, Value total)> finish);
  SmallVector<Value> sumFeatures(int64_t rows, Value slice, int64_t slices,
                                 function_ref<SmallVector<Value>(Value feature, int64_t count)> load);
  void buildChunkProducts(const Tile &tile);
  void buildWeights(const Tile &tile, Value row);
  void buildResults(const Tile &tile);
  SmallVector<Value> sumResults(const Tile &tile, Value slice, Value column);
  int64_t getSlices(int64_t columns) const;
  int64_t getLanes(int64_t columns) const;

  // LinearAttentionFeatures.cpp
  using StoreFeature = function_ref<void(Value feature, Value value)>;
  using LoadFeature = function_ref<Value(Value feature)>;
  Value buildFeatures(Value x, Value token, Value position, LoadFeature load, StoreFeature store);
  Value buildExponentials(Value x, Value token, LoadFeature load, StoreFeature store);
  Value buildProjection(Value x, Value token, Value feature);
  void forEachLaneFeature(int64_t size, function_ref<void(Value)> body);

  // LinearAttentionState.cpp
  SmallVector<Value> at(int64_t part, Value element);
  Value load(int64_t part, Value element, int64_t width = 1) { return k.load(head.memref, at(part, element), width); }
  void store(Value value, int64_t part, Value element) { k.store(value, head.memref, at(part, element)); }
  Value loadMaximum(Value isFirstChunk);
  Value buildShiftOf(Value maximum);
  Value buildHighest(Value maximum, Value end);
  Value buildChunkFactors(Value count, Value isFirstChunk);
  void addToSums(Value count, Value scale);
  void addToTotals(Value count, Value scale);
  FeatureBuilder featureBuilder() { return {k.builder(), k.builder().getLoc(), exp}; }
  Value exponential(Value x);

  const GPULinearAttention &attention;
  GPUHeadState head;
  Value headNumber;
  GPUKernelBuilder &k;
  RecurrentState state;
  std::function<Value(Value)> exp;
  int64_t headSize, rowSize, threads, warps;
  /// Features that are adjacent and aligned.
  int64_t width;
  /// In workgroup memory: [rows, features] of queries, [rows, keys] weights, [rows] factors of the sums and of the
  /// results, [rows, threads] slices of sums.
  Value queries, weights, sumFactors, resultFactors, parts;
  Value thread, warp, lane;
};

} // namespace mlir::mf

#endif // MF_LIB_CONVERSION_MFTOGPU_LINEARATTENTION_H
