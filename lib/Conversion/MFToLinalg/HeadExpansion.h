// One head of a linear attention as linalg ops: what the files of features, chunks and loops share.
#ifndef MF_CONVERSION_MFTOLINALG_HEADEXPANSION_H
#define MF_CONVERSION_MFTOLINALG_HEADEXPANSION_H

#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <functional>
#include <limits>

namespace mlir::mf {

/// Features [n, r] of tokens, and of exponential ones the logarithms [n] that they were divided by.
struct Rows {
  Value features, logarithms;
};

/// The sums over earlier chunks: [r, e], [r] and, of exponential features, the logarithm, an f32, that they were
/// divided by: a scalar, since both the old and the new one are read, which one buffer could not hold.
struct Sums {
  Value sums, totals, maximum;

  SmallVector<Value> getValues() const {
    return maximum ? SmallVector<Value>{sums, totals, maximum} : SmallVector<Value>{sums, totals};
  }
  static Sums get(ValueRange values) { return {values[0], values[1], values.size() > 2 ? Value(values[2]) : Value()}; }
};

/// Builds one head of one op. Tensors are [tokens, ...]; `dims` are names of loops: a string per operand, the result's
/// last, whose characters are its dimensions.
class HeadExpansion {
public:
  HeadExpansion(ImplicitLocOpBuilder &b, LinearAttentionOp op) : b(b), op(op), map(op.getFeatures()) {}

  /// The result [T, e] of queries, keys and values [T, d], [S, d] and [S, e]; a `chunk` of 0 is the whole sequence.
  Value build(Value q, Value k, Value v, int64_t chunk);

private:
  using Body = function_ref<Value(ValueRange)>;
  static constexpr float minusInfinity = -std::numeric_limits<float>::infinity();

  Value scalar(float value) { return arith::ConstantOp::create(b, b.getF32FloatAttr(value)); }
  Value exp(Value x);
  Value index(int64_t value) { return arith::ConstantIndexOp::create(b, value); }
  Value fill(ArrayRef<OpFoldResult> shape, float value);
  Value generic(ArrayRef<StringRef> dims, ValueRange inputs, Value init, Body body);
  Value contract(ArrayRef<StringRef> dims, Value x, Value y, Value init);
  OpFoldResult getSize(Value tensor, int64_t dim) { return tensor::getMixedSize(b, b.getLoc(), tensor, dim); }
  Value sliceTokens(Value x, OpFoldResult first, OpFoldResult count);

  Rows buildRows(Value x, Value first, bool isKey);
  Value buildLogarithms(Value x, Value highest);
  Sums buildNoSums(int64_t features, int64_t valueSize);
  /// Results of a chunk's queries; without `keys` of sums alone, without `sums` of the chunk alone.
  Value buildResults(const Rows &queries, const Rows *keys, Value values, const Sums *sums);
  Value buildRunningMaximum(const Rows &queries, const Rows &keys, const Sums *sums);
  Value buildWeights(const Rows &queries, const Rows &keys, Value maxima);
  Sums addChunk(const Rows &keys, Value values, Sums sums);
  Value buildCausalLoop(Value q, Value k, Value v, int64_t chunk);
  Value buildFullLoop(Value q, Value k, Value v, int64_t chunk);
  SmallVector<Value> forEachChunk(Value count, int64_t chunk, ValueRange initial,
                                  function_ref<SmallVector<Value>(Value, OpFoldResult, ValueRange)> body);

  ImplicitLocOpBuilder &b;
  LinearAttentionOp op;
  FeatureMapAttrInterface map;
  std::function<Value(Value)> exponential = [this](Value x) { return exp(x); };
};

} // namespace mlir::mf

#endif // MF_CONVERSION_MFTOLINALG_HEADEXPANSION_H
