// Compute ops of the dialect: what they are asked about, and their canonicalisation.
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

#define GET_OP_CLASSES
#include "mf/Dialect/MF/IR/MFOps.cpp.inc"

int64_t HashOp::getNumTables() { return cast<ShapedType>(getCodesInit().getType()).getDimSize(1); }

float HashOp::getExp2Slope() {
  double slope = -2.0 / getTemperature().convertToDouble() / llvm::numbers::ln2;
  // One that is infinite would make NaN of 0.
  return static_cast<float>(std::max<double>(slope, std::numeric_limits<float>::lowest()));
}

int64_t LookupOp::getNumTables() { return cast<ShapedType>(getCodes().getType()).getDimSize(1); }

// Strips put the number of the strip before [K, 2^tau, columns].
bool LookupOp::hasSharedRows() {
  auto type = cast<ShapedType>(getTables().front().getType());
  return type.getDimSize(type.getRank() - 3) == 1;
}

int64_t LookupOp::getTableRows() {
  auto type = cast<ShapedType>(getTables().front().getType());
  int64_t rows = type.getDimSize(type.getRank() - 2);
  return hasSharedRows() ? llvm::divideCeilSigned(rows, getNumTables()) : rows;
}

int64_t LookupOp::getCodeBits() { return llvm::Log2_64_Ceil(getTableRows()); }

int64_t LinearOp::getNumWeightFeatures() {
  int64_t features = cast<ShapedType>(getX().getType()).getDimSize(1);
  if (ShapedType::isDynamic(features) || !getPruningAttr())
    return features;
  return getPruningAttr().getNumKept(features);
}

LookupOp LookupOp::withSets(OpBuilder &b, ArrayRef<unsigned> sets) {
  auto pick = [&](ValueRange values) {
    SmallVector<Value> picked;
    for (unsigned set : sets)
      if (!values.empty())
        picked.push_back(values[set]);
    return picked;
  };
  SmallVector<Value> results = pick(getOperation()->getResults());
  return LookupOp::create(b, getLoc(), TypeRange(ValueRange(results)), getCodes(), getScores(), getScoreScales(),
                          pick(getTables()), pick(getTableScales()), pick(getBiases()), pick(getInits()), getScratch(),
                          getLayoutAttr(), getStrategyAttr());
}

//===----------------------------------------------------------------------===//
// Canonicalisation
//===----------------------------------------------------------------------===//

/// Whether all elements of `value` are known to be `zero`, bit for bit.
static bool isKnownZero(Value value, const APFloat &zero) {
  auto isZero = [&](const APFloat &element) { return element.isZero() && element.isNegative() == zero.isNegative(); };
  APFloat element(0.0f);
  if (matchPattern(value, m_ConstantFloat(&element)))
    return isZero(element);
  auto getParameter = value.getDefiningOp<GetParameterOp>();
  if (!getParameter)
    return false;
  auto parameter = SymbolTable::lookupNearestSymbolFrom<ParameterOp>(getParameter, getParameter.getParameterAttr());
  auto fill = parameter ? dyn_cast<FillAttr>(parameter.getSource()) : FillAttr();
  return fill && isZero(fill.getValue().getValue());
}

/// Sums begin at +0 where there is no bias, so biases of +0 say nothing.
static LogicalResult dropZeroBiases(LookupOp op, PatternRewriter &rewriter) {
  APFloat zero = APFloat::getZero(APFloat::IEEEsingle());
  if (op.getBiases().empty() || !llvm::all_of(op.getBiases(), [&](Value bias) { return isKnownZero(bias, zero); }))
    return failure();
  rewriter.modifyOpInPlace(op, [&] { op.getBiasesMutable().clear(); });
  return success();
}

/// A set whose result nobody uses is not looked up.
static LogicalResult dropUnusedSets(LookupOp op, PatternRewriter &rewriter) {
  SmallVector<unsigned> used;
  for (OpResult result : op->getResults())
    if (!result.use_empty())
      used.push_back(result.getResultNumber());
  // Without any user the op is dead.
  if (used.empty() || used.size() == op->getNumResults())
    return failure();
  LookupOp smaller = op.withSets(rewriter, used);
  SmallVector<Value> replacements(op->getNumResults());
  for (auto [set, result] : llvm::zip_equal(used, smaller->getResults()))
    replacements[set] = result;
  rewriter.replaceOp(op, replacements);
  return success();
}

void LookupOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add(dropZeroBiases);
  patterns.add(dropUnusedSets);
}

/// x + -0 is x for every x; x + +0 is not: it turns -0 into +0.
static LogicalResult dropNegativeZeroTerm(AddOp op, PatternRewriter &rewriter) {
  APFloat zero = APFloat::getZero(APFloat::IEEEsingle(), /*Negative=*/true);
  if (op->getNumResults() != 1)
    return failure();
  for (auto [term, other] : {std::pair(op.getA(), op.getB()), std::pair(op.getB(), op.getA())}) {
    if (!isKnownZero(term, zero) || other.getType() != op->getResult(0).getType())
      continue;
    rewriter.replaceOp(op, other);
    return success();
  }
  return failure();
}

void AddOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add(dropNegativeZeroTerm);
}
