// Verifiers of attention and sequence state, how they are tiled, and what they cost. The comment at a check names the
// constraint of the op's description that it checks.
#include "TilingSupport.h"
#include "VerifierSupport.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

/// Key-value heads are shared by groups of query heads of one size.
static LogicalResult verifyHeads(Operation *op, int64_t heads, int64_t keyValueHeads) {
  if (ShapedType::isDynamic(heads) || ShapedType::isDynamic(keyValueHeads) ||
      (keyValueHeads > 0 && heads % keyValueHeads == 0))
    return success();
  return op->emitOpError("expects the number of key-value heads to divide the ")
         << heads << " query heads, found " << keyValueHeads;
}

/// Blocks of a layout are whole, and pairs are of the elements that dot products take.
static LogicalResult verifyCacheLayout(Operation *op, CacheLayoutAttr layout, Value cache) {
  if (!layout)
    return success();
  auto isMultiple = [](int64_t extent, int64_t of) { return ShapedType::isDynamic(extent) || extent % of == 0; };
  int64_t positions = getExtent(cache, 2), features = getExtent(cache, 3);
  if (!isMultiple(positions, layout.getKeys()))
    return op->emitOpError("expects the positions of a cache with layout ")
           << layout << " to be a multiple of " << layout.getKeys() << ", found " << positions;
  if (!isMultiple(features, layout.getFeatures()))
    return op->emitOpError("expects the features of a cache with layout ")
           << layout << " to be a multiple of " << layout.getFeatures() << ", found " << features;
  Type element = getElementTypeOrSelf(cache);
  if (layout.isPaired() && !element.isBF16())
    return op->emitOpError("expects a cache with layout ") << layout << " to be of bf16, found " << element;
  return success();
}

LogicalResult AttentionOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // attention_c1
  DimMatcher dims(*this);
  if (failed(dims.match("q", getQ(), {"T", "H", "d"})) || failed(dims.match("k", getK(), {"S", "H_kv", "d"})) ||
      failed(dims.match("v", getV(), {"S", "H_kv", "e"})) || failed(dims.match("outs", getInit(), {"T", "H", "e"})))
    return failure();
  // attention_c2
  if (failed(verifyHeads(*this, getExtent(getQ(), 1), getExtent(getK(), 1))))
    return failure();
  // attention_c3
  return verifyFinite(*this, "scale", getScaleAttr());
}

LogicalResult CachedAttentionOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // cached_attention_c1
  DimMatcher dims(*this);
  if (failed(dims.match("q", getQ(), {"T", "H", "d"})) ||
      failed(dims.match("keys", getKeys(), {"B", "H_kv", "P", "d"})) ||
      failed(dims.match("values", getValues(), {"B", "H_kv", "P", "e"})) ||
      failed(dims.match("slots", getSlots(), {"T"})) || failed(dims.match("positions", getPositions(), {"T"})) ||
      failed(dims.match("outs", getInit(), {"T", "H", "e"})))
    return failure();
  // cached_attention_c2
  if (failed(verifyHeads(*this, getExtent(getQ(), 1), getExtent(getKeys(), 1))))
    return failure();
  // cached_attention_c3
  if (failed(verifyFinite(*this, "scale", getScaleAttr())))
    return failure();
  // cached_attention_c4, cached_attention_c5
  if (CacheLayoutAttr layout = getLayoutAttr(); layout && !layout.isOfKeys())
    return emitOpError("expects the layout of keys to have ") << kCacheKeys << " keys, found " << layout;
  if (CacheLayoutAttr layout = getValuesLayoutAttr(); layout && layout.isOfKeys())
    return emitOpError("expects the layout of values to have ") << kCachePair << " keys, found " << layout;
  return success(succeeded(verifyCacheLayout(*this, getLayoutAttr(), getKeys())) &&
                 succeeded(verifyCacheLayout(*this, getValuesLayoutAttr(), getValues())));
}

LogicalResult UpdateStateOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // update_state_c1
  DimMatcher dims(*this);
  return success(succeeded(dims.match("x", getX(), {"T", "H", "d"})) &&
                 succeeded(dims.match("slots", getSlots(), {"T"})) &&
                 succeeded(dims.match("positions", getPositions(), {"T"})) &&
                 succeeded(dims.match("outs", getState(), {"B", "H", "P", "d"})) &&
                 // update_state_c2
                 succeeded(verifyCacheLayout(*this, getLayoutAttr(), getState())));
}

//===----------------------------------------------------------------------===//
// Tiling
//===----------------------------------------------------------------------===//

/// Offset and size of the key-value heads that the query heads [offset, offset + size) read: all of them, or those of
/// one head, or those of whole groups.
static FailureOr<std::pair<OpFoldResult, OpFoldResult>> getKeyValueHeads(OpBuilder &b, Operation *op, int64_t heads,
                                                                         int64_t keyValueHeads, OpFoldResult offset,
                                                                         OpFoldResult size) {
  if (ShapedType::isDynamic(heads) || ShapedType::isDynamic(keyValueHeads))
    return op->emitOpError("cannot be tiled: expects static numbers of heads");
  int64_t group = heads / keyValueHeads;
  if (group == 1)
    return std::make_pair(offset, size);
  std::optional<int64_t> constant = getConstantIntValue(size);
  bool wholeGroups = constant && *constant % group == 0 && isMultipleOf(offset, group);
  if (!wholeGroups && constant != 1)
    return op->emitOpError("cannot be tiled: expects tiles of one head or of whole groups of ") << group << " heads";
  OpFoldResult first =
      affine::makeComposedFoldedAffineApply(b, op->getLoc(), b.getAffineSymbolExpr(0).floorDiv(group), {offset});
  return std::make_pair(first, OpFoldResult(b.getIndexAttr(wholeGroups ? *constant / group : 1)));
}

