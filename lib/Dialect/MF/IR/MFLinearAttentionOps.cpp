// Verifiers of linear attention and of projected sequences, how they are tiled, and what they cost. The comment at a
// check names the constraint of the op's description that it checks.
#include "TilingSupport.h"
#include "VerifierSupport.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// State
//===----------------------------------------------------------------------===//

/// Rows m of the projection: 0 where there is none.
template <typename OpT> static int64_t getProjectionRows(OpT op) {
  if (!op.getProjection())
    return 0;
  auto type = cast<ShapedType>(op.getProjection().getType());
  return op.getLayoutAttr() ? type.getDimSize(0) * op.getLayoutAttr().getColumns() : type.getDimSize(0);
}

template <typename OpT> static RecurrentState getStateOf(OpT op, int64_t chunk) {
  return RecurrentState::get(op.getFeatures(), getExtent(op.getQ(), 2), getProjectionRows(op), getExtent(op.getV(), 2),
                             chunk);
}

RecurrentState LinearAttentionOp::getStateLayout() { return getStateOf(*this, getSumChunk()); }
RecurrentState RecurrentAttentionOp::getStateLayout() { return getStateOf(*this, getChunk()); }

MutableOperandRange RecurrentAttentionOp::getDpsInitsMutable() {
  return MutableOperandRange(getOperation(), getInitMutable().getOperandNumber(), 2);
}

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

/// A matrix [m, d], or its panels of that.
template <typename OpT> static LogicalResult verifyProjection(OpT op) {
  FeatureMapAttrInterface map = op.getFeatures();
  if (map.hasProjection() != static_cast<bool>(op.getProjection()))
    return op.emitOpError("expects ") << (map.hasProjection() ? "a" : "no") << " projection for " << map;
  PanelLayoutAttr layout = op.getLayoutAttr();
  if (!op.getProjection())
    return layout ? op.emitOpError("expects no layout without a projection") : success();
  auto type = cast<ShapedType>(op.getProjection().getType());
  if (!type.hasStaticShape() || type.getRank() != (layout ? 3 : 2))
    return op.emitOpError("expects a static projection of rank ") << (layout ? 3 : 2) << ", found " << type;
  if (layout && (layout.getInterleave() != 1 || type.getDimSize(2) != layout.getColumns()))
    return op.emitOpError("expects a projection in panels of ")
           << layout.getColumns() << " columns without interleaved features, found " << type << " with " << layout;
  int64_t headSize = getExtent(op.getQ(), 2), columns = type.getDimSize(1);
  if (!ShapedType::isDynamic(headSize) && columns != headSize)
    return op.emitOpError("expects a projection of heads of ") << headSize << " features, found " << columns;
  return success();
}

static LogicalResult verifyChunk(Operation *op, int64_t chunk) {
  if (chunk >= 1 && chunk <= 1024)
    return success();
  return op->emitOpError("expects 'chunk' to be in [1, 1024], found ") << chunk;
}

LogicalResult LinearAttentionOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // linear_attention_c1
  DimMatcher dims(*this);
  StringRef keys = getCausal() ? "T" : "S";
  if (failed(dims.match("q", getQ(), {"T", "H", "d"})) || failed(dims.match("k", getK(), {keys, "H", "d"})) ||
      failed(dims.match("v", getV(), {keys, "H", "e"})) || failed(dims.match("outs", getInit(), {"T", "H", "e"})))
    return failure();
  // linear_attention_c2, linear_attention_c3
  if (failed(verifyProjection(*this)) || failed(verifyChunk(*this, getChunk())))
    return failure();
  // linear_attention_c4
  if (!getScratch())
    return success();
  int64_t size = getStateLayout().getSize(), found = getExtent(getScratch(), 0);
  if (!hasPureBufferSemantics() || (found != size && found != size * getExtent(getQ(), 1)))
    return emitOpError("expects scratch on memrefs only, of ")
           << size << " elements, or of as many for each head, found " << getScratch().getType();
  return success();
}

LogicalResult RecurrentAttentionOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // recurrent_attention_c1
  DimMatcher dims(*this);
  if (failed(dims.match("q", getQ(), {"T", "H", "d"})) || failed(dims.match("k", getK(), {"T", "H", "d"})) ||
      failed(dims.match("v", getV(), {"T", "H", "e"})) || failed(dims.match("slots", getSlots(), {"T"})) ||
      failed(dims.match("positions", getPositions(), {"T"})) ||
      failed(dims.match("outs", getInit(), {"T", "H", "e"})) ||
      failed(dims.match("state", getState(), {"B", "H", "N"})))
    return failure();
  // recurrent_attention_c2, recurrent_attention_c3
  if (failed(verifyProjection(*this)) || failed(verifyChunk(*this, getChunk())))
    return failure();
  // recurrent_attention_c4
  int64_t headSize = getExtent(getQ(), 2), valueSize = getExtent(getV(), 2);
  if (ShapedType::isDynamic(headSize) || ShapedType::isDynamic(valueSize))
    return emitOpError("expects static sizes of a head's query and value");
  if (getExtent(getState(), 2) != getStateLayout().getSize())
    return emitOpError("expects a state of ")
           << getStateLayout().getSize() << " elements per head, found " << getExtent(getState(), 2);
  return success();
}

