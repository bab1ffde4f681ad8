// One head of a linear attention as linalg ops: the ops, and the features of queries and keys.
#include "HeadExpansion.h"
#include "mf/Codegen/CPU/VectorMath.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

Value HeadExpansion::exp(Value x) { return buildExp(b, b.getLoc(), x, /*fma=*/false); }

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
