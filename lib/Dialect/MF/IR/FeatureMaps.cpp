// The feature maps of linear attention: sizes, and the code of their features, shifts and denominators.
#include "mf/Dialect/MF/IR/MFAttributes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <cmath>

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// FeatureBuilder
//===----------------------------------------------------------------------===//

Value FeatureBuilder::constant(double value, Value like) {
  TypedAttr element = b.getF32FloatAttr(static_cast<float>(value));
  if (auto vector = dyn_cast<VectorType>(like.getType()))
    element = DenseElementsAttr::get(vector, Attribute(element));
  return arith::ConstantOp::create(b, loc, element);
}

Value FeatureBuilder::add(Value x, Value y) { return arith::AddFOp::create(b, loc, x, y); }
Value FeatureBuilder::mul(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }

// A comparison: NaN in `x` gives `y`, and on x86 it is one instruction.
Value FeatureBuilder::max(Value x, Value y) {
  Value isLarger = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x, y);
  return arith::SelectOp::create(b, loc, isLarger, x, y);
}

//===----------------------------------------------------------------------===//
// elu(x) + 1
//===----------------------------------------------------------------------===//

int64_t EluFeaturesAttr::getNumFeatures(int64_t rowSize) const { return rowSize; }
int64_t EluFeaturesAttr::getNumExponentials(int64_t rowSize) const { return rowSize; }
bool EluFeaturesAttr::hasProjection() const { return false; }
bool EluFeaturesAttr::isExponential() const { return false; }
SmallVector<Value> EluFeaturesAttr::buildTokenValues(FeatureBuilder &, Value) const { return {}; }
Value EluFeaturesAttr::buildShift(FeatureBuilder &, Value, int64_t) const { return {}; }

SmallVector<Value> EluFeaturesAttr::buildFeatures(FeatureBuilder &builder, Value x, ValueRange, int64_t) const {
  Value isPositive =
      arith::CmpFOp::create(builder.b, builder.loc, arith::CmpFPredicate::OGT, x, builder.constant(0, x));
  Value above = builder.add(x, builder.constant(1, x));
  return {arith::SelectOp::create(builder.b, builder.loc, isPositive, above, builder.exp(x))};
}

Value EluFeaturesAttr::buildDenominator(FeatureBuilder &builder, Value sum) const {
  return builder.add(sum, builder.constant(1e-6, sum));
}

//===----------------------------------------------------------------------===//
// cosFormer
//===----------------------------------------------------------------------===//

LogicalResult CosformerFeaturesAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t maxPositions) {
  // Four times as many positions are one turn, and are counted in 32 bits.
  if (maxPositions < 1 || maxPositions > INT32_MAX / 4)
    return emitError() << "expects max_positions to be in [1, " << INT32_MAX / 4 << "], found " << maxPositions;
  return success();
}

int64_t CosformerFeaturesAttr::getNumFeatures(int64_t rowSize) const { return 2 * rowSize; }
int64_t CosformerFeaturesAttr::getNumExponentials(int64_t) const { return 0; }
bool CosformerFeaturesAttr::hasProjection() const { return false; }
bool CosformerFeaturesAttr::isExponential() const { return false; }
Value CosformerFeaturesAttr::buildShift(FeatureBuilder &, Value, int64_t) const { return {}; }

