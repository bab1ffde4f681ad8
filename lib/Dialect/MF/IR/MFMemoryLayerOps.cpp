// Verifiers of the ops of memory layers, how they are tiled, and what they cost. The comment at a check names the
// constraint of the op's description that it checks.
#include "TilingSupport.h"
#include "VerifierSupport.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

LogicalResult HashOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // hash_c1
  int64_t bits = getBits();
  if (bits < 1 || bits > 16)
    return emitOpError("expects 'bits' to be in [1, 16], found ") << bits;
  // hash_c2
  int64_t features = getExtent(getX(), 1), chunks = getExtent(getCodesInit(), 1);
  if (!ShapedType::isDynamic(features) && !ShapedType::isDynamic(chunks) && features != chunks * bits)
    return emitOpError("expects 'x' to have ")
           << chunks * bits << " features (" << chunks << " chunks of " << bits << "), found " << features;
  // hash_c3
  DimMatcher dims(*this);
  if (failed(dims.match("x", getX(), {"tokens", "features"})) ||
      failed(dims.match("codes", getCodesInit(), {"tokens", "K"})) ||
      failed(dims.match("scores", getScoresInit(), {"tokens", "K"})))
    return failure();
  // hash_c4
  if (getElementBits(getCodesInit()) < bits)
    return emitOpError("expects an element type of 'codes' with at least ")
           << bits << " bits, found " << getElementTypeOrSelf(getCodesInit());
  // hash_c5
  const APFloat temperature = getTemperature();
  if (!temperature.isFinite() || temperature.isNegative() || temperature.isZero())
    return emitOpError("expects 'temperature' to be positive and finite, found ") << getTemperatureAttr();
  if (getScore() == ScoreKind::Magnitude && !temperature.isExactlyValue(1.0))
    return emitOpError("expects 'temperature' to be 1 for the score 'magnitude', found ") << getTemperatureAttr();
  return success();
}

/// Table set `set` has the stored shape of [K, rows, N]. A tile of strips may have a dynamic number of columns, and as
/// many strips as they touch.
static LogicalResult verifyTables(LookupOp op, unsigned set, int64_t rows) {
  auto type = cast<ShapedType>(op.getTables()[set].getType());
  TableLayoutAttr layout = op.getLayoutAttr();
  int64_t tables = op.hasSharedRows() ? 1 : getExtent(op.getCodes(), 1);
  SmallVector<int64_t> shape = {tables, rows, getExtent(op.getInits()[set], 1)};
  bool isTile = ShapedType::isDynamic(shape[2]) && layout && !layout.isIdentity() && type.getRank() == 4;
  if (isTile)
    shape[2] = 1;
  if (ShapedType::isDynamicShape(shape))
    return op.emitOpError("expects a static number of tables and of columns, found ")
           << shape[0] << " and " << shape[2];
  SmallVector<int64_t> stored = shape;
  if (layout) {
    FailureOr<SmallVector<int64_t>> packed = layout.getPackedShape(shape, [&] { return op.emitOpError(); });
    if (failed(packed))
      return failure();
    stored = *packed;
  }
  if (isTile)
    stored[0] = type.getDimSize(0);
  if (type.getShape() != ArrayRef<int64_t>(stored))
    return op.emitOpError("expects 'tables' ")
           << set << " to have shape " << printShape(stored) << " (" << shape[0] << " tables of " << shape[1]
           << " rows and " << shape[2] << " columns), found " << printShape(type.getShape());
  return success();
}

/// Scores and tables are floats, or both integers with scales.
static LogicalResult verifyTableElements(LookupOp op, DimMatcher &dims) {
  bool quantized = op.isQuantized();
  if (quantized != static_cast<bool>(op.getScoreScales()))
    return op.emitOpError("expects 'score_scales' and 'table_scales' together");
  if (quantized && op.getTableScales().size() != op.getTables().size())
    return op.emitOpError("expects ") << op.getTables().size() << " table_scales, one per set of tables, found "
                                      << op.getTableScales().size();
  if (getElementTypeOrSelf(op.getScores()).isInteger() != quantized)
    return op.emitOpError("expects scores of ")
           << (quantized ? "i8 with" : "f32 without") << " scales, found " << op.getScores().getType();
  for (auto [set, tables] : llvm::enumerate(op.getTables()))
    if (getElementTypeOrSelf(tables).isInteger() != quantized)
      return op.emitOpError("expects 'tables' ") << set << " to be of " << (quantized ? "i8 with" : "floats without")
                                                 << " scales, found " << tables.getType();
  if (!quantized)
    return success();
  if (op.getNumTables() > 65536)
    return op.emitOpError("expects at most 65536 quantised tables, found ") << op.getNumTables();
  for (auto [set, scales] : llvm::enumerate(op.getTableScales())) {
    std::string number = std::to_string(set);
    if (failed(dims.match("table_scales " + number, scales, {"N_" + number})))
      return failure();
  }
  return dims.match("score_scales", op.getScoreScales(), {"tokens"});
}

