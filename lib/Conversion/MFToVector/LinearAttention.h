// The kernel of linear attention: the matrices of a head's state, features of tokens, and what is computed of both.
#ifndef MF_LIB_CONVERSION_MFTOVECTOR_LINEARATTENTION_H
#define MF_LIB_CONVERSION_MFTOVECTOR_LINEARATTENTION_H

#include "Kernels.h"

namespace mlir::mf {

/// The parts of one head's state (`RecurrentState`) as matrices; maxima and maximum only of exponential features.
struct HeadState {
  Value sums, keys, values, totals, maxima, maximum;
};

/// Operands of an op of the family, and how it is computed.
struct LinearAttention {
  Operation *op;
  Value q, k, v, projection, init;
  FeatureMapAttrInterface map;
  PanelLayoutAttr layout;
  RecurrentState state;
  CPULinearAttentionAttr strategy;
};

/// Builds what the kernels of the family are made of. Tokens, heads and columns of a chunk are index values; `rows` are
/// consecutive tokens that go together.
///
/// All sums of a token's result have one order: features ascending, then the keys of its chunk ascending. Each is
/// computed by the same operations wherever the token stands in its tile.
class LinearAttentionBuilder {
public:
  explicit LinearAttentionBuilder(const LinearAttention &attention);

  KernelBuilder &getKernelBuilder() { return kb; }

  /// The matrices of the state at `indices` of a memref whose last dimension is that of the state.
  HeadState viewState(Value memref, ValueRange indices);
  /// Makes it the state before the first token.
  void clearState(const HeadState &state);
  /// Puts the keys and values of `count` tokens from `token` on into columns [column, column + count) of the chunk.
  void appendKeys(const HeadState &state, Value head, Value token, Value count, Value column, Value position);
  /// Results of `count` tokens from `token` on, whose keys are the columns from `column` on. In the first chunk of a
  /// sequence the sums count as empty. `column` is null where there is no chunk: the sums are all there is.
  void buildQueries(const HeadState &state, Value head, Value token, Value count, Value column, Value position,
                    Value isFirstChunk);
  /// Adds the first `count` columns of the chunk to the sums.
  void addChunk(const HeadState &state, Value count, Value isFirstChunk);

private:
  // LinearAttentionFeatures.cpp
  void buildFeatures(Value x, Value head, Value token, Value position, int64_t rows,
                     function_ref<void(int64_t row, Value feature, Value value)> store, MutableArrayRef<Value> maxima);
  void buildProjections(Value x, Value head, Value token, int64_t rows);
  void buildPanelProjections(Value x, Value head, Value token, int64_t rows);
  Value buildRowMaximum(int64_t row);
  Value buildSquaredNorm(Value x, Value head, Value token);
  FeatureBuilder featureBuilder();

  // LinearAttention.cpp
  void buildTile(const HeadState &state, Value head, Value token, int64_t rows, Value column, Value position,
                 Value maximum);
  void buildChunkProducts(const HeadState &state, int64_t rows, Value column);
  void buildWeights(const HeadState &state, int64_t row, Value column, Value maximum);
  void buildResults(const HeadState &state, Value head, Value token, int64_t rows, Value column);
  void buildResultColumns(const HeadState &state, Value head, Value token, int64_t rows, Value column, Value base,
                          ArrayRef<Piece> pieces);
  Value buildTotal(const HeadState &state, int64_t row);
  void forEachColumns(int64_t size, function_ref<void(Value base, ArrayRef<Piece> pieces)> body);
  SmallVector<Value> accumulate(Value from, Value to, SmallVector<Value> sums, int64_t rows, ArrayRef<Piece> pieces,
                                function_ref<Value(int64_t row, Value k)> a,
                                function_ref<Value(Value k, Piece piece)> b);

  // LinearAttentionState.cpp
  Value viewMatrix(Value memref, ValueRange indices, int64_t offset, ArrayRef<int64_t> shape);
  Value loadMaximum(const HeadState &state, Value isFirstChunk);
  Value buildShiftOf(Value maximum);
  Value buildChunkWeights(const HeadState &state, Value count, Value maximum);
  void addToSums(const HeadState &state, Value count, Value scale);
  void addToTotals(const HeadState &state, Value count, Value scale);

  LinearAttention attention;
  KernelBuilder kb;
  std::function<Value(Value)> exp;
  int64_t headSize, rowSize;
  // On the stack, a row per token of a tile: projections or logarithms, features of queries, weights in the chunk, the
  // factor of the sums, the factor of the result.
  Value projected, queryFeatures, weights, sumFactors, resultFactors;
};

} // namespace mlir::mf

#endif // MF_LIB_CONVERSION_MFTOVECTOR_LINEARATTENTION_H
