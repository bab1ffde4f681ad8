// Elementary functions and conversions on f32 vectors, written with arith and math ops.
#include "mf/Codegen/CPU/VectorMath.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;

/// `type` with its element type replaced.
static Type withElementType(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(element);
  return element;
}

static Value floatConstant(ImplicitLocOpBuilder &b, Type type, float value) {
  TypedAttr element = b.getF32FloatAttr(value);
  if (auto vector = dyn_cast<VectorType>(type))
    element = DenseElementsAttr::get(vector, Attribute(element));
  return arith::ConstantOp::create(b, element);
}

static Value integerConstant(ImplicitLocOpBuilder &b, Type type, int64_t value) {
  TypedAttr element = b.getI32IntegerAttr(value);
  if (auto vector = dyn_cast<VectorType>(type))
    element = DenseElementsAttr::get(vector, Attribute(element));
  return arith::ConstantOp::create(b, element);
}

Value mf::buildMulAdd(OpBuilder &builder, Location loc, Value x, Value y, Value z, bool fma) {
  if (fma)
    return math::FmaOp::create(builder, loc, x, y, z);
  Value product = arith::MulFOp::create(builder, loc, x, y);
  return arith::AddFOp::create(builder, loc, product, z);
}

//===----------------------------------------------------------------------===//
// exp
//===----------------------------------------------------------------------===//

// 1.5 * 2^23: added to a float of magnitude below 2^22, it leaves the nearest integer in the low bits of the sum.
static constexpr float roundingBias = 12582912.0f;
// ln 2 in two parts; the first has 9 bits, so that its product with any exponent is exact.
static constexpr float ln2High = 0.693359375f;
static constexpr float ln2Low = -2.12194440e-4f;
// (exp(r) - 1 - r) / r^2 for |r| <= ln(2) / 2, from the highest power down (Cephes, expf).
static constexpr float expCoefficients[] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                            4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
// The least float whose exp is at least 2^-126, and the greatest whose exp is finite.
static constexpr float expLowest = -87.33654022f;
static constexpr float expHighest = 88.72283173f;

Value mf::buildExp(OpBuilder &builder, Location loc, Value x, bool fma) {
  ImplicitLocOpBuilder b(loc, builder);
  Type type = x.getType();
  Type integers = withElementType(type, b.getI32Type());
  auto constant = [&](float value) { return floatConstant(b, type, value); };
  auto mulAdd = [&](Value p, Value q, Value s) { return buildMulAdd(b, loc, p, q, s, fma); };

  Value biased = mulAdd(x, constant(1.44269504f), constant(roundingBias));
  Value n = arith::SubFOp::create(b, biased, constant(roundingBias));
  Value r = mulAdd(n, constant(-ln2High), x);
  r = mulAdd(n, constant(-ln2Low), r);
  Value polynomial = constant(expCoefficients[0]);
  for (float coefficient : ArrayRef(expCoefficients).drop_front())
    polynomial = mulAdd(polynomial, r, constant(coefficient));
  Value square = arith::MulFOp::create(b, r, r);
  polynomial = mulAdd(polynomial, square, r);
  polynomial = arith::AddFOp::create(b, polynomial, constant(1.0f));

  // The low bits of `biased` are n; the shift drops all others. Between the two bounds the sum of exponents is that of
  // a normal number, also for n = 128, where the polynomial is below 1.
  Value exponent =
      arith::ShLIOp::create(b, arith::BitcastOp::create(b, integers, biased), integerConstant(b, integers, 23));
  Value bits = arith::AddIOp::create(b, arith::BitcastOp::create(b, integers, polynomial), exponent);
  Value result = arith::BitcastOp::create(b, type, bits);
  Value below = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, x, constant(expLowest));
  result = arith::SelectOp::create(b, below, constant(0.0f), result);
  // x + inf is inf above the bound and NaN at NaN.
  Value above = arith::CmpFOp::create(b, arith::CmpFPredicate::UGT, x, constant(expHighest));
  Value special = arith::AddFOp::create(b, x, constant(std::numeric_limits<float>::infinity()));
  return arith::SelectOp::create(b, above, special, result);
}

// 1 + r times these, from the highest power down, is 2^r for |r| <= 1/2: fitted to the least greatest error, that of
// r > 0 counted half because 2^n halves it there, then rounded to floats.
static constexpr float exp2Coefficients[] = {1.3225665e-3f, 9.671769e-3f, 5.550885e-2f, 2.4022232e-1f, 6.931468e-1f};
// The same of three coefficients, fitted to the least greatest error relative to 2^r.
static constexpr float roughExp2Coefficients[] = {5.5008769e-2f, 2.4221098e-1f, 6.9328296e-1f};
static constexpr float exp2Lowest = -126.0f;

