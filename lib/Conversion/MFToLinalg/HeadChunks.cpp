// One head of a linear attention as linalg ops: a chunk of it, and the loops over chunks.
#include "HeadExpansion.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// A chunk
//===----------------------------------------------------------------------===//

/// Of exponential features, what each query's weights are relative to.
Value HeadExpansion::buildRunningMaximum(const Rows &queries, const Rows &keys, const Sums *sums) {
  OpFoldResult count = getSize(queries.features, 0);
  Value initial = fill(count, minusInfinity);
  if (sums)
    initial = linalg::FillOp::create(b, sums->maximum, tensor::EmptyOp::create(b, count, b.getF32Type()).getResult())
                  .getResult(0);
  return generic({"s", "t"}, keys.logarithms, initial, [&](ValueRange e) -> Value {
    Value larger = arith::MaximumFOp::create(b, e[0], e[1]);
    if (!op.getCausal())
      return larger;
    Value sees = arith::CmpIOp::create(b, arith::CmpIPredicate::ule, linalg::IndexOp::create(b, 0).getResult(),
                                       linalg::IndexOp::create(b, 1).getResult());
    return arith::SelectOp::create(b, sees, larger, e[1]);
  });
}

/// The masked product [queries, keys].
Value HeadExpansion::buildWeights(const Rows &queries, const Rows &keys, Value maxima) {
  SmallVector<OpFoldResult> shape = {getSize(queries.features, 0), getSize(keys.features, 0)};
  Value products = contract({"tf", "sf", "ts"}, queries.features, keys.features, fill(shape, 0));
  SmallVector<StringRef> dims = {"ts"};
  SmallVector<Value> inputs = {products};
  if (maxima) {
    dims.append({"t", "s"});
    inputs.append({maxima, keys.logarithms});
  }
  dims.push_back("ts");
  return generic(dims, inputs, fill(shape, 0), [&](ValueRange e) -> Value {
    Value weight = e[0];
    if (maxima)
      weight = arith::MulFOp::create(b, weight, exp(arith::SubFOp::create(b, e[2], e[1])));
    if (!op.getCausal())
      return weight;
    Value sees = arith::CmpIOp::create(b, arith::CmpIPredicate::ule, linalg::IndexOp::create(b, 1).getResult(),
                                       linalg::IndexOp::create(b, 0).getResult());
    return arith::SelectOp::create(b, sees, weight, scalar(0));
  });
}

Value HeadExpansion::buildResults(const Rows &queries, const Rows *keys, Value values, const Sums *sums) {
  OpFoldResult count = getSize(queries.features, 0), valueSize = getSize(op.getV(), 2);
  Value results = fill({count, valueSize}, 0), totals = fill(count, 0);
  Value maxima = keys && keys->logarithms ? buildRunningMaximum(queries, *keys, sums) : Value();
  if (sums) {
    results = contract({"tf", "fe", "te"}, queries.features, sums->sums, results);
    totals = contract({"tf", "f", "t"}, queries.features, sums->totals, totals);
  }
  if (sums && maxima) {
    auto rescale = [&](ValueRange e) -> Value {
      return arith::MulFOp::create(b, e[1], exp(arith::SubFOp::create(b, sums->maximum, e[0])));
    };
    results = generic({"t", "te"}, maxima, results, rescale);
    totals = generic({"t", "t"}, maxima, totals, rescale);
  }
  if (keys) {
    Value weights = buildWeights(queries, *keys, maxima);
    results = contract({"ts", "se", "te"}, weights, values, results);
    totals = generic({"ts", "t"}, weights, totals,
                     [&](ValueRange e) -> Value { return arith::AddFOp::create(b, e[0], e[1]); });
  }
  return generic({"t", "te"}, totals, results, [&](ValueRange e) -> Value {
    FeatureBuilder builder{b, b.getLoc(), exponential};
    Value denominator = map.buildDenominator(builder, e[0]);
    Value isNone = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, denominator, scalar(0));
    return arith::SelectOp::create(b, isNone, scalar(0), arith::DivFOp::create(b, e[1], denominator).getResult());
  });
}

Sums HeadExpansion::buildNoSums(int64_t features, int64_t valueSize) {
  Sums none{fill({b.getIndexAttr(features), b.getIndexAttr(valueSize)}, 0),
            fill(OpFoldResult(b.getIndexAttr(features)), 0), Value()};
  if (map.isExponential())
    none.maximum = scalar(minusInfinity);
  return none;
}

