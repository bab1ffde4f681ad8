// mf-expand-attention: linear attention written out as linalg ops, in one of its three equal forms. A chunk is the
// masked product of its queries and keys plus the sums of the chunks before: the quadratic form is one chunk without
// sums, the recurrent one has chunks of one token.
#include "mf/Codegen/CPU/VectorMath.h"
#include "mf/Conversion/Passes.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::mf {
#define GEN_PASS_DEF_EXPANDATTENTIONPASS
#include "mf/Conversion/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

static constexpr float minusInfinity = -std::numeric_limits<float>::infinity();

namespace {
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

  Value scalar(float value) { return arith::ConstantOp::create(b, b.getF32FloatAttr(value)); }
  Value exp(Value x) { return buildExp(b, b.getLoc(), x, /*fma=*/false); }
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
} // namespace

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

Value HeadExpansion::fill(ArrayRef<OpFoldResult> shape, float value) {
  Value empty = tensor::EmptyOp::create(b, shape, b.getF32Type());
  return linalg::FillOp::create(b, scalar(value), empty).getResult(0);
}

/// `body` gets the elements of the inputs, then that of the result so far. A loop that the result does not have is a
/// reduction.
Value HeadExpansion::generic(ArrayRef<StringRef> dims, ValueRange inputs, Value init, Body body) {
  std::string names;
  for (StringRef operand : dims)
    for (char name : operand)
      if (names.find(name) == std::string::npos)
        names += name;
  SmallVector<AffineMap> maps;
  for (StringRef operand : dims) {
    SmallVector<AffineExpr> exprs;
    for (char name : operand)
      exprs.push_back(b.getAffineDimExpr(names.find(name)));
    maps.push_back(AffineMap::get(names.size(), 0, exprs, b.getContext()));
  }
  SmallVector<utils::IteratorType> iterators;
  for (char name : names)
    iterators.push_back(dims.back().contains(name) ? utils::IteratorType::parallel : utils::IteratorType::reduction);
  auto build = [&](OpBuilder &nested, Location, ValueRange elements) {
    OpBuilder::InsertionGuard guard(b);
    b.restoreInsertionPoint(nested.saveInsertionPoint());
    linalg::YieldOp::create(b, body(elements));
  };
  return linalg::GenericOp::create(b, init.getType(), inputs, init, maps, iterators, build).getResult(0);
}

/// init + the sum of x y.
Value HeadExpansion::contract(ArrayRef<StringRef> dims, Value x, Value y, Value init) {
  return generic(dims, {x, y}, init, [&](ValueRange e) -> Value {
    Value product = arith::MulFOp::create(b, e[0], e[1]);
    return arith::AddFOp::create(b, e[2], product);
  });
}

Value HeadExpansion::sliceTokens(Value x, OpFoldResult first, OpFoldResult count) {
  SmallVector<OpFoldResult> offsets = {first, b.getIndexAttr(0)}, sizes = {count, getSize(x, 1)};
  return tensor::ExtractSliceOp::create(b, x, offsets, sizes, SmallVector<OpFoldResult>(2, b.getIndexAttr(1)));
}

//===----------------------------------------------------------------------===//
// Features
//===----------------------------------------------------------------------===//

/// The largest logarithm of each row plus its shift.
Value HeadExpansion::buildLogarithms(Value x, Value highest) {
  OpFoldResult count = getSize(x, 0);
  Value norms = generic({"td", "t"}, x, fill(count, 0), [&](ValueRange e) -> Value {
    return arith::AddFOp::create(b, e[1], arith::MulFOp::create(b, e[0], e[0]).getResult());
  });
  int64_t headSize = cast<ShapedType>(x.getType()).getDimSize(1);
  return generic({"t", "t", "t"}, {norms, highest}, fill(count, 0), [&](ValueRange e) -> Value {
    FeatureBuilder builder{b, b.getLoc(), exponential};
    return builder.add(e[1], map.buildShift(builder, e[0], headSize));
  });
}

