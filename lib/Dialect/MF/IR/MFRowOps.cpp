// Verifiers of the ops over rows, how they are tiled, and what they cost. The comment at a check names the constraint
// of the op's description that it checks.
#include "TilingSupport.h"
#include "VerifierSupport.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

LogicalResult RMSNormOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // rms_norm_c1
  DimMatcher dims(*this);
  if (failed(dims.match("x", getX(), {"tokens", "d"})) || failed(dims.match("scale", getScale(), {"d"})) ||
      failed(dims.match("outs", getInit(), {"tokens", "d"})))
    return failure();
  // rms_norm_c2
  const APFloat eps = getEps();
  if (!eps.isFinite() || (eps.isNegative() && !eps.isZero()))
    return emitOpError("expects 'eps' to be finite and not negative, found ") << getEpsAttr();
  return success();
}

LogicalResult LayerNormOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // layer_norm_c1
  DimMatcher dims(*this);
  if (failed(dims.match("x", getX(), {"tokens", "d"})) || failed(dims.match("weight", getWeight(), {"d"})) ||
      failed(dims.match("bias", getBias(), {"d"})) || failed(dims.match("outs", getInit(), {"tokens", "d"})))
    return failure();
  // layer_norm_c2
  const APFloat eps = getEps();
  if (!eps.isFinite() || eps.isNegative() || eps.isZero())
    return emitOpError("expects 'eps' to be finite and positive, found ") << getEpsAttr();
  return success();
}

LogicalResult AddOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // add_c1
  DimMatcher dims(*this);
  LogicalResult b = failed(dims.match("a", getA(), {"tokens", "d"}))
                        ? failure()
                        : (isBias() ? dims.match("b", getB(), {"d"}) : dims.match("b", getB(), {"tokens", "d"}));
  return failed(b) ? failure() : dims.match("outs", getInit(), {"tokens", "d"});
}

LogicalResult ActivationOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // activation_c1
  DimMatcher dims(*this);
  if (failed(dims.match("x", getX(), {"tokens", "d"})) || (getBias() && failed(dims.match("bias", getBias(), {"d"}))) ||
      (getFactor() && failed(dims.match("factor", getFactor(), {"tokens", "d"}))))
    return failure();
  return dims.match("outs", getInit(), {"tokens", "d"});
}

LogicalResult RopeOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // rope_c1
  DimMatcher dims(*this);
  if (failed(dims.match("x", getX(), {"tokens", "heads", "head_dim"})) ||
      failed(dims.match("positions", getPositions(), {"tokens"})) ||
      failed(dims.match("outs", getInit(), {"tokens", "heads", "head_dim"})))
    return failure();
  // rope_c2
  int64_t half = getExtent(getAngles(), 1), headDim = getExtent(getX(), 2);
  if (ShapedType::isDynamic(half) || getExtent(getAngles(), 2) != 2)
    return emitOpError("expects 'angles' to be [max_positions, r / 2, 2] with a static r, found ")
           << getAngles().getType();
  if (!ShapedType::isDynamic(headDim) && 2 * half > headDim)
    return emitOpError("expects 'angles' to rotate at most the ")
           << headDim << " features of a head, found " << 2 * half;
  return success();
}

/// [rows, d], or panels of that whose features are not interleaved.
static LogicalResult verifyEmbeddingTable(EmbeddingOp op, DimMatcher &dims) {
  PanelLayoutAttr layout = op.getLayoutAttr();
  if (!layout)
    return dims.match("table", op.getTable(), {"rows", "d"});
  auto type = cast<ShapedType>(op.getTable().getType());
  if (type.getRank() == 3 && layout.getInterleave() == 1 && layout.getFeaturesPerByte() == 1 &&
      type.getDimSize(2) == layout.getColumns())
    return dims.match("table", op.getTable(), {"panels", "d", "columns"});
  return op.emitOpError("expects 'table' in panels of ")
         << layout.getColumns() << " columns without interleaved features, found " << type << " with " << layout;
}

LogicalResult EmbeddingOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // embedding_c1
  DimMatcher dims(*this);
  return success(succeeded(dims.match("ids", getIds(), {"tokens"})) && succeeded(verifyEmbeddingTable(*this, dims)) &&
                 succeeded(dims.match("outs", getInit(), {"tokens", "d"})));
}

