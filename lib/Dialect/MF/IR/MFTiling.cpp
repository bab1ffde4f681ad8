// TilingInterface of the compute ops, derived from their loops (dimensions of the destinations) and from the slices of
// their operands, which each op states here.
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

static SmallVector<OpFoldResult> getMixedSizes(OpBuilder &b, Location loc, Value value) {
  if (isa<MemRefType>(value.getType()))
    return memref::getMixedSizes(b, loc, value);
  return tensor::getMixedSizes(b, loc, value);
}

static OpFoldResult getMixedSize(OpBuilder &b, Location loc, Value value, int64_t dim) {
  return getMixedSizes(b, loc, value)[dim];
}

static int64_t getExtent(Value value, int64_t dim) { return cast<ShapedType>(value.getType()).getDimSize(dim); }

/// Whether `value` is known to be a multiple of `factor`: a constant, an affine or arithmetic multiple, or the variable
/// of a loop that starts and steps at multiples.
static bool isMultipleOf(OpFoldResult value, int64_t factor) {
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

namespace {
/// Collects the slices of an op's operands; what is not cut stays whole.
class SliceBuilder {
public:
  SliceBuilder(OpBuilder &b, Operation *op) : b(b), op(op), slices(op->getNumOperands()) {}

  /// Restricts dimension `dim` of `operand` to `size` elements from `offset` on.
  SliceBuilder &cut(OpOperand &operand, int64_t dim, OpFoldResult offset, OpFoldResult size) {
    OperandSlice &slice = slices[operand.getOperandNumber()];
    if (slice.isWhole()) {
      slice.sizes = getMixedSizes(b, op->getLoc(), operand.get());
      slice.offsets.assign(slice.sizes.size(), b.getIndexAttr(0));
    }
    slice.offsets[dim] = offset;
    slice.sizes[dim] = size;
    return *this;
  }

  SmallVector<OperandSlice> take() { return std::move(slices); }

private:
  OpBuilder &b;
  Operation *op;
  SmallVector<OperandSlice> slices;
};
} // namespace

//===----------------------------------------------------------------------===//
// From loops and slices to TilingInterface
//===----------------------------------------------------------------------===//

static Value getDestination(ComputeOpInterface op, unsigned number) {
  return cast<DestinationStyleOpInterface>(op.getOperation()).getDpsInitOperand(number)->get();
}

SmallVector<Range> mf::detail::getIterationDomain(ComputeOpInterface op, OpBuilder &b) {
  SmallVector<OpFoldResult> sizes = getMixedSizes(b, op.getLoc(), getDestination(op, 0));
  return llvm::map_to_vector(op.getLoopDims(), [&](int64_t dim) {
    return Range{b.getIndexAttr(0), sizes[dim], b.getIndexAttr(1)};
  });
}

/// The op that takes `slice` of `operand`.
static Operation *createSlice(OpBuilder &b, Location loc, Value operand, const OperandSlice &slice) {
  SmallVector<OpFoldResult> strides(slice.offsets.size(), b.getIndexAttr(1));
  if (isa<MemRefType>(operand.getType()))
    return memref::SubViewOp::create(b, loc, operand, slice.offsets, slice.sizes, strides);
  return tensor::ExtractSliceOp::create(b, loc, operand, slice.offsets, slice.sizes, strides);
}

FailureOr<TilingResult> mf::detail::getTiledImplementation(ComputeOpInterface op, OpBuilder &b,
                                                           ArrayRef<OpFoldResult> offsets,
                                                           ArrayRef<OpFoldResult> sizes) {
  FailureOr<SmallVector<OperandSlice>> slices = op.getOperandSlices(b, offsets, sizes);
  if (failed(slices))
    return failure();
  SmallVector<Value> operands(op->getOperands());
  SmallVector<Operation *> sliceOps;
  for (auto [operand, slice] : llvm::zip_equal(operands, *slices)) {
    if (slice.isWhole())
      continue;
    sliceOps.push_back(createSlice(b, op.getLoc(), operand, slice));
    operand = sliceOps.back()->getResult(0);
  }
  auto dpsOp = cast<DestinationStyleOpInterface>(op.getOperation());
  SmallVector<Type> resultTypes;
  for (OpResult result : op->getResults())
    resultTypes.push_back(operands[dpsOp.getTiedOpOperand(result)->getOperandNumber()].getType());
  Operation *tiled = mlir::clone(b, op, resultTypes, operands);
  return TilingResult{{tiled}, SmallVector<Value>(tiled->getResults()), sliceOps};
}

LogicalResult mf::detail::getResultTilePosition(ComputeOpInterface op, OpBuilder &b, unsigned resultNumber,
                                                ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
                                                SmallVector<OpFoldResult> &resultOffsets,
                                                SmallVector<OpFoldResult> &resultSizes) {
  resultSizes = getMixedSizes(b, op.getLoc(), getDestination(op, resultNumber));
  resultOffsets.assign(resultSizes.size(), b.getIndexAttr(0));
  for (auto [loop, dim] : llvm::enumerate(op.getLoopDims())) {
    resultOffsets[dim] = offsets[loop];
    resultSizes[dim] = sizes[loop];
  }
  return success();
}

LogicalResult mf::detail::getLoopTileFromResultTile(ComputeOpInterface op, unsigned resultNumber,
                                                    ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
                                                    SmallVectorImpl<OpFoldResult> &loopOffsets,
                                                    SmallVectorImpl<OpFoldResult> &loopSizes) {
  Value destination = getDestination(op, resultNumber);
  SmallVector<int64_t> loopDims = op.getLoopDims();
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    if (llvm::is_contained(loopDims, static_cast<int64_t>(dim)))
      continue;
    FailureOr<bool> whole = ValueBoundsConstraintSet::areEqual(size, {destination, static_cast<int64_t>(dim)});
    if (failed(whole) || !*whole)
      return failure();
  }
  for (int64_t dim : loopDims) {
    loopOffsets.push_back(offsets[dim]);
    loopSizes.push_back(sizes[dim]);
  }
  return success();
}

