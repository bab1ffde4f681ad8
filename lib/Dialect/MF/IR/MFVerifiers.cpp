// Verifiers of the compute ops. The comment at a check names the constraint of the op's description that it checks.
#include "mf/Dialect/MF/IR/MFOps.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

namespace {
/// Matches the shapes of an op's operands against named dimensions: all dimensions of one name have one extent. Dynamic
/// extents match anything.
class DimMatcher {
public:
  explicit DimMatcher(Operation *op) : op(op) {}

  /// Matches the dimensions of `value`, which messages call `operand`. A value of another rank does not match.
  LogicalResult match(StringRef operand, Value value, ArrayRef<StringRef> names);

private:
  struct Extent {
    int64_t size;
    std::string operand;
  };

  Operation *op;
  /// The first static extent of each name, and the operand that has it.
  llvm::StringMap<Extent> extents;
};
} // namespace

LogicalResult DimMatcher::match(StringRef operand, Value value, ArrayRef<StringRef> names) {
  auto type = cast<ShapedType>(value.getType());
  if (type.getRank() != static_cast<int64_t>(names.size()))
    return op->emitOpError("expects '") << operand << "' to be [" << llvm::join(names, ", ") << "], found " << type;
  for (auto [dim, size] : llvm::enumerate(type.getShape())) {
    if (ShapedType::isDynamic(size))
      continue;
    auto [known, isNew] = extents.try_emplace(names[dim], Extent{size, operand.str()});
    if (!isNew && known->second.size != size)
      return op->emitOpError("expects dimension ")
             << dim << " (" << names[dim] << ") of '" << operand << "' to be " << known->second.size << " as in '"
             << known->second.operand << "', found " << size;
  }
  return success();
}

/// The operands of a compute op are all tensors or all memrefs.
static LogicalResult verifySemantics(DestinationStyleOpInterface op) {
  if (op.hasPureTensorSemantics() || op.hasPureBufferSemantics())
    return success();
  return op->emitOpError("expects its operands to be all tensors or all memrefs");
}

static int64_t getExtent(Value value, int64_t dim) { return cast<ShapedType>(value.getType()).getDimSize(dim); }

static unsigned getElementBits(Value value) { return cast<ShapedType>(value.getType()).getElementTypeBitWidth(); }

static std::string printShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(
      shape, os, [&](int64_t size) { ShapedType::isDynamic(size) ? os << "?" : os << size; }, "x");
  return text;
}

/// The attribute `name` is finite.
static LogicalResult verifyFinite(Operation *op, StringRef name, FloatAttr value) {
  if (value.getValue().isFinite())
    return success();
  return op->emitOpError("expects '") << name << "' to be finite, found " << value;
}

//===----------------------------------------------------------------------===//
// Memory layers
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
  SmallVector<int64_t> shape = {getExtent(op.getCodes(), 1), rows, getExtent(op.getInits()[set], 1)};
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
  if (rows < 2 || rows > 65536 || !llvm::isPowerOf2_64(rows))
    return emitOpError("expects 'tables' 0 to have a power of two in [2, 65536] rows, found ") << first;
  for (unsigned set = 0; set < sets; ++set)
    if (failed(verifyTables(*this, set, rows)))
      return failure();
  // lookup_c4
  if (getElementBits(getCodes()) < llvm::Log2_64(rows))
    return emitOpError("expects an element type of 'codes' with at least ")
           << llvm::Log2_64(rows) << " bits for " << rows << " rows, found " << getElementTypeOrSelf(getCodes());
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
// Row-wise ops
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
  return success(succeeded(dims.match("a", getA(), {"tokens", "d"})) &&
                 succeeded(dims.match("b", getB(), {"tokens", "d"})) &&
                 succeeded(dims.match("outs", getInit(), {"tokens", "d"})));
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

LogicalResult EmbeddingOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // embedding_c1
  DimMatcher dims(*this);
  return success(succeeded(dims.match("ids", getIds(), {"tokens"})) &&
                 succeeded(dims.match("table", getTable(), {"rows", "d"})) &&
                 succeeded(dims.match("outs", getInit(), {"tokens", "d"})));
}

/// Weight has the stored shape of [N, D]; a tile may have a dynamic number of panels.
static LogicalResult verifyWeight(LinearOp op, DimMatcher &dims) {
  PanelLayoutAttr layout = op.getLayoutAttr();
  if (!layout)
    return dims.match("weight", op.getWeight(), {"N", "D"});
  auto type = cast<ShapedType>(op.getWeight().getType());
  int64_t columns = getExtent(op.getInit(), 1), features = getExtent(op.getX(), 1);
  // Unknown extents match anything: they take the place of what they would be.
  auto orOne = [](int64_t size) { return ShapedType::isDynamic(size) ? 1 : size; };
  FailureOr<SmallVector<int64_t>> stored =
      layout.getPackedShape({orOne(columns), orOne(features)}, [&] { return op.emitOpError(); });
  if (failed(stored))
    return failure();
  if (type.getRank() != static_cast<int64_t>(stored->size()))
    return op.emitOpError("expects 'weight' to be stored with ")
           << layout << " in " << stored->size() << " dimensions, found " << type;
  if (ShapedType::isDynamic(columns))
    (*stored)[0] = ShapedType::kDynamic;
  if (ShapedType::isDynamic(features))
    (*stored)[1] = ShapedType::kDynamic;
  for (auto [found, expected] : llvm::zip_equal(type.getShape(), *stored))
    if (!ShapedType::isDynamic(found) && !ShapedType::isDynamic(expected) && found != expected)
      return op.emitOpError("expects 'weight' to have shape ")
             << printShape(*stored) << " as " << layout << " stores " << columns << " columns of " << features
             << " features, found " << type;
  return success();
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
  if (failed(dims.match("x_scales", op.getXScales(), {"tokens"})) ||
      failed(dims.match("weight_scales", op.getWeightScales(), {"G", "N"})))
    return failure();
  int64_t groups = getExtent(op.getWeightScales(), 0), features = getExtent(op.getX(), 1);
  if (ShapedType::isDynamic(groups) || ShapedType::isDynamic(features) || groups < 1 || features % groups != 0 ||
      features / groups > 65536)
    return op.emitOpError("expects a static number of groups of equal size, of at most 65536 features, found ")
           << op.getWeightScales().getType() << " for " << op.getX().getType();
  return success();
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
  return verifyWeightElements(*this, dims);
}

//===----------------------------------------------------------------------===//
// Attention and sequence state
//===----------------------------------------------------------------------===//

/// Key-value heads are shared by groups of query heads of one size.
static LogicalResult verifyHeads(Operation *op, int64_t heads, int64_t keyValueHeads) {
  if (ShapedType::isDynamic(heads) || ShapedType::isDynamic(keyValueHeads) ||
      (keyValueHeads > 0 && heads % keyValueHeads == 0))
    return success();
  return op->emitOpError("expects the number of key-value heads to divide the ")
         << heads << " query heads, found " << keyValueHeads;
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
  return verifyFinite(*this, "scale", getScaleAttr());
}

LogicalResult UpdateStateOp::verify() {
  if (failed(verifySemantics(*this)))
    return failure();
  // update_state_c1
  DimMatcher dims(*this);
  return success(succeeded(dims.match("x", getX(), {"T", "H", "d"})) &&
                 succeeded(dims.match("slots", getSlots(), {"T"})) &&
                 succeeded(dims.match("positions", getPositions(), {"T"})) &&
                 succeeded(dims.match("outs", getState(), {"B", "H", "P", "d"})));
}
