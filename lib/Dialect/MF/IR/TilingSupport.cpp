// What is known of a tile's offsets and sizes, and the panels that it touches.
#include "TilingSupport.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

using namespace mlir;
using namespace mlir::mf;

SmallVector<OpFoldResult> mf::getMixedSizes(OpBuilder &b, Location loc, Value value) {
  if (isa<MemRefType>(value.getType()))
    return memref::getMixedSizes(b, loc, value);
  return tensor::getMixedSizes(b, loc, value);
}

bool mf::isMultipleOf(OpFoldResult value, int64_t factor) {
  if (factor == 1)
    return true;
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return *constant % factor == 0;
  auto dynamic = cast<Value>(value);
  if (auto apply = dynamic.getDefiningOp<affine::AffineApplyOp>())
    return apply.getAffineMap().getResult(0).isMultipleOf(factor);
  if (auto product = dynamic.getDefiningOp<arith::MulIOp>())
    return isMultipleOf(product.getLhs(), factor) || isMultipleOf(product.getRhs(), factor);
  auto argument = dyn_cast<BlockArgument>(dynamic);
  auto loop = argument ? dyn_cast<LoopLikeOpInterface>(argument.getOwner()->getParentOp()) : LoopLikeOpInterface();
  std::optional<SmallVector<Value>> variables = loop ? loop.getLoopInductionVars() : std::nullopt;
  std::optional<SmallVector<OpFoldResult>> bounds = loop ? loop.getLoopLowerBounds() : std::nullopt;
  std::optional<SmallVector<OpFoldResult>> steps = loop ? loop.getLoopSteps() : std::nullopt;
  if (!variables || !bounds || !steps)
    return false;
  for (auto [variable, bound, step] : llvm::zip_equal(*variables, *bounds, *steps))
    if (variable == dynamic)
      return isMultipleOf(bound, factor) && isMultipleOf(step, factor);
  return false;
}

/// A constant that `value` does not exceed, if one is known.
static std::optional<int64_t> getUpperBound(OpFoldResult value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return constant;
  FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
      presburger::BoundType::UB, ValueBoundsConstraintSet::Variable(value), /*stopCondition=*/nullptr,
      /*closedUB=*/true);
  return succeeded(bound) ? std::optional<int64_t>(*bound) : std::nullopt;
}

/// Number of panels or strips of `columns` columns that `size` columns from the first one of a panel on touch.
static OpFoldResult getNumPanels(OpBuilder &b, Location loc, OpFoldResult size, int64_t columns) {
  // One tile of one panel is the usual case; the last tile may be narrower, its panel is not.
  if (std::optional<int64_t> bound = getUpperBound(size); bound && *bound <= columns)
    return b.getIndexAttr(1);
  return affine::makeComposedFoldedAffineApply(b, loc, b.getAffineSymbolExpr(0).ceilDiv(columns), {size});
}

FailureOr<std::pair<OpFoldResult, OpFoldResult>> mf::getPanels(OpBuilder &b, Operation *op, int64_t columns,
                                                               OpFoldResult offset, OpFoldResult size) {
  if (!isMultipleOf(offset, columns))
    return op->emitOpError("cannot be tiled: expects tiles to begin at multiples of the layout's ")
           << columns << " columns";
  OpFoldResult first =
      affine::makeComposedFoldedAffineApply(b, op->getLoc(), b.getAffineSymbolExpr(0).floorDiv(columns), {offset});
  return std::make_pair(first, getNumPanels(b, op->getLoc(), size, columns));
}
