// Verifiers of the ops that find the largest elements of rows, and how they are tiled. The comment at a check names the
// constraint of the op's description that it checks.
#include "TilingSupport.h"
#include "VerifierSupport.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

static LogicalResult verifyColumns(Operation *op, int64_t columns) {
  if (columns < 1)
    return op->emitOpError("expects columns to be 1 or more, found ") << columns;
  return success();
}

LogicalResult TopKOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // top_k_c1
  DimMatcher dims(*this);
  if (failed(dims.match("x", getX(), {"tokens", "N"})) ||
      failed(dims.match("values", getValuesInit(), {"tokens", "T", "k"})) ||
      failed(dims.match("ids", getIdsInit(), {"tokens", "T", "k"})))
    return failure();
  // top_k_c2
  int64_t columns = getColumns(), total = getExtent(getX(), 1), runs = getExtent(getValuesInit(), 1);
  if (failed(verifyColumns(*this, columns)))
    return failure();
  if (!ShapedType::isDynamic(total) && !ShapedType::isDynamic(runs) &&
      runs != static_cast<int64_t>(llvm::divideCeil(total, columns)))
    return emitOpError("expects ") << llvm::divideCeil(total, columns) << " runs of " << columns << " columns for "
                                   << total << ", found " << runs;
  return success();
}

LogicalResult MergeTopKOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // merge_top_k_c1
  DimMatcher dims(*this);
  if (failed(dims.match("run_values", getRunValues(), {"tokens", "T", "k"})) ||
      failed(dims.match("run_ids", getRunIds(), {"tokens", "T", "k"})) ||
      failed(dims.match("values", getValuesInit(), {"tokens", "k"})) ||
      failed(dims.match("ids", getIdsInit(), {"tokens", "k"})))
    return failure();
  // merge_top_k_c2
  return verifyColumns(*this, getColumns());
}

//===----------------------------------------------------------------------===//
// Tiling
//===----------------------------------------------------------------------===//

SmallVector<int64_t> TopKOp::getLoopDims() { return {0, 1}; }

FailureOr<SmallVector<OperandSlice>> TopKOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                              ArrayRef<OpFoldResult> sizes) {
  AffineExpr first = b.getAffineSymbolExpr(0), count = b.getAffineSymbolExpr(1), total = b.getAffineSymbolExpr(2);
  int64_t columns = getColumns();
  OpFoldResult offset = affine::makeComposedFoldedAffineApply(b, getLoc(), first * columns, {offsets[1]});
  OpFoldResult size;
  int64_t extent = getExtent(getX(), 1);
  if (!ShapedType::isDynamic(extent) && extent % columns == 0) {
    size = affine::makeComposedFoldedAffineApply(b, getLoc(), first * columns, {sizes[1]});
  } else {
    // The last run has what is left.
    AffineMap map = AffineMap::get(0, 3, {count * columns, total - first * columns}, b.getContext());
    OpFoldResult all = mf::getMixedSizes(b, getLoc(), getX())[1];
    size = affine::makeComposedFoldedAffineMin(b, getLoc(), map, {offsets[1], sizes[1], all});
  }
  SliceBuilder slices(b, *this);
  slices.cut(getXMutable(), 0, offsets[0], sizes[0]).cut(getXMutable(), 1, offset, size);
  for (OpOperand *init : {&getValuesInitMutable(), &getIdsInitMutable()})
    slices.cut(*init, 0, offsets[0], sizes[0]).cut(*init, 1, offsets[1], sizes[1]);
  return slices.take();
}

SmallVector<int64_t> MergeTopKOp::getLoopDims() { return {0}; }

FailureOr<SmallVector<OperandSlice>> MergeTopKOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                                   ArrayRef<OpFoldResult> sizes) {
  SliceBuilder slices(b, *this);
  for (OpOperand &operand : getOperation()->getOpOperands())
    slices.cut(operand, 0, offsets[0], sizes[0]);
  return slices.take();
}