/// 2^r for each of `rests`, in [-1/2, 1/2]: c[0] r^5 + ... + c[4] r + 1 by pairs. Step by step over all of them, so
/// that a chain waits while others advance.
static SmallVector<Value> buildExp2OfRests(ImplicitLocOpBuilder &b, ArrayRef<Value> rests, bool fma) {
  Type type = rests.front().getType();
  auto mulAdd = [&](Value p, Value q, Value s) { return mf::buildMulAdd(b, b.getLoc(), p, q, s, fma); };
  auto constant = [&](size_t i) { return floatConstant(b, type, exp2Coefficients[i]); };
  SmallVector<Value> squares, middles, lows, results;
  for (Value rest : rests)
    squares.push_back(arith::MulFOp::create(b, rest, rest));
  for (Value rest : rests)
    results.push_back(mulAdd(rest, constant(0), constant(1)));
  for (Value rest : rests)
    middles.push_back(mulAdd(rest, constant(2), constant(3)));
  for (auto [result, square, middle] : llvm::zip_equal(results, squares, middles))
    result = mulAdd(result, square, middle);
  Value one = floatConstant(b, type, 1.0f);
  for (Value rest : rests)
    lows.push_back(mulAdd(rest, constant(4), one));
  for (auto [result, square, low] : llvm::zip_equal(results, squares, lows))
    result = mulAdd(result, square, low);
  return results;
}

/// The same with three coefficients: C0 r^3 + C1 r^2 + C2 r + 1.
static SmallVector<Value> buildRoughExp2OfRests(ImplicitLocOpBuilder &b, ArrayRef<Value> rests, bool fma) {
  Type type = rests.front().getType();
  SmallVector<Value> results(rests.size(), floatConstant(b, type, roughExp2Coefficients[0]));
  for (float coefficient : {roughExp2Coefficients[1], roughExp2Coefficients[2], 1.0f})
    for (auto [result, rest] : llvm::zip_equal(results, rests))
      result = mf::buildMulAdd(b, b.getLoc(), result, rest, floatConstant(b, type, coefficient), fma);
  return results;
}

/// 2^x for each of `xs`, in [exp2Lowest, 0].
static SmallVector<Value> buildExp2(ImplicitLocOpBuilder &b, ValueRange xs, bool fma, bool forBF16 = false) {
  Type type = xs.front().getType();
  Type integers = withElementType(type, b.getI32Type());
  // The sum with it has n plus the exponent's bias in its low bits.
  Value bias = floatConstant(b, type, roundingBias + 127.0f), shift = integerConstant(b, integers, 23);
  SmallVector<Value> rests, powers;
  for (Value x : xs) {
    Value biased = arith::AddFOp::create(b, x, bias);
    rests.push_back(arith::SubFOp::create(b, x, arith::SubFOp::create(b, biased, bias)));
    Value exponent = arith::ShLIOp::create(b, arith::BitcastOp::create(b, integers, biased), shift);
    powers.push_back(arith::BitcastOp::create(b, type, exponent));
  }
  SmallVector<Value> results = forBF16 ? buildRoughExp2OfRests(b, rests, fma) : buildExp2OfRests(b, rests, fma);
  for (auto [result, power] : llvm::zip_equal(results, powers))
    result = arith::MulFOp::create(b, result, power);
  return results;
}

SmallVector<Value> mf::buildExp2OfNegative(OpBuilder &builder, Location loc, ValueRange xs) {
  ImplicitLocOpBuilder b(loc, builder);
  Value lowest = floatConstant(b, xs.front().getType(), exp2Lowest);
  SmallVector<Value> bounded;
  for (Value x : xs)
    bounded.push_back(buildMax(b, loc, lowest, x));
  return buildExp2(b, bounded, /*fma=*/false);
}

SmallVector<Value> mf::buildExp2OfDifference(OpBuilder &builder, Location loc, ValueRange xs, bool fma,
                                             ScaleByPowerFn scale, bool forBF16) {
  ImplicitLocOpBuilder b(loc, builder);
  Type type = xs.front().getType();
  Value lowest = floatConstant(b, type, exp2Lowest), zero = floatConstant(b, type, 0.0f);
  if (scale) {
    SmallVector<Value> wholes, rests;
    for (Value x : xs) {
      wholes.push_back(math::RoundEvenOp::create(b, x));
      rests.push_back(arith::SubFOp::create(b, x, wholes.back()));
    }
    SmallVector<Value> results = forBF16 ? buildRoughExp2OfRests(b, rests, fma) : buildExp2OfRests(b, rests, fma);
    // For -inf the rest is NaN, but no number times 2^-inf is 0 (see the instruction's table of special cases).
    for (auto [result, whole] : llvm::zip_equal(results, wholes))
      result = scale(result, whole);
    return results;
  }
  SmallVector<Value> results = buildExp2(b, xs, fma, forBF16);
  for (auto [x, result] : llvm::zip_equal(xs, results)) {
    Value isBelow = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, x, lowest);
    result = arith::SelectOp::create(b, isBelow, zero, result);
  }
  return results;
}

