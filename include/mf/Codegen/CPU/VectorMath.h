// Elementary functions and conversions on f32 vectors, written with arith and math ops.
#ifndef MF_CODEGEN_CPU_VECTORMATH_H
#define MF_CODEGEN_CPU_VECTORMATH_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"

#include <functional>

namespace mlir::mf {

/// exp(x) for `x` of type f32 or a vector of it. At most 1.02 ulp from the exact value, measured over all floats whose
/// magnitude is in [1e-5, 100] (and some of the others), with and without fused products; exactly 1 at 0; 0 where the
/// exact value is below 2^-126 (and at -inf); inf where it is above the largest float; NaN at NaN. The bits depend on
/// neither the width nor the target, but on `fma`: whether products are fused into sums. Method: x = n ln 2 + r, exp(r)
/// by a polynomial of degree 7 (Cephes), n added to the exponent.
Value buildExp(OpBuilder &builder, Location loc, Value x, bool fma);

/// erf(x) for `x` of type f32 or a vector of it. At most 1.8 * 2^-24 of the exact value away from it, with and without
/// fused products; odd; exactly 1 from 4 on; NaN at NaN. The bits depend on neither the width nor the target, but on
/// `fma`. Method: below 0.95 x + x P(x^2), P of degree 6; above 1 - exp(-Q(x)), Q of degree 6, where the exponential is
/// below 0.18, so that its error counts little. Both were fitted to the largest error (Lawson's weights).
Value buildErf(OpBuilder &builder, Location loc, Value x, bool fma);

/// 2^x for each of `xs`, which are of one type, f32 or a vector of it, and not above 0 (or NaN); all of them at once,
/// so that their chains of operations overlap. At most 2.4 * 2^-24 from the exact value, and 3.8 * 2^-24 of it above
/// -126, measured over all floats in [-130, -2^-30]; exactly 1 at 0; 2^-126 at and below -126; NaN at NaN. No product
/// is fused, so the bits are the same for every target and width. Method: x = n + r with n the nearest integer, 2^r by
/// a polynomial of degree 5, times 2^n.
SmallVector<Value> buildExp2OfNegative(OpBuilder &builder, Location loc, ValueRange xs);

/// x * 2^n.
using ScaleByPowerFn = std::function<Value(Value x, Value n)>;

/// 2^x for each of `xs`, differences to a maximum: of one type, f32 or a vector of it, and not above 0 (or NaN). At
/// most 2.4 * 2^-24 from the exact value; exactly 1 at 0; 0 below -126 and at -inf; NaN at NaN. Products are fused into
/// sums where `fma`. Method: as above. `scale` is x * 2^n in one instruction, for an integer n of any size, where the
/// target has one; results below 2^-126 are then rounded to subnormal numbers. `forBF16`: for results that are rounded to
/// bf16, at most 2^-13 from the exact value relative to it, which is a sixteenth of that rounding.
SmallVector<Value> buildExp2OfDifference(OpBuilder &builder, Location loc, ValueRange xs, bool fma,
                                         ScaleByPowerFn scale = nullptr, bool forBF16 = false);

/// a * b + c in f32, rounded once where `fma`, twice otherwise.
Value buildMulAdd(OpBuilder &builder, Location loc, Value a, Value b, Value c, bool fma);

/// The f32 value of `x`, an f32, f16 or bf16 or a vector of one, exactly (a signalling NaN may stay one). With
/// `halfConversions`, f16 is left to the target; otherwise only integer ops and one product are used, so that no helper
/// function of a compiler runtime is called.
Value buildExtendToF32(OpBuilder &builder, Location loc, Value x, bool halfConversions);

/// `x`, an f32 or a vector of it, rounded to `element`, f32, f16 or bf16: to nearest, ties to even; NaNs stay NaNs.
/// With `halfConversions`, f16 is left to the target; otherwise only integer ops and one sum are used.
Value buildRoundFromF32(OpBuilder &builder, Location loc, Value x, Type element, bool halfConversions);

/// Combines the two halves of a vector, whose size is a power of two, until one element is left. A scalar stays.
Value buildTreeReduce(OpBuilder &builder, Location loc, Value vector, function_ref<Value(Value, Value)> combine);

/// The sum of the elements of a vector of f32 whose size is a power of two, in the order of a binary tree that adds
/// halves. A scalar is its own sum.
Value buildTreeSum(OpBuilder &builder, Location loc, Value vector);

/// The largest element, compared in the order of `buildTreeSum`.
Value buildTreeMax(OpBuilder &builder, Location loc, Value vector);

/// The larger of `a` and `b`; `b` where one of them is NaN. One instruction on x86.
Value buildMax(OpBuilder &builder, Location loc, Value a, Value b);

} // namespace mlir::mf

#endif // MF_CODEGEN_CPU_VECTORMATH_H
