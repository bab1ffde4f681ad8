// Polynomials, and the extents of values in the sizes of a function's arguments.
#include "mf/Dialect/MF/IR/Cost.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/Format.h"
#include <cmath>

using namespace mlir;
using namespace mlir::mf;

#include "mf/Dialect/MF/IR/MFCostInterface.cpp.inc"

//===----------------------------------------------------------------------===//
// Polynomials
//===----------------------------------------------------------------------===//

Polynomial Polynomial::size(StringRef name) {
  Polynomial result;
  result.terms[{{name.str(), 1}}] = 1;
  return result;
}

Polynomial &Polynomial::operator+=(const Polynomial &other) {
  for (auto &[powers, coefficient] : other.terms) {
    double &sum = terms[powers];
    sum += coefficient;
    if (sum == 0)
      terms.erase(powers);
  }
  return *this;
}

Polynomial mlir::mf::operator*(const Polynomial &a, const Polynomial &b) {
  Polynomial product;
  for (auto &[aPowers, aCoefficient] : a.terms)
    for (auto &[bPowers, bCoefficient] : b.terms) {
      Polynomial::Powers powers = aPowers;
      for (auto &[name, exponent] : bPowers)
        powers[name] += exponent;
      Polynomial term;
      term.terms[powers] = aCoefficient * bCoefficient;
      product += term;
    }
  return product;
}

static unsigned getDegree(const Polynomial::Powers &powers) {
  unsigned degree = 0;
  for (auto &[name, exponent] : powers)
    degree += exponent;
  return degree;
}

std::vector<Polynomial::Term> Polynomial::getTerms() const {
  std::vector<Term> sorted;
  for (auto &[powers, coefficient] : terms)
    sorted.push_back({powers, coefficient});
  llvm::sort(sorted, [](const Term &a, const Term &b) {
    unsigned aDegree = getDegree(a.powers), bDegree = getDegree(b.powers);
    return aDegree != bDegree ? aDegree > bDegree : a.powers < b.powers;
  });
  return sorted;
}

std::optional<double> Polynomial::evaluate(const llvm::StringMap<int64_t> &sizes) const {
  double value = 0;
  for (auto &[powers, coefficient] : terms) {
    double term = coefficient;
    for (auto &[name, exponent] : powers) {
      auto size = sizes.find(name);
      if (size == sizes.end())
        return std::nullopt;
      term *= std::pow(static_cast<double>(size->second), exponent);
    }
    value += term;
  }
  return value;
}

std::string mlir::mf::formatCoefficient(double number) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format(number == std::floor(number) ? "%.0f" : "%.1f", number);
  return text;
}

std::string Polynomial::str() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (isZero())
    os << "0";
  bool isFirst = true;
  for (const Term &term : getTerms()) {
    if (!isFirst)
      os << (term.coefficient < 0 ? " - " : " + ");
    double coefficient = isFirst ? term.coefficient : std::fabs(term.coefficient);
    isFirst = false;
    if (coefficient != 1 || term.powers.empty())
      os << formatCoefficient(coefficient) << (term.powers.empty() ? "" : " ");
    llvm::interleave(
        term.powers, os,
        [&](const auto &power) {
          os << power.first;
          if (power.second != 1)
            os << "^" << power.second;
        },
        " ");
  }
  return text;
}

//===----------------------------------------------------------------------===//
// Costs
//===----------------------------------------------------------------------===//

static const CostQuantity quantities[] = {
    {"multiply_adds", "multiply-adds", &Cost::multiplyAdds},
    {"exponentials", "exponentials", &Cost::exponentials},
    {"table_bytes", "table bytes", &Cost::tableBytes},
    {"weight_bytes", "weight bytes", &Cost::weightBytes},
    {"state_read_bytes", "state bytes read", &Cost::stateReadBytes},
    {"state_written_bytes", "state bytes written", &Cost::stateWrittenBytes},
};

ArrayRef<CostQuantity> mlir::mf::getCostQuantities() { return quantities; }

Cost &Cost::operator+=(const Cost &other) {
  for (const CostQuantity &quantity : quantities)
    this->*quantity.member += other.*quantity.member;
  return *this;
}