//===----------------------------------------------------------------------===//
// erf
//===----------------------------------------------------------------------===//

// From here on, erf(x) is 1 minus an exponential.
static constexpr float erfSplit = 0.95f;
// erf(x) is 1 in f32 from a little below.
static constexpr float erfHighest = 4.0f;
// erf(x) / x - 1 in powers of x^2 on [0, erfSplit], and -log(1 - erf(x)) in powers of x from there to erfHighest, from
// the highest power down.
static constexpr float erfLowCoefficients[] = {8.18508997e-05f, -0.000809770252f, 0.0051969518f, -0.0268577058f,
                                               0.112836637f,    -0.376126319f,    0.128379166f};
static constexpr float erfHighCoefficients[] = {-0.000191504252f, 0.00299954182f, -0.0220520012f, 0.1035669f,
                                                0.637600005f,     1.12742615f,    0.000256444793f};

Value mf::buildErf(OpBuilder &builder, Location loc, Value x, bool fma) {
  ImplicitLocOpBuilder b(loc, builder);
  Type type = x.getType();
  auto constant = [&](float value) { return floatConstant(b, type, value); };
  auto polynomial = [&](Value at, ArrayRef<float> coefficients) {
    Value sum = constant(coefficients.front());
    for (float coefficient : coefficients.drop_front())
      sum = buildMulAdd(b, loc, sum, at, constant(coefficient), fma);
    return sum;
  };
  Value low = buildMulAdd(b, loc, x, polynomial(arith::MulFOp::create(b, x, x), erfLowCoefficients), x, fma);

  Value magnitude = math::AbsFOp::create(b, x);
  Value isHigh = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, magnitude, constant(erfHighest));
  Value bounded = arith::SelectOp::create(b, isHigh, constant(erfHighest), magnitude);
  Value minusLog = polynomial(bounded, erfHighCoefficients);
  Value rest = buildExp(b, loc, arith::NegFOp::create(b, minusLog), fma);
  Value high = math::CopySignOp::create(b, arith::SubFOp::create(b, constant(1.0f), rest), x);

  // A NaN is not below the split, and goes through the exponential.
  Value isLow = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, magnitude, constant(erfSplit));
  return arith::SelectOp::create(b, isLow, low, high);
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

/// f16 to f32 by integers: the fields are moved to their places as a float that is too small by 2^112, then scaled,
/// which also normalises subnormals. Infinities and NaNs get the largest exponent.
static Value extendF16ByIntegers(ImplicitLocOpBuilder &b, Value bits, Type type) {
  Type integers = bits.getType();
  auto constant = [&](int64_t value) { return integerConstant(b, integers, value); };
  Value magnitude = arith::ShLIOp::create(b, arith::AndIOp::create(b, bits, constant(0x7fff)), constant(13));
  Value sign = arith::ShLIOp::create(b, arith::AndIOp::create(b, bits, constant(0x8000)), constant(16));
  Value scaled =
      arith::MulFOp::create(b, arith::BitcastOp::create(b, type, magnitude), floatConstant(b, type, 0x1p112f));
  Value finite = arith::BitcastOp::create(b, integers, scaled);
  Value special = arith::OrIOp::create(b, magnitude, constant(0x7f800000));
  Value isSpecial = arith::CmpIOp::create(b, arith::CmpIPredicate::uge, magnitude, constant(0x7c00 << 13));
  Value result = arith::SelectOp::create(b, isSpecial, special, finite);
  return arith::BitcastOp::create(b, type, arith::OrIOp::create(b, result, sign));
}

Value mf::buildExtendToF32(OpBuilder &builder, Location loc, Value x, bool halfConversions) {
  ImplicitLocOpBuilder b(loc, builder);
  Type element = getElementTypeOrSelf(x.getType());
  if (element.isF32())
    return x;
  Type type = withElementType(x.getType(), b.getF32Type());
  if (element.isF16() && halfConversions)
    return arith::ExtFOp::create(b, type, x);
  Type integers = withElementType(x.getType(), b.getI32Type());
  Value narrow = arith::BitcastOp::create(b, withElementType(x.getType(), b.getI16Type()), x);
  Value bits = arith::ExtUIOp::create(b, integers, narrow);
  if (element.isF16())
    return extendF16ByIntegers(b, bits, type);
  // A bf16 is the upper half of a float. Said with integers, no target makes scalars of it.
  Value shifted = arith::ShLIOp::create(b, bits, integerConstant(b, integers, 16));
  return arith::BitcastOp::create(b, type, shifted);
}