FailureOr<TilingResult> mf::detail::generateResultTileValue(ComputeOpInterface op, OpBuilder &b, unsigned resultNumber,
                                                            ArrayRef<OpFoldResult> offsets,
                                                            ArrayRef<OpFoldResult> sizes) {
  SmallVector<OpFoldResult> loopOffsets, loopSizes;
  if (failed(getLoopTileFromResultTile(op, resultNumber, offsets, sizes, loopOffsets, loopSizes)))
    return failure();
  FailureOr<TilingResult> tile = getTiledImplementation(op, b, loopOffsets, loopSizes);
  if (failed(tile))
    return failure();
  // The caller asks for one result.
  tile->tiledValues = {tile->tiledValues[resultNumber]};
  return tile;
}

//===----------------------------------------------------------------------===//
// Ops over tokens
//===----------------------------------------------------------------------===//

SmallVector<int64_t> HashOp::getLoopDims() { return {0}; }

FailureOr<SmallVector<OperandSlice>> HashOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                              ArrayRef<OpFoldResult> sizes) {
  return SliceBuilder(b, *this)
      .cut(getXMutable(), 0, offsets[0], sizes[0])
      .cut(getCodesInitMutable(), 0, offsets[0], sizes[0])
      .cut(getScoresInitMutable(), 0, offsets[0], sizes[0])
      .take();
}

SmallVector<int64_t> QuantizeRowsOp::getLoopDims() { return {0}; }

FailureOr<SmallVector<OperandSlice>> QuantizeRowsOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                                      ArrayRef<OpFoldResult> sizes) {
  return SliceBuilder(b, *this)
      .cut(getXMutable(), 0, offsets[0], sizes[0])
      .cut(getQInitMutable(), 0, offsets[0], sizes[0])
      .cut(getScalesInitMutable(), 0, offsets[0], sizes[0])
      .take();
}

SmallVector<int64_t> RMSNormOp::getLoopDims() { return {0}; }

FailureOr<SmallVector<OperandSlice>> RMSNormOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                                 ArrayRef<OpFoldResult> sizes) {
  return SliceBuilder(b, *this)
      .cut(getXMutable(), 0, offsets[0], sizes[0])
      .cut(getInitMutable(), 0, offsets[0], sizes[0])
      .take();
}

SmallVector<int64_t> LayerNormOp::getLoopDims() { return {0}; }

FailureOr<SmallVector<OperandSlice>> LayerNormOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                                   ArrayRef<OpFoldResult> sizes) {
  return SliceBuilder(b, *this)
      .cut(getXMutable(), 0, offsets[0], sizes[0])
      .cut(getInitMutable(), 0, offsets[0], sizes[0])
      .take();
}

SmallVector<int64_t> AddOp::getLoopDims() { return {0}; }

FailureOr<SmallVector<OperandSlice>> AddOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                             ArrayRef<OpFoldResult> sizes) {
  return SliceBuilder(b, *this)
      .cut(getAMutable(), 0, offsets[0], sizes[0])
      .cut(getBMutable(), 0, offsets[0], sizes[0])
      .cut(getInitMutable(), 0, offsets[0], sizes[0])
      .take();
}

SmallVector<int64_t> EmbeddingOp::getLoopDims() { return {0}; }

FailureOr<SmallVector<OperandSlice>> EmbeddingOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                                   ArrayRef<OpFoldResult> sizes) {
  return SliceBuilder(b, *this)
      .cut(getIdsMutable(), 0, offsets[0], sizes[0])
      .cut(getInitMutable(), 0, offsets[0], sizes[0])
      .take();
}

//===----------------------------------------------------------------------===//
// Ops over tokens and a second dimension
//===----------------------------------------------------------------------===//

SmallVector<int64_t> RopeOp::getLoopDims() { return {0, 1}; }