LogicalResult LookupOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // lookup_c1
  size_t sets = getTables().size();
  if (sets == 0)
    return emitOpError("expects at least one set of tables");
  if (getInits().size() != sets)
    return emitOpError("expects ") << sets << " destinations, one per set of tables, found " << getInits().size();
  if (!getBiases().empty() && getBiases().size() != sets)
    return emitOpError("expects no biases or ") << sets << ", one per set of tables, found " << getBiases().size();
  // lookup_c2
  DimMatcher dims(*this);
  if (failed(dims.match("codes", getCodes(), {"tokens", "K"})) ||
      failed(dims.match("scores", getScores(), {"tokens", "K"})))
    return failure();
  // lookup_c3
  auto first = cast<ShapedType>(getTables().front().getType());
  int64_t rows = first.getRank() < 3 ? 0 : first.getDimSize(first.getRank() - 2);
  bool isShared = first.getRank() >= 3 && hasSharedRows() && rows > 0;
  if (!isShared && (rows < 2 || rows > 65536 || !llvm::isPowerOf2_64(rows)))
    return emitOpError("expects 'tables' 0 to have a power of two in [2, 65536] rows, found ") << first;
  for (unsigned set = 0; set < sets; ++set)
    if (failed(verifyTables(*this, set, rows)))
      return failure();
  // lookup_c4
  if (getElementBits(getCodes()) < llvm::Log2_64_Ceil(rows))
    return emitOpError("expects an element type of 'codes' with at least ")
           << llvm::Log2_64_Ceil(rows) << " bits for " << rows << " rows, found " << getElementTypeOrSelf(getCodes());
  // lookup_c5
  for (auto [set, init] : llvm::enumerate(getInits())) {
    std::string number = std::to_string(set), columns = "N_" + number;
    if (failed(dims.match("outs " + number, init, {"tokens", columns})) ||
        (!getBiases().empty() && failed(dims.match("biases " + number, getBiases()[set], {columns}))))
      return failure();
  }
  // lookup_c6
  return verifyTableElements(*this, dims);
}

LogicalResult MapCodesOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // map_codes_c1
  DimMatcher dims(*this);
  if (failed(dims.match("codes", getCodes(), {"tokens", "K"})) || failed(dims.match("map", getMap(), {"K", "rows"})) ||
      failed(dims.match("outs", getInit(), {"tokens", "K"})))
    return failure();
  int64_t rows = getExtent(getMap(), 1);
  if (ShapedType::isDynamic(rows) || rows < 2 || rows > 65536 || !llvm::isPowerOf2_64(rows))
    return emitOpError("expects 'map' to have a power of two in [2, 65536] rows of each table, found ")
           << getMap().getType();
  // map_codes_c2
  if (getElementTypeOrSelf(getMap()) != getElementTypeOrSelf(getInit()))
    return emitOpError("expects 'map' and its destination to have one element type, found ")
           << getElementTypeOrSelf(getMap()) << " and " << getElementTypeOrSelf(getInit());
  if (getElementBits(getCodes()) < llvm::Log2_64(rows))
    return emitOpError("expects an element type of 'codes' with at least ")
           << llvm::Log2_64(rows) << " bits for " << rows << " rows, found " << getElementTypeOrSelf(getCodes());
  return success();
}

LogicalResult QuantizeRowsOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // quantize_rows_c1
  DimMatcher dims(*this);
  return success(succeeded(dims.match("x", getX(), {"tokens", "d"})) &&
                 succeeded(dims.match("q", getQInit(), {"tokens", "d"})) &&
                 succeeded(dims.match("scales", getScalesInit(), {"tokens"})));
}

//===----------------------------------------------------------------------===//
// Tiling
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

SmallVector<int64_t> MapCodesOp::getLoopDims() { return {0}; }

FailureOr<SmallVector<OperandSlice>> MapCodesOp::getOperandSlices(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                                  ArrayRef<OpFoldResult> sizes) {
  return SliceBuilder(b, *this)
      .cut(getCodesMutable(), 0, offsets[0], sizes[0])
      .cut(getInitMutable(), 0, offsets[0], sizes[0])
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

//===----------------------------------------------------------------------===//
// Costs
//===----------------------------------------------------------------------===//

/// One exponential per element, whatever the score.
Cost HashOp::getCost(CostContext &context) {
  Cost cost;
  cost.exponentials = context.getSize(getX());
  return cost;
}

/// A row of each table for each token.
Cost LookupOp::getCost(CostContext &context) {
  Cost cost;
  double bits = CostContext::getElementBits(getTables().front());
  if (getLayoutAttr())
    bits /= static_cast<double>(getLayoutAttr().getElementsPerByte());
  for (Value init : getInits()) {
    Polynomial elements = context.getSize(getCodes()) * context.getExtent(init, 1);
    cost.multiplyAdds += elements;
    cost.tableBytes += elements * (bits / 8);
  }
  for (ValueRange perColumn : {ValueRange(getTableScales()), ValueRange(getBiases())})
    for (Value operand : perColumn)
      cost.weightBytes += CostContext::getBytes(operand);
  return cost;
}

/// An element of the map for each code.
Cost MapCodesOp::getCost(CostContext &context) {
  Cost cost;
  cost.tableBytes = context.getSize(getCodes()) * (CostContext::getElementBits(getMap()) / 8);
  return cost;
}

/// Elementwise work only.
Cost QuantizeRowsOp::getCost(CostContext &) { return {}; }