Sums HeadExpansion::addChunk(const Rows &keys, Value values, Sums sums) {
  if (!sums.maximum) {
    Value totals = generic({"sf", "f"}, keys.features, sums.totals,
                           [&](ValueRange e) -> Value { return arith::AddFOp::create(b, e[0], e[1]); });
    return {contract({"sf", "se", "fe"}, keys.features, values, sums.sums), totals, Value()};
  }
  Value highest = generic({"s", ""}, keys.logarithms, fill({}, minusInfinity),
                          [&](ValueRange e) -> Value { return arith::MaximumFOp::create(b, e[0], e[1]); });
  Value maximum = arith::MaximumFOp::create(b, tensor::ExtractOp::create(b, highest, ValueRange()), sums.maximum);
  Value scale = exp(arith::SubFOp::create(b, sums.maximum, maximum));
  auto rescale = [&](ValueRange e) -> Value { return arith::MulFOp::create(b, e[0], scale); };
  Value scaled = generic({"fe"}, {}, sums.sums, rescale), totals = generic({"f"}, {}, sums.totals, rescale);
  SmallVector<OpFoldResult> shape = {getSize(keys.features, 0), getSize(keys.features, 1)};
  Value features = generic({"sf", "s", "sf"}, {keys.features, keys.logarithms}, fill(shape, 0), [&](ValueRange e) {
    return arith::MulFOp::create(b, e[0], exp(arith::SubFOp::create(b, e[1], maximum))).getResult();
  });
  totals = generic({"sf", "f"}, features, totals,
                   [&](ValueRange e) -> Value { return arith::AddFOp::create(b, e[0], e[1]); });
  return {contract({"sf", "se", "fe"}, features, values, scaled), totals, maximum};
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

SmallVector<Value> HeadExpansion::forEachChunk(Value count, int64_t chunk, ValueRange initial,
                                               function_ref<SmallVector<Value>(Value, OpFoldResult, ValueRange)> body) {
  auto loop = scf::ForOp::create(b, index(0), count, index(chunk), initial);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value first = loop.getInductionVar();
  OpFoldResult size = b.getIndexAttr(1);
  if (chunk > 1) {
    AffineMap map = AffineMap::get(
        0, 2, {b.getAffineSymbolExpr(0) - b.getAffineSymbolExpr(1), b.getAffineConstantExpr(chunk)}, b.getContext());
    size = affine::makeComposedFoldedAffineMin(b, b.getLoc(), map, {count, first});
  }
  scf::YieldOp::create(b, body(first, size, loop.getRegionIterArgs()));
  return loop.getResults();
}

Value HeadExpansion::buildCausalLoop(Value q, Value k, Value v, int64_t chunk) {
  RecurrentState state = op.getStateLayout();
  Value init = fill({getSize(q, 0), b.getIndexAttr(state.valueSize)}, 0);
  SmallVector<Value> initial = buildNoSums(state.features, state.valueSize).getValues();
  initial.push_back(init);
  Value count = getValueOrCreateConstantIndexOp(b, b.getLoc(), getSize(q, 0));
  return forEachChunk(count, chunk, initial,
                      [&](Value first, OpFoldResult size, ValueRange carried) {
                        Sums sums = Sums::get(carried.drop_back());
                        Rows queries = buildRows(sliceTokens(q, first, size), first, /*isKey=*/false);
                        Rows keys = buildRows(sliceTokens(k, first, size), first, /*isKey=*/true);
                        Value values = sliceTokens(v, first, size);
                        Value results = buildResults(queries, &keys, values, &sums);
                        SmallVector<OpFoldResult> offsets = {first, b.getIndexAttr(0)};
                        SmallVector<OpFoldResult> sizes = {size, b.getIndexAttr(state.valueSize)};
                        Value all = tensor::InsertSliceOp::create(b, results, carried.back(), offsets, sizes,
                                                                  SmallVector<OpFoldResult>(2, b.getIndexAttr(1)));
                        SmallVector<Value> next = addChunk(keys, values, sums).getValues();
                        next.push_back(all);
                        return next;
                      })
      .back();
}

Value HeadExpansion::buildFullLoop(Value q, Value k, Value v, int64_t chunk) {
  RecurrentState state = op.getStateLayout();
  SmallVector<Value> initial = buildNoSums(state.features, state.valueSize).getValues();
  Value count = getValueOrCreateConstantIndexOp(b, b.getLoc(), getSize(k, 0));
  SmallVector<Value> final =
      forEachChunk(count, chunk, initial, [&](Value first, OpFoldResult size, ValueRange carried) {
        Rows keys = buildRows(sliceTokens(k, first, size), first, /*isKey=*/true);
        return addChunk(keys, sliceTokens(v, first, size), Sums::get(carried)).getValues();
      });
  Sums sums = Sums::get(final);
  return buildResults(buildRows(q, index(0), /*isKey=*/false), /*keys=*/nullptr, Value(), &sums);
}

Value HeadExpansion::build(Value q, Value k, Value v, int64_t chunk) {
  if (chunk > 0)
    return op.getCausal() ? buildCausalLoop(q, k, v, chunk) : buildFullLoop(q, k, v, chunk);
  Rows queries = buildRows(q, index(0), /*isKey=*/false), keys = buildRows(k, index(0), /*isKey=*/true);
  return buildResults(queries, &keys, v, /*sums=*/nullptr);
}