/// `operand` has the shape that `layout` stores [columns, features] in; a tile may have a dynamic number of panels.
static LogicalResult verifyPanels(LinearOp op, StringRef name, Value operand, PanelLayoutAttr layout,
                                  int64_t features) {
  auto type = cast<ShapedType>(operand.getType());
  int64_t columns = getExtent(op.getInit(), 1);
  // Unknown extents match anything: they take the place of what they would be.
  auto orOne = [](int64_t size) { return ShapedType::isDynamic(size) ? 1 : size; };
  FailureOr<SmallVector<int64_t>> stored =
      layout.getPackedShape({orOne(columns), orOne(features)}, [&] { return op.emitOpError(); });
  if (failed(stored))
    return failure();
  if (type.getRank() != static_cast<int64_t>(stored->size()))
    return op.emitOpError("expects '") << name << "' to be stored with " << layout << " in " << stored->size()
                                       << " dimensions, found " << type;
  if (ShapedType::isDynamic(columns))
    (*stored)[0] = ShapedType::kDynamic;
  if (ShapedType::isDynamic(features))
    (*stored)[1] = ShapedType::kDynamic;
  for (auto [found, expected] : llvm::zip_equal(type.getShape(), *stored))
    if (!ShapedType::isDynamic(found) && !ShapedType::isDynamic(expected) && found != expected)
      return op.emitOpError("expects '") << name << "' to have shape " << printShape(*stored) << " as " << layout
                                         << " stores " << columns << " columns of " << features << " features, found "
                                         << type;
  return success();
}

static LogicalResult verifyWeight(LinearOp op, DimMatcher &dims) {
  if (PanelLayoutAttr layout = op.getLayoutAttr())
    return verifyPanels(op, "weight", op.getWeight(), layout, op.getNumWeightFeatures());
  return dims.match("weight", op.getWeight(), {"N", op.getPruningAttr() ? "D'" : "D"});
}

/// [N, G], or as panels store it.
static LogicalResult verifyWeightScales(LinearOp op, DimMatcher &dims) {
  PanelLayoutAttr layout = op.getLayoutAttr();
  if (!layout)
    return dims.match("weight_scales", op.getWeightScales(), {"N", "G"});
  auto type = cast<ShapedType>(op.getWeightScales().getType());
  int64_t groups = type.getRank() == 3 ? type.getDimSize(1) : ShapedType::kDynamic;
  return verifyPanels(op, "weight_scales", op.getWeightScales(), layout.getScalesLayout(), groups);
}

/// x and weight are floats, or both integers with scales.
static LogicalResult verifyWeightElements(LinearOp op, DimMatcher &dims) {
  bool quantized = op.isQuantized();
  for (Value operand : {op.getX(), op.getWeight()})
    if (getElementTypeOrSelf(operand).isInteger() != quantized)
      return op.emitOpError("expects x and weight of ")
             << (quantized ? "i8 with" : "floats without") << " scales, found " << operand.getType();
  if (quantized != static_cast<bool>(op.getXScales()))
    return op.emitOpError("expects scales of both x and weight, or of neither");
  if (!quantized)
    return success();
  if (failed(dims.match("x_scales", op.getXScales(), {"tokens"})) || failed(verifyWeightScales(op, dims)))
    return failure();
  int64_t groups = getExtent(op.getWeightScales(), 1), features = getExtent(op.getX(), 1);
  if (ShapedType::isDynamic(groups) || ShapedType::isDynamic(features) || groups < 1 || features % groups != 0 ||
      features / groups > 65536)
    return op.emitOpError("expects a static number of groups of equal size, of at most 65536 features, found ")
           << op.getWeightScales().getType() << " for " << op.getX().getType();
  return success();
}

/// Which features are kept, for each panel of columns.
static LogicalResult verifyPruning(LinearOp op, DimMatcher &dims) {
  FeaturePruningAttr pruning = op.getPruningAttr();
  if (static_cast<bool>(pruning) != static_cast<bool>(op.getFeatures()))
    return op.emitOpError("expects 'pruning' and 'features' together");
  if (!pruning)
    return success();
  int64_t features = getExtent(op.getX(), 1), columns = getExtent(op.getInit(), 1);
  if (op.isQuantized() || ShapedType::isDynamic(features) || features % pruning.getOf() != 0 || features > 32768)
    return op.emitOpError("expects pruned weights to be floats of a multiple of ")
           << pruning.getOf() << " features, at most 32768, found x of " << op.getX().getType();
  if (op.getLayoutAttr() && op.getLayoutAttr().getColumns() != pruning.getColumns())
    return op.emitOpError("expects panels of the ")
           << pruning.getColumns() << " columns that keep the same features, found " << op.getLayoutAttr();
  if (failed(dims.match("features", op.getFeatures(), {"panels", "D'"})))
    return failure();
  int64_t panels = getExtent(op.getFeatures(), 0), kept = getExtent(op.getFeatures(), 1);
  bool isKnown = !ShapedType::isDynamic(columns) && !ShapedType::isDynamic(panels);
  if (kept == op.getNumWeightFeatures() &&
      (!isKnown || panels == llvm::divideCeilSigned(columns, pruning.getColumns())))
    return success();
  return op.emitOpError("expects 'features' to have ")
         << op.getNumWeightFeatures() << " features for each " << pruning.getColumns() << " of " << columns
         << " columns, found " << op.getFeatures().getType();
}

