// State of the queries of a run: cleared, merged and written.
#include "FlashKernel.h"
#include "mf/Codegen/CPU/PairDot.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::mf;

static constexpr float minusInfinity = -std::numeric_limits<float>::infinity();

FlashKernel::FlashKernel(Operation *op, CPUFlashAttr strategy, double scale, int64_t features, int64_t resultFeatures,
                         FlashPairs pairs)
    : kb(op, strategy.getLanes()), queries(strategy.getQueries()), blockKeys(strategy.getKeys()),
      rows(strategy.getRows()), vectors(strategy.getVectors()), features(features), resultFeatures(resultFeatures),
      pairs(pairs),
      // Weights are powers of two: the logarithm's base is changed once, in the queries.
      scale(static_cast<float>(scale * 1.4426950408889634)) {
  part = makeState();
  total = makeState();
  PairDot dot(kb);
  scaledQueries = kb.stackBuffer({queries, features}, pairs.keys ? dot.getElementType() : Type());
  scores = kb.stackBuffer({rows, blockKeys});
  weights = pairs.values && dot.isNative() ? kb.stackBuffer({rows, blockKeys}, dot.getElementType()) : scores;
}

FlashState FlashKernel::makeState() {
  return {kb.stackBuffer({queries}), kb.stackBuffer({queries, kb.getLanes()}),
          kb.stackBuffer({queries, resultFeatures})};
}

SmallVector<Value> FlashKernel::exp2(ValueRange xs, bool forBF16) {
  ScaleByPowerFn scale = nullptr;
  auto type = dyn_cast<VectorType>(xs.front().getType());
  int64_t width = type ? type.getNumElements() : 1;
  if (kb.hasFeature("avx512vl") && width >= 4)
    scale = [&](Value x, Value n) {
      std::string name = "llvm.x86.avx512.mask.scalef.ps." + std::to_string(width * 32);
      Type mask = kb.builder().getIntegerType(width >= 8 ? width : 8);
      SmallVector<Value> operands = {x, n, kb.constant(0.0f, width),
                                     arith::ConstantOp::create(kb.builder(), x.getLoc(), IntegerAttr::get(mask, -1))};
      // Only the widest says how to round: as usual.
      if (width == 16)
        operands.push_back(kb.integer(4));
      return kb.callIntrinsic(name, type, operands);
    };
  return buildExp2OfDifference(kb.builder(), xs.front().getLoc(), xs, kb.hasFMA(), scale, forBF16);
}

void FlashKernel::copyQuery(Value q, ValueRange indices, Value row) {
  SmallVector<Value> from(indices);
  from.emplace_back();
  kb.forEachPiece(features, [&](Value offset, int64_t width) {
    from.back() = offset;
    Value scaled = kb.mul(kb.load(q, from, width), kb.constant(scale, width));
    kb.store(pairs.keys ? PairDot(kb).round(scaled) : scaled, scaledQueries, {row, offset});
  });
}

void FlashKernel::clear(const FlashState &state, Value row) {
  kb.store(kb.constant(minusInfinity), state.maxima, row);
  kb.store(kb.constant(0.0f, kb.getLanes()), state.sums, {row, kb.index(0)});
  kb.forEachPiece(resultFeatures, [&](Value offset, int64_t width) {
    kb.store(kb.constant(0.0f, width), state.results, {row, offset});
  });
}

/// What differences to a maximum are taken to: while all scores are -inf, their weights are 0, and
/// -inf - (-inf) would be NaN.
Value FlashKernel::getShift(Value maximum) {
  Value isNone = kb.compare(arith::CmpFPredicate::OEQ, maximum, kb.constant(minusInfinity));
  return kb.select(isNone, kb.constant(0.0f), maximum);
}

void FlashKernel::merge(Value row) {
  Value before = kb.load(total.maxima, row, 1), added = kb.load(part.maxima, row, 1);
  Value maximum = kb.max(added, before), shift = getShift(maximum);
  SmallVector<Value> factors = exp2({kb.sub(before, shift), kb.sub(added, shift)});
  kb.store(maximum, total.maxima, row);
  auto mergeElements = [&](Value from, Value to, Value offset, int64_t width) {
    Value kept = kb.mul(kb.load(to, {row, offset}, width), kb.broadcast(factors[0], width));
    Value sum = kb.mulAdd(kb.load(from, {row, offset}, width), kb.broadcast(factors[1], width), kept);
    kb.store(sum, to, {row, offset});
  };
  mergeElements(part.sums, total.sums, kb.index(0), kb.getLanes());
  kb.forEachPiece(resultFeatures,
                  [&](Value offset, int64_t width) { mergeElements(part.results, total.results, offset, width); });
}

void FlashKernel::finish(Value row, Value init, ValueRange indices) {
  Value sum = kb.treeSum(kb.load(total.sums, {row, kb.index(0)}, kb.getLanes()));
  Value isNone = kb.compare(arith::CmpFPredicate::OEQ, sum, kb.constant(0.0f));
  Value factor = kb.select(isNone, kb.constant(0.0f), kb.div(kb.constant(1.0f), sum));
  SmallVector<Value> to(indices);
  to.emplace_back();
  kb.forEachPiece(resultFeatures, [&](Value offset, int64_t width) {
    to.back() = offset;
    kb.store(kb.mul(kb.load(total.results, {row, offset}, width), kb.broadcast(factor, width)), init, to);
  });
}