/// The bits of f32 rounded to bf16: half a unit less the parity of what stays is added, then the upper half is taken. A
/// NaN gets a bit that stays.
static Value roundToBF16ByIntegers(ImplicitLocOpBuilder &b, Value x, Value bits) {
  Type integers = bits.getType();
  auto constant = [&](int64_t value) { return integerConstant(b, integers, value); };
  Value parity = arith::AndIOp::create(b, arith::ShRUIOp::create(b, bits, constant(16)), constant(1));
  Value rounded = arith::AddIOp::create(b, arith::AddIOp::create(b, bits, constant(0x7fff)), parity);
  Value isNaN = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, x, x);
  Value quiet = arith::OrIOp::create(b, bits, constant(0x400000));
  return arith::ShRUIOp::create(b, arith::SelectOp::create(b, isNaN, quiet, rounded), constant(16));
}

/// The bits of f32 rounded to f16. Normal numbers: as above, after the exponent has got its new bias. Subnormals: a sum
/// whose unit in the last place is that of a subnormal f16 rounds to it.
static Value roundToF16ByIntegers(ImplicitLocOpBuilder &b, Value x, Value bits) {
  Type type = x.getType(), integers = bits.getType();
  auto constant = [&](int64_t value) { return integerConstant(b, integers, value); };
  Value magnitude = arith::AndIOp::create(b, bits, constant(0x7fffffff));
  Value sign = arith::ShRUIOp::create(b, arith::AndIOp::create(b, bits, constant(0x80000000)), constant(16));
  Value parity = arith::AndIOp::create(b, arith::ShRUIOp::create(b, magnitude, constant(13)), constant(1));
  Value rebiased = arith::SubIOp::create(b, magnitude, constant((127 - 15) << 23));
  Value sum = arith::AddIOp::create(b, arith::AddIOp::create(b, rebiased, constant(0xfff)), parity);
  Value normal = arith::ShRUIOp::create(b, sum, constant(13));
  Value half = floatConstant(b, type, 0.5f);
  Value shifted = arith::AddFOp::create(b, arith::BitcastOp::create(b, type, magnitude), half);
  Value subnormal = arith::SubIOp::create(b, arith::BitcastOp::create(b, integers, shifted), constant(0x3f000000));
  auto isAtLeast = [&](int64_t bound) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::uge, magnitude, constant(bound));
  };
  Value result = arith::SelectOp::create(b, isAtLeast((127 - 14) << 23), normal, subnormal);
  // What rounds to 2^16 and more, then what is no number.
  result = arith::SelectOp::create(b, isAtLeast(0x477ff000), constant(0x7c00), result);
  result = arith::SelectOp::create(b, isAtLeast(0x7f800001), constant(0x7e00), result);
  return arith::OrIOp::create(b, result, sign);
}

Value mf::buildRoundFromF32(OpBuilder &builder, Location loc, Value x, Type element, bool halfConversions) {
  ImplicitLocOpBuilder b(loc, builder);
  if (element.isF32())
    return x;
  Type type = withElementType(x.getType(), element);
  if (element.isF16() && halfConversions)
    return arith::TruncFOp::create(b, type, x);
  Value bits = arith::BitcastOp::create(b, withElementType(x.getType(), b.getI32Type()), x);
  Value rounded = element.isF16() ? roundToF16ByIntegers(b, x, bits) : roundToBF16ByIntegers(b, x, bits);
  Value narrow = arith::TruncIOp::create(b, withElementType(x.getType(), b.getI16Type()), rounded);
  return arith::BitcastOp::create(b, type, narrow);
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

Value mf::buildMax(OpBuilder &builder, Location loc, Value x, Value y) {
  Value greater = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGT, x, y);
  return arith::SelectOp::create(builder, loc, greater, x, y);
}

Value mf::buildTreeReduce(OpBuilder &b, Location loc, Value vector, function_ref<Value(Value, Value)> combine) {
  auto type = dyn_cast<VectorType>(vector.getType());
  if (!type)
    return vector;
  for (int64_t size = type.getNumElements(); size > 1; size /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < size / 2; ++i) {
      low.push_back(i);
      high.push_back(i + size / 2);
    }
    vector = combine(vector::ShuffleOp::create(b, loc, vector, vector, low),
                     vector::ShuffleOp::create(b, loc, vector, vector, high));
  }
  return vector::ExtractOp::create(b, loc, vector, 0);
}

Value mf::buildTreeSum(OpBuilder &builder, Location loc, Value vector) {
  return buildTreeReduce(builder, loc, vector, [&](Value low, Value high) -> Value {
    return arith::AddFOp::create(builder, loc, low, high);
  });
}

Value mf::buildTreeMax(OpBuilder &builder, Location loc, Value vector) {
  return buildTreeReduce(builder, loc, vector,
                         [&](Value low, Value high) { return buildMax(builder, loc, low, high); });
}