FailureOr<SmallVector<OperandSlice>> RopeOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                              ArrayRef<OpFoldResult> sizes) {
  SliceBuilder slices(b, *this);
  slices.cut(getPositionsMutable(), 0, offsets[0], sizes[0]);
  for (int64_t dim : {0, 1})
    slices.cut(getXMutable(), dim, offsets[dim], sizes[dim]).cut(getInitMutable(), dim, offsets[dim], sizes[dim]);
  return slices.take();
}

/// Number of panels or strips of `columns` columns that `size` columns from the first one of a panel on touch.
static OpFoldResult getNumPanels(OpBuilder &b, Location loc, OpFoldResult size, int64_t columns) {
  // One tile of one panel is the usual case; the last tile may be narrower, its panel is not.
  if (std::optional<int64_t> bound = getUpperBound(size); bound && *bound <= columns)
    return b.getIndexAttr(1);
  return affine::makeComposedFoldedAffineApply(b, loc, b.getAffineSymbolExpr(0).ceilDiv(columns), {size});
}

/// The panels or strips of `columns` columns that the columns [offset, offset + size) are in; failure where they do not
/// begin at one.
static FailureOr<std::pair<OpFoldResult, OpFoldResult>> getPanels(OpBuilder &b, Operation *op, int64_t columns,
                                                                  OpFoldResult offset, OpFoldResult size) {
  if (!isMultipleOf(offset, columns))
    return op->emitOpError("cannot be tiled: expects tiles to begin at multiples of the layout's ")
           << columns << " columns";
  OpFoldResult first =
      affine::makeComposedFoldedAffineApply(b, op->getLoc(), b.getAffineSymbolExpr(0).floorDiv(columns), {offset});
  return std::make_pair(first, getNumPanels(b, op->getLoc(), size, columns));
}

/// Tokens, and columns where the tables lie in strips and all sets have the same.
SmallVector<int64_t> LookupOp::getLoopDims() {
  bool sameColumns =
      llvm::all_of(getInits(), [&](Value init) { return getExtent(init, 1) == getExtent(getInits().front(), 1); });
  if (getLayoutAttr() && !getLayoutAttr().isIdentity() && sameColumns)
    return {0, 1};
  return {0};
}

FailureOr<SmallVector<OperandSlice>> LookupOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                                ArrayRef<OpFoldResult> sizes) {
  SliceBuilder slices(b, *this);
  slices.cut(getCodesMutable(), 0, offsets[0], sizes[0]).cut(getScoresMutable(), 0, offsets[0], sizes[0]);
  for (OpOperand &scales : getScoreScalesMutable())
    slices.cut(scales, 0, offsets[0], sizes[0]);
  for (OpOperand &init : getInitsMutable())
    slices.cut(init, 0, offsets[0], sizes[0]);
  bool isWhole = offsets.size() < 2 ||
                 (isConstantIntValue(offsets[1], 0) && isConstantIntValue(sizes[1], getExtent(getInits().front(), 1)));
  if (isWhole)
    return slices.take();
  auto strips = getPanels(b, *this, getLayoutAttr().getStripColumns(), offsets[1], sizes[1]);
  if (failed(strips))
    return failure();
  for (OpOperand &tables : getTablesMutable())
    slices.cut(tables, 0, strips->first, strips->second);
  for (MutableOperandRange perColumn : {getTableScalesMutable(), getBiasesMutable()})
    for (OpOperand &operand : perColumn)
      slices.cut(operand, 0, offsets[1], sizes[1]);
  for (OpOperand &init : getInitsMutable())
    slices.cut(init, 1, offsets[1], sizes[1]);
  return slices.take();
}

SmallVector<int64_t> LinearOp::getLoopDims() { return {0, 1}; }

FailureOr<SmallVector<OperandSlice>> LinearOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                                ArrayRef<OpFoldResult> sizes) {
  SliceBuilder slices(b, *this);
  slices.cut(getXMutable(), 0, offsets[0], sizes[0])
      .cut(getInitMutable(), 0, offsets[0], sizes[0])
      .cut(getInitMutable(), 1, offsets[1], sizes[1]);
  for (OpOperand &scales : getXScalesMutable())
    slices.cut(scales, 0, offsets[0], sizes[0]);
  for (OpOperand &scales : getWeightScalesMutable())
    slices.cut(scales, 1, offsets[1], sizes[1]);
  PanelLayoutAttr layout = getLayoutAttr();
  if (!layout)
    return slices.cut(getWeightMutable(), 0, offsets[1], sizes[1]).take();
  auto panels = getPanels(b, *this, layout.getColumns(), offsets[1], sizes[1]);
  if (failed(panels))
    return failure();
  return slices.cut(getWeightMutable(), 0, panels->first, panels->second).take();
}

//===----------------------------------------------------------------------===//
// Attention and sequence state
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
  OpFoldResult queries = getMixedSize(b, op.getLoc(), op.getQ(), 0);
  OpFoldResult keys = getMixedSize(b, op.getLoc(), op.getK(), 0);
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