/// sin(pi / 2 * i / M) as f32, for any index i: reduced to the first quarter turn as an integer, then Taylor's series
/// in f64, whose first term left out is below 1e-11.
static Value buildSineOfTurn(FeatureBuilder &builder, Value i, int64_t quarter) {
  OpBuilder &b = builder.b;
  Location loc = builder.loc;
  auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, loc, value); };
  auto isAbove = [&](Value x, int64_t bound) {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ugt, x, index(bound));
  };
  Value turned = arith::RemUIOp::create(b, loc, i, index(4 * quarter));
  Value isBack = isAbove(turned, 2 * quarter - 1);
  Value half = arith::RemUIOp::create(b, loc, turned, index(2 * quarter));
  Value mirrored = arith::SubIOp::create(b, loc, index(2 * quarter), half);
  Value first = arith::SelectOp::create(b, loc, isAbove(half, quarter), mirrored, half);

  auto constant = [&](double value) -> Value { return arith::ConstantOp::create(b, loc, b.getF64FloatAttr(value)); };
  Value whole = arith::IndexCastOp::create(b, loc, b.getI64Type(), first);
  Value angle = arith::MulFOp::create(b, loc, arith::SIToFPOp::create(b, loc, b.getF64Type(), whole),
                                      constant(std::acos(-1.0) / 2 / static_cast<double>(quarter)));
  Value square = arith::MulFOp::create(b, loc, angle, angle);
  // sin x / x = 1 - x^2 / 3! + x^4 / 5! - ..., from the term of x^14 down.
  Value sum = constant(-1.0 / 1307674368000.0);
  for (double factorial : {6227020800.0, -39916800.0, 362880.0, -5040.0, 120.0, -6.0, 1.0}) {
    Value product = arith::MulFOp::create(b, loc, sum, square);
    sum = arith::AddFOp::create(b, loc, product, constant(1 / factorial));
  }
  Value sine = arith::TruncFOp::create(b, loc, b.getF32Type(), arith::MulFOp::create(b, loc, sum, angle));
  return arith::SelectOp::create(b, loc, isBack, arith::NegFOp::create(b, loc, sine), sine);
}

SmallVector<Value> CosformerFeaturesAttr::buildTokenValues(FeatureBuilder &builder, Value position) const {
  int64_t quarter = getMaxPositions();
  auto ahead = [&](int64_t count) {
    Value offset = arith::ConstantIndexOp::create(builder.b, builder.loc, count);
    return arith::AddIOp::create(builder.b, builder.loc, position, offset);
  };
  // Positions count from 1 here; a cosine is the sine of a quarter turn more.
  return {buildSineOfTurn(builder, ahead(1), quarter), buildSineOfTurn(builder, ahead(1 + quarter), quarter)};
}

SmallVector<Value> CosformerFeaturesAttr::buildFeatures(FeatureBuilder &builder, Value x, ValueRange tokenValues,
                                                        int64_t) const {
  Value positive = builder.max(x, builder.constant(0, x));
  return {builder.mul(positive, tokenValues[0]), builder.mul(positive, tokenValues[1])};
}

Value CosformerFeaturesAttr::buildDenominator(FeatureBuilder &builder, Value sum) const {
  return builder.max(sum, builder.constant(1e-6, sum));
}

//===----------------------------------------------------------------------===//
// FAVOR+
//===----------------------------------------------------------------------===//

int64_t FavorFeaturesAttr::getNumFeatures(int64_t rowSize) const { return rowSize; }
int64_t FavorFeaturesAttr::getNumExponentials(int64_t rowSize) const { return isExponential() ? rowSize : 0; }
bool FavorFeaturesAttr::hasProjection() const { return true; }
bool FavorFeaturesAttr::isExponential() const { return getKind() == FavorKernel::Softmax; }
SmallVector<Value> FavorFeaturesAttr::buildTokenValues(FeatureBuilder &, Value) const { return {}; }

SmallVector<Value> FavorFeaturesAttr::buildFeatures(FeatureBuilder &builder, Value x, ValueRange,
                                                    int64_t headSize) const {
  if (getKind() == FavorKernel::Relu)
    return {builder.add(builder.max(x, builder.constant(0, x)), builder.constant(1e-3, x))};
  return {builder.mul(x, builder.constant(std::pow(static_cast<double>(headSize), -0.25), x))};
}

/// -|x'|^2 / 2 = -|x|^2 / (2 sqrt(d)); the factor m^(-1/2) cancels.
Value FavorFeaturesAttr::buildShift(FeatureBuilder &builder, Value squaredNorm, int64_t headSize) const {
  if (!isExponential())
    return {};
  return builder.mul(squaredNorm, builder.constant(-0.5 / std::sqrt(static_cast<double>(headSize)), squaredNorm));
}

Value FavorFeaturesAttr::buildDenominator(FeatureBuilder &, Value sum) const { return sum; }
