// Dot products of bf16 by pairs, summed in f32, with the instructions that the target has for them.
#ifndef MF_CODEGEN_CPU_PAIRDOT_H
#define MF_CODEGEN_CPU_PAIRDOT_H

#include "mf/Codegen/CPU/KernelBuilder.h"

namespace mlir::mf {

/// Adds x[i, 0] * y[0] + x[i, 1] * y[1] to sum i, where x are pairs of bf16 as they lie in memory and y is one pair for
/// all i. With an instruction for it (vpdpbf16ps, bfdot) y is of bf16 too. Elsewhere y is of f32 and the two products
/// are added one after the other.
class PairDot {
public:
  explicit PairDot(KernelBuilder &kb);

  /// Whether the target has the instruction for vectors of as many sums as the builder has lanes.
  bool isNative() const { return hasInstruction(kb.getLanes()); }
  /// The elements that memory for y must have.
  Type getElementType();

  /// `x` of f32 as elements of such memory.
  Value round(Value x);
  /// y from two adjacent elements of such memory: one value or two.
  SmallVector<Value> loadPair(Value memref, ValueRange indices);
  /// x for `width` sums, from 2 * `width` adjacent elements.
  Value loadPairs(Value memref, ValueRange indices, int64_t width);
  /// Pairs whose second elements are 0.
  Value dropSecond(Value x);
  /// `sums` plus the products. `y` as from `loadPair`.
  Value add(Value sum, Value x, ValueRange y);
  /// The two elements of every pair, as f32.
  std::pair<Value, Value> split(Value x);

private:
  bool hasInstruction(int64_t width) const;

  KernelBuilder &kb;
};

} // namespace mlir::mf

#endif // MF_CODEGEN_CPU_PAIRDOT_H