/// Features of tokens whose first stands at position `first`.
Rows HeadExpansion::buildRows(Value x, Value first, bool isKey) {
  OpFoldResult count = getSize(x, 0);
  int64_t headSize = cast<ShapedType>(x.getType()).getDimSize(1);
  Value elements = x;
  if (Value projection = op.getProjection()) {
    Value init = fill({count, getSize(projection, 0)}, 0);
    elements = generic({"td", "md", "tm"}, {x, projection}, init, [&](ValueRange e) -> Value {
      Value weight = buildExtendToF32(b, b.getLoc(), e[1], /*halfConversions=*/false);
      return arith::AddFOp::create(b, e[2], arith::MulFOp::create(b, e[0], weight).getResult());
    });
  }
  int64_t rowSize = cast<ShapedType>(elements.getType()).getDimSize(1), features = map.getNumFeatures(rowSize);
  Value all = fill({count, b.getIndexAttr(features)}, 0);
  for (int64_t block = 0; block < features / rowSize; ++block) {
    Value part = generic({"tf", "tf"}, elements, fill({count, b.getIndexAttr(rowSize)}, 0), [&](ValueRange e) {
      FeatureBuilder builder{b, b.getLoc(), exponential};
      Value position = arith::AddIOp::create(b, linalg::IndexOp::create(b, 0).getResult(), first);
      SmallVector<Value> tokenValues = map.buildTokenValues(builder, position);
      return map.buildFeatures(builder, e[0], tokenValues, headSize)[block];
    });
    SmallVector<OpFoldResult> offsets = {b.getIndexAttr(0), b.getIndexAttr(block * rowSize)};
    SmallVector<OpFoldResult> sizes = {count, b.getIndexAttr(rowSize)};
    all = tensor::InsertSliceOp::create(b, part, all, offsets, sizes, SmallVector<OpFoldResult>(2, b.getIndexAttr(1)));
  }
  if (!map.isExponential())
    return {all, Value()};
  Value highest = generic({"tf", "t"}, all, fill(count, minusInfinity),
                          [&](ValueRange e) -> Value { return arith::MaximumFOp::create(b, e[0], e[1]); });
  Value divided = generic({"tf", "t", "tf"}, {all, highest}, fill({count, b.getIndexAttr(features)}, 0),
                          [&](ValueRange e) { return exp(arith::SubFOp::create(b, e[0], e[1])); });
  return {divided, isKey ? buildLogarithms(x, highest) : Value()};
}

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

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

/// [T, 1, d] of [T, H, d] as [T, d].
static Value sliceHead(ImplicitLocOpBuilder &b, Value x, Value head) {
  auto type = cast<RankedTensorType>(x.getType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), x);
  sizes[1] = b.getIndexAttr(1);
  SmallVector<OpFoldResult> offsets = {b.getIndexAttr(0), head, b.getIndexAttr(0)};
  return tensor::ExtractSliceOp::create(b,
                                        RankedTensorType::get({type.getDimSize(0), type.getDimSize(2)}, b.getF32Type()),
                                        x, offsets, sizes, SmallVector<OpFoldResult>(3, b.getIndexAttr(1)));
}

/// A parallel loop over heads.
static void expand(LinearAttentionOp op, int64_t chunk) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  SmallVector<OpFoldResult> heads = {tensor::getMixedSize(b, op.getLoc(), op.getQ(), 1)};
  auto loop = scf::ForallOp::create(b, heads, ValueRange(op.getInit()), /*mapping=*/std::nullopt);
  b.setInsertionPointToStart(loop.getBody());
  Value head = loop.getInductionVar(0), init = loop.getRegionIterArgs().front();
  Value result = HeadExpansion(b, op).build(sliceHead(b, op.getQ(), head), sliceHead(b, op.getK(), head),
                                            sliceHead(b, op.getV(), head), chunk);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, op.getLoc(), op.getInit());
  sizes[1] = b.getIndexAttr(1);
  SmallVector<OpFoldResult> offsets = {b.getIndexAttr(0), head, b.getIndexAttr(0)};
  b.setInsertionPointToStart(loop.getTerminator().getBody());
  tensor::ParallelInsertSliceOp::create(b, result, init, offsets, sizes,
                                        SmallVector<OpFoldResult>(3, b.getIndexAttr(1)));
  op->replaceAllUsesWith(loop.getResults());
  op.erase();
}

namespace {
struct ExpandAttentionPass : public mf::impl::ExpandAttentionPassBase<ExpandAttentionPass> {
  using ExpandAttentionPassBase::ExpandAttentionPassBase;

  void runOnOperation() override;
};
} // namespace

void ExpandAttentionPass::runOnOperation() {
  if (form != "quadratic" && form != "chunked" && form != "recurrent") {
    getOperation().emitError("mf-expand-attention: expects form to be quadratic, chunked or recurrent, found ")
        << form.getValue();
    return signalPassFailure();
  }
  SmallVector<LinearAttentionOp> ops;
  getOperation().walk([&](LinearAttentionOp op) { ops.push_back(op); });
  for (LinearAttentionOp op : ops) {
    if (!op.hasPureTensorSemantics() || op.getLayoutAttr()) {
      op.emitOpError("cannot be expanded: expects tensors, and a projection without a layout");
      return signalPassFailure();
    }
    expand(op, form == "quadratic" ? 0 : form == "chunked" ? op.getChunk() : 1);
  }
}