SmallVector<int64_t> AttentionOp::getLoopDims() { return {0, 1}; }

/// Keys that the queries [offset, offset + size) of a causal attention see. The mask is aligned at the bottom right, so
/// cutting the keys behind the last visible one leaves it where it was for the tile.
static OpFoldResult getVisibleKeys(OpBuilder &b, AttentionOp op, OpFoldResult offset, OpFoldResult size) {
  OpFoldResult queries = getMixedSizes(b, op.getLoc(), op.getQ())[0];
  OpFoldResult keys = getMixedSizes(b, op.getLoc(), op.getK())[0];
  AffineExpr end = b.getAffineSymbolExpr(0) + b.getAffineSymbolExpr(1);
  AffineExpr visible = end + b.getAffineSymbolExpr(2) - b.getAffineSymbolExpr(3);
  std::optional<int64_t> numQueries = getConstantIntValue(queries), numKeys = getConstantIntValue(keys);
  if (queries == keys)
    return affine::makeComposedFoldedAffineApply(b, op.getLoc(), end, {offset, size});
  if (numQueries && numKeys && *numKeys >= *numQueries)
    return affine::makeComposedFoldedAffineApply(b, op.getLoc(), visible, {offset, size, keys, queries});
  // With fewer keys than queries the first queries see none.
  AffineMap map = AffineMap::get(0, 4, {visible, b.getAffineConstantExpr(0)}, b.getContext());
  return affine::makeComposedFoldedAffineMax(b, op.getLoc(), map, {offset, size, keys, queries});
}

FailureOr<SmallVector<OperandSlice>> AttentionOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                                   ArrayRef<OpFoldResult> sizes) {
  SliceBuilder slices(b, *this);
  for (int64_t dim : {0, 1})
    slices.cut(getQMutable(), dim, offsets[dim], sizes[dim]).cut(getInitMutable(), dim, offsets[dim], sizes[dim]);
  auto heads = getKeyValueHeads(b, *this, getExtent(getQ(), 1), getExtent(getK(), 1), offsets[1], sizes[1]);
  if (failed(heads))
    return failure();
  for (OpOperand *operand : {&getKMutable(), &getVMutable()})
    slices.cut(*operand, 1, heads->first, heads->second);
  if (!getCausal())
    return slices.take();
  OpFoldResult keys = getVisibleKeys(b, *this, offsets[0], sizes[0]);
  for (OpOperand *operand : {&getKMutable(), &getVMutable()})
    slices.cut(*operand, 0, b.getIndexAttr(0), keys);
  return slices.take();
}

SmallVector<int64_t> CachedAttentionOp::getLoopDims() { return {0, 1}; }

FailureOr<SmallVector<OperandSlice>> CachedAttentionOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                                         ArrayRef<OpFoldResult> sizes) {
  SliceBuilder slices(b, *this);
  for (int64_t dim : {0, 1})
    slices.cut(getQMutable(), dim, offsets[dim], sizes[dim]).cut(getInitMutable(), dim, offsets[dim], sizes[dim]);
  for (OpOperand *operand : {&getSlotsMutable(), &getPositionsMutable()})
    slices.cut(*operand, 0, offsets[0], sizes[0]);
  auto heads = getKeyValueHeads(b, *this, getExtent(getQ(), 1), getExtent(getKeys(), 1), offsets[1], sizes[1]);
  if (failed(heads))
    return failure();
  for (OpOperand *operand : {&getKeysMutable(), &getValuesMutable()})
    slices.cut(*operand, 1, heads->first, heads->second);
  return slices.take();
}

SmallVector<int64_t> UpdateStateOp::getLoopDims() { return {1}; }

FailureOr<SmallVector<OperandSlice>> UpdateStateOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                                     ArrayRef<OpFoldResult> sizes) {
  return SliceBuilder(b, *this)
      .cut(getXMutable(), 1, offsets[0], sizes[0])
      .cut(getStateMutable(), 1, offsets[0], sizes[0])
      .take();
}

//===----------------------------------------------------------------------===//
// Costs
//===----------------------------------------------------------------------===//

/// Softmax attention: a pair of query and key costs, in each head, a product with the key, an exponential, and a
/// product with the value.
static Cost getSoftmaxCost(CostContext &context, const Polynomial &pairs, Value q, Value result) {
  Cost cost;
  Polynomial heads = context.getExtent(q, 1);
  cost.multiplyAdds = pairs * heads * (context.getExtent(q, 2) + context.getExtent(result, 2));
  cost.exponentials = pairs * heads;
  return cost;
}

Cost AttentionOp::getCost(CostContext &context) {
  Polynomial pairs = context.countPairs(context.getExtent(getQ(), 0), context.getExtent(getK(), 0), getCausal());
  return getSoftmaxCost(context, pairs, getQ(), getInit());
}

/// Of one sequence that has `cache` tokens before the call.
Cost CachedAttentionOp::getCost(CostContext &context) {
  Polynomial queries = context.getExtent(getQ(), 0), keys = CostContext::getCachedTokens() + queries;
  Cost cost = getSoftmaxCost(context, context.countPairs(queries, keys, /*isCausal=*/true), getQ(), getInit());
  for (Value state : {getKeys(), getValues()})
    cost.stateReadBytes +=
        keys * context.getExtent(state, 1) * context.getExtent(state, 3) * (CostContext::getElementBits(state) / 8);
  return cost;
}

Cost UpdateStateOp::getCost(CostContext &context) {
  Cost cost;
  cost.stateWrittenBytes = context.getSize(getX()) * (CostContext::getElementBits(getState()) / 8);
  return cost;
}