LogicalResult LinearOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // linear_c1
  DimMatcher dims(*this);
  if (failed(dims.match("x", getX(), {"tokens", "D"})) || failed(dims.match("outs", getInit(), {"tokens", "N"})))
    return failure();
  // linear_c2
  if (failed(verifyWeight(*this, dims)))
    return failure();
  // linear_c3
  if (failed(verifyWeightElements(*this, dims)))
    return failure();
  // linear_c4
  return verifyPruning(*this, dims);
}

//===----------------------------------------------------------------------===//
// Tiling
//===----------------------------------------------------------------------===//

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
  SliceBuilder slices(b, *this);
  slices.cut(getAMutable(), 0, offsets[0], sizes[0]).cut(getInitMutable(), 0, offsets[0], sizes[0]);
  if (!isBias())
    slices.cut(getBMutable(), 0, offsets[0], sizes[0]);
  return slices.take();
}

SmallVector<int64_t> ActivationOp::getLoopDims() { return {0}; }

FailureOr<SmallVector<OperandSlice>> ActivationOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                                    ArrayRef<OpFoldResult> sizes) {
  SliceBuilder slices(b, *this);
  slices.cut(getXMutable(), 0, offsets[0], sizes[0]).cut(getInitMutable(), 0, offsets[0], sizes[0]);
  for (OpOperand &factor : getFactorMutable())
    slices.cut(factor, 0, offsets[0], sizes[0]);
  return slices.take();
}

SmallVector<int64_t> EmbeddingOp::getLoopDims() { return {0}; }

FailureOr<SmallVector<OperandSlice>> EmbeddingOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                                   ArrayRef<OpFoldResult> sizes) {
  return SliceBuilder(b, *this)
      .cut(getIdsMutable(), 0, offsets[0], sizes[0])
      .cut(getInitMutable(), 0, offsets[0], sizes[0])
      .take();
}
SmallVector<int64_t> RopeOp::getLoopDims() { return {0, 1}; }

FailureOr<SmallVector<OperandSlice>> RopeOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                              ArrayRef<OpFoldResult> sizes) {
  SliceBuilder slices(b, *this);
  slices.cut(getPositionsMutable(), 0, offsets[0], sizes[0]);
  for (int64_t dim : {0, 1})
    slices.cut(getXMutable(), dim, offsets[dim], sizes[dim]).cut(getInitMutable(), dim, offsets[dim], sizes[dim]);
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
  OpFoldResult first = offsets[1], count = sizes[1];
  for (OpOperand &features : getFeaturesMutable()) {
    auto panels = getPanels(b, *this, getPruningAttr().getColumns(), first, count);
    if (failed(panels))
      return failure();
    slices.cut(features, 0, panels->first, panels->second);
  }
  if (PanelLayoutAttr layout = getLayoutAttr()) {
    auto panels = getPanels(b, *this, layout.getColumns(), first, count);
    if (failed(panels))
      return failure();
    std::tie(first, count) = *panels;
  }
  for (OpOperand &scales : getWeightScalesMutable())
    slices.cut(scales, 0, first, count);
  return slices.cut(getWeightMutable(), 0, first, count).take();
}

//===----------------------------------------------------------------------===//
// Costs
//===----------------------------------------------------------------------===//

Cost RMSNormOp::getCost(CostContext &) {
  Cost cost;
  cost.weightBytes = CostContext::getBytes(getScale());
  return cost;
}

Cost LayerNormOp::getCost(CostContext &) {
  Cost cost;
  cost.weightBytes = CostContext::getBytes(getWeight()) + CostContext::getBytes(getBias());
  return cost;
}

Cost AddOp::getCost(CostContext &) {
  Cost cost;
  if (isBias())
    cost.weightBytes = CostContext::getBytes(getB());
  return cost;
}

/// Each of the functions takes one exponential: that of an error function is 1 minus one.
Cost ActivationOp::getCost(CostContext &context) {
  Cost cost;
  cost.exponentials = context.getSize(getX());
  if (getBias())
    cost.weightBytes = CostContext::getBytes(getBias());
  return cost;
}

/// Angles were computed when the parameter file was written: a token reads a row of them.
Cost RopeOp::getCost(CostContext &context) {
  Cost cost;
  cost.weightBytes = context.getExtent(getX(), 0) * context.getExtent(getAngles(), 1) * (2.0 * sizeof(float));
  return cost;
}

/// A gather of activations reads no parameter.
Cost EmbeddingOp::getCost(CostContext &context) {
  Cost cost;
  if (!getTable().getDefiningOp<ComputeOpInterface>())
    cost.weightBytes = context.getSize(getInit()) * (CostContext::getElementBits(getTable()) / 8);
  return cost;
}

Cost LinearOp::getCost(CostContext &context) {
  Cost cost;
  cost.multiplyAdds = context.getExtent(getX(), 0) * context.getExtent(getInit(), 1) * double(getNumWeightFeatures());
  cost.weightBytes = CostContext::getBytes(getWeight());
  if (getFeatures())
    cost.weightBytes += CostContext::getBytes(getFeatures());
  if (getWeightScales())
    cost.weightBytes += CostContext::getBytes(getWeightScales());
  return cost;
}
