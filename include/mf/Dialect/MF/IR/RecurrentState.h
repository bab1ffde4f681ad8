// Where the parts of a linear attention's state lie.
#ifndef MF_DIALECT_MF_IR_RECURRENTSTATE_H
#define MF_DIALECT_MF_IR_RECURRENTSTATE_H

#include "mf/Dialect/MF/IR/MFAttributes.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::mf {

/// The state of one head and sequence, a vector of f32: sums over the tokens of whole chunks, and the features and
/// values of the tokens of the chunk that has begun. Parts follow each other in the order of their accessors; matrices
/// are row-major. All zero is the state before the first token.
struct RecurrentState {
  /// Features r of a key, elements e of a value, tokens C of a chunk.
  int64_t features, valueSize, chunk;
  /// Features are exponentials (`FeatureMapAttrInterface::isExponential`).
  bool isExponential;

  /// The state for heads of `headSize` and, where the map has one, a projection of `projectionRows` rows.
  static RecurrentState get(FeatureMapAttrInterface map, int64_t headSize, int64_t projectionRows, int64_t valueSize,
                            int64_t chunk) {
    return {map.getNumFeatures(map.hasProjection() ? projectionRows : headSize), valueSize, chunk, map.isExponential()};
  }

  /// [r, e]: sum of phi(k) v^T.
  int64_t getSums() const { return 0; }
  /// [r, C]: column j has the features of the chunk's key j.
  int64_t getKeys() const { return features * valueSize; }
  /// [C, e].
  int64_t getValues() const { return getKeys() + features * chunk; }
  /// [r]: sum of phi(k).
  int64_t getTotals() const { return getValues() + chunk * valueSize; }
  /// [C]: of exponential features, the logarithm that each key's were divided by.
  int64_t getMaxima() const { return getTotals() + features; }
  /// [1]: the logarithm that the sums were divided by; counts from the second chunk on.
  int64_t getMaximum() const { return getMaxima() + (isExponential ? chunk : 0); }
  /// Elements, whole cache lines.
  int64_t getSize() const { return llvm::alignTo(getMaximum() + (isExponential ? 1 : 0), 16); }
};

} // namespace mlir::mf

#endif // MF_DIALECT_MF_IR_RECURRENTSTATE_H