LogicalResult ProjectSequenceOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // project_sequence_c1
  DimMatcher dims(*this);
  if (failed(dims.match("x", getX(), {"T", "H", "d"})) || failed(dims.match("w", getW(), {"R", "n"})) ||
      failed(dims.match("outs", getInit(), {"R", "H", "d"})))
    return failure();
  // project_sequence_c2
  int64_t tokens = getExtent(getX(), 0), columns = getExtent(getW(), 1);
  if (!ShapedType::isDynamic(tokens) && !ShapedType::isDynamic(columns) && tokens > columns)
    return emitOpError("expects at most ") << columns << " tokens, the columns of 'w', found " << tokens;
  return success();
}

//===----------------------------------------------------------------------===//
// Tiling
//===----------------------------------------------------------------------===//

SmallVector<int64_t> LinearAttentionOp::getLoopDims() { return {1}; }

FailureOr<SmallVector<OperandSlice>> LinearAttentionOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                                         ArrayRef<OpFoldResult> sizes) {
  SliceBuilder slices(b, *this);
  for (OpOperand *operand : {&getQMutable(), &getKMutable(), &getVMutable(), &getInitMutable()})
    slices.cut(*operand, 1, offsets[0], sizes[0]);
  return slices.take();
}

SmallVector<int64_t> RecurrentAttentionOp::getLoopDims() { return {1}; }

FailureOr<SmallVector<OperandSlice>>
RecurrentAttentionOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) {
  SliceBuilder slices(b, *this);
  for (OpOperand *operand : {&getQMutable(), &getKMutable(), &getVMutable(), &getInitMutable(), &getStateMutable()})
    slices.cut(*operand, 1, offsets[0], sizes[0]);
  return slices.take();
}

SmallVector<int64_t> ProjectSequenceOp::getLoopDims() { return {0, 1}; }

FailureOr<SmallVector<OperandSlice>> ProjectSequenceOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                                         ArrayRef<OpFoldResult> sizes) {
  return SliceBuilder(b, *this)
      .cut(getXMutable(), 1, offsets[1], sizes[1])
      .cut(getWMutable(), 0, offsets[0], sizes[0])
      .cut(getInitMutable(), 0, offsets[0], sizes[0])
      .cut(getInitMutable(), 1, offsets[1], sizes[1])
      .take();
}

//===----------------------------------------------------------------------===//
// Costs
//===----------------------------------------------------------------------===//

/// The features of queries and keys.
template <typename OpT> static Cost getFeatureCost(CostContext &context, OpT op) {
  Cost cost;
  Polynomial heads = context.getExtent(op.getQ(), 1);
  Polynomial rows = (context.getExtent(op.getQ(), 0) + context.getExtent(op.getK(), 0)) * heads;
  double features = op.getStateLayout().features;
  if (op.getProjection()) {
    cost.multiplyAdds = rows * (features * getExtent(op.getQ(), 2));
    cost.weightBytes = CostContext::getBytes(op.getProjection());
  }
  int64_t rowSize = op.getProjection() ? getProjectionRows(op) : getExtent(op.getQ(), 2);
  cost.exponentials = rows * op.getFeatures().getNumExponentials(rowSize);
  return cost;
}

/// With r features and values of e: phi(k) v^T and phi(q) times the sum of those; the denominator, phi(q) times the sum
/// of phi(k). Inside of a causal chunk, a pair of query and key is a product of features and one with a value; chunks
/// are counted as whole ones.
template <typename OpT> static Cost getLinearCost(CostContext &context, OpT op, bool isCausal) {
  Cost cost = getFeatureCost(context, op);
  RecurrentState state = op.getStateLayout();
  double features = state.features, valueSize = state.valueSize;
  Polynomial heads = context.getExtent(op.getQ(), 1);
  Polynomial queries = context.getExtent(op.getQ(), 0) * heads, keys = context.getExtent(op.getK(), 0) * heads;
  cost.multiplyAdds += keys * (features * valueSize) + queries * (features * valueSize + features);
  if (isCausal) {
    Polynomial pairs = context.countPairs(state.chunk, state.chunk, /*isCausal=*/true);
    cost.multiplyAdds += queries * pairs * ((features + valueSize) / static_cast<double>(state.chunk));
  }
  return cost;
}

/// A product of features and one with a value for each pair of tokens.
static Cost getQuadraticCost(CostContext &context, LinearAttentionOp op) {
  Cost cost = getFeatureCost(context, op);
  RecurrentState state = op.getStateLayout();
  Polynomial pairs =
      context.countPairs(context.getExtent(op.getQ(), 0), context.getExtent(op.getK(), 0), op.getCausal());
  cost.multiplyAdds += pairs * context.getExtent(op.getQ(), 1) * static_cast<double>(state.features + state.valueSize);
  return cost;
}

Cost LinearAttentionOp::getCost(CostContext &context) {
  if (getForm() == AttentionForm::Quadratic)
    return getQuadraticCost(context, *this);
  return getLinearCost(context, *this, getCausal());
}

/// The state of one sequence is read and written once.
Cost RecurrentAttentionOp::getCost(CostContext &context) {
  Cost cost = getLinearCost(context, *this, /*isCausal=*/true);
  cost.stateReadBytes = cost.stateWrittenBytes = context.getExtent(getState(), 1) * context.getExtent(getState(), 2) *
                                                 (CostContext::getElementBits(getState()) / 8);
  return cost;
}

/// Of the matrix, the columns of the sequence's tokens are read.
Cost ProjectSequenceOp::getCost(CostContext &context) {
  Cost cost;
  Polynomial weights = context.getExtent(getX(), 0) * context.getExtent(getW(), 0);
  cost.multiplyAdds = weights * context.getExtent(getX(), 1) * context.getExtent(getX(), 2);
  cost.weightBytes = weights * (CostContext::getElementBits(getW()) / 8);
  return cost;
}