//===----------------------------------------------------------------------===//
// Extents
//===----------------------------------------------------------------------===//

Polynomial CostContext::fail(Value value, const Twine &what) {
  if (!failed)
    emitError(value.getLoc()) << "cost: expects " << what
                              << " to follow from the sizes of the function's arguments, found " << value;
  failed = true;
  return {};
}

/// The name in `mf.dims`, or one made of the places of argument and dimension.
static Polynomial getExtentOfArgument(BlockArgument argument, int64_t dim) {
  auto function = cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
  if (auto names = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(), "mf.dims"))
    return Polynomial::size(cast<StringAttr>(names[dim]).getValue());
  return Polynomial::size(("arg" + Twine(argument.getArgNumber()) + "_" + Twine(dim)).str());
}

Polynomial CostContext::getIndex(Value index) {
  if (std::optional<int64_t> constant = getConstantIntValue(index))
    return static_cast<double>(*constant);
  Operation *op = index.getDefiningOp();
  if (auto dim = dyn_cast_or_null<tensor::DimOp>(op))
    if (std::optional<int64_t> place = dim.getConstantIndex())
      return getExtent(dim.getSource(), *place);
  if (isa_and_nonnull<arith::AddIOp>(op))
    return getIndex(op->getOperand(0)) + getIndex(op->getOperand(1));
  if (isa_and_nonnull<arith::SubIOp>(op))
    return getIndex(op->getOperand(0)) - getIndex(op->getOperand(1));
  if (isa_and_nonnull<arith::MulIOp>(op))
    return getIndex(op->getOperand(0)) * getIndex(op->getOperand(1));
  return fail(index, "a size");
}

Polynomial CostContext::getExtentOfResult(OpResult result, int64_t dim) {
  auto getMixed = [&](OpFoldResult size) {
    std::optional<int64_t> constant = getConstantIntValue(size);
    return constant ? Polynomial(static_cast<double>(*constant)) : getIndex(cast<Value>(size));
  };
  Operation *op = result.getOwner();
  if (auto destinationStyle = dyn_cast<DestinationStyleOpInterface>(op))
    return getExtent(destinationStyle.getTiedOpOperand(result)->get(), dim);
  if (auto empty = dyn_cast<tensor::EmptyOp>(op))
    return getMixed(empty.getMixedSizes()[dim]);
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    return getExtent(cast.getSource(), dim);
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return getMixed(expand.getMixedOutputShape()[dim]);
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op); slice && slice.getDroppedDims().none())
    return getMixed(slice.getMixedSizes()[dim]);
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
    return getExtent(insert.getDest(), dim);
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    Polynomial product = 1;
    for (int64_t source : collapse.getReassociationIndices()[dim])
      product = product * getExtent(collapse.getSrc(), source);
    return product;
  }
  return fail(result, "dimension " + Twine(dim));
}

Polynomial CostContext::getExtent(Value value, int64_t dim) {
  auto type = cast<ShapedType>(value.getType());
  if (!type.isDynamicDim(dim))
    return static_cast<double>(type.getDimSize(dim));
  if (auto result = dyn_cast<OpResult>(value))
    return getExtentOfResult(result, dim);
  auto argument = cast<BlockArgument>(value);
  if (argument.getOwner()->isEntryBlock() && isa<FunctionOpInterface>(argument.getOwner()->getParentOp()))
    return getExtentOfArgument(argument, dim);
  return fail(value, "dimension " + Twine(dim));
}

Polynomial CostContext::getSize(Value value) {
  Polynomial size = 1;
  for (int64_t dim = 0, rank = cast<ShapedType>(value.getType()).getRank(); dim < rank; ++dim)
    size = size * getExtent(value, dim);
  return size;
}

double CostContext::getElementBits(Value value) { return cast<ShapedType>(value.getType()).getElementTypeBitWidth(); }

double CostContext::getBytes(Value value) {
  return static_cast<double>(cast<ShapedType>(value.getType()).getNumElements()) * getElementBits(value) / 8;
}

Polynomial CostContext::countPairs(const Polynomial &queries, const Polynomial &keys, bool isCausal) const {
  if (!isCausal || countMaskedPairs)
    return queries * keys;
  return queries * keys - queries * (queries - 1) * 0.5;
}
