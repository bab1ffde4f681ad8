// Costs as text and as JSON.
#include "mf/Dialect/MF/Transforms/CostModel.h"
#include "llvm/Support/Format.h"
#include <cmath>

using namespace mlir;
using namespace mlir::mf;

llvm::StringMap<int64_t> CostOptions::getSizes(const llvm::StringMap<int64_t> &usual) const {
  llvm::StringMap<int64_t> result = sizes.empty() ? usual : sizes;
  if (!result.empty()) {
    result.try_emplace("rows", 1);
    result.try_emplace("picks", 0);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

static bool haveEqualCost(const Cost &a, const Cost &b) {
  return llvm::all_of(getCostQuantities(),
                      [&](const CostQuantity &quantity) { return a.*quantity.member == b.*quantity.member; });
}

/// The ops that cost anything.
static SmallVector<const OpCost *> getCostlyOps(const CostGroup &group) {
  SmallVector<const OpCost *> ops;
  for (const OpCost &op : group.ops)
    if (!haveEqualCost(op.cost, Cost()))
      ops.push_back(&op);
  return ops;
}

/// Blocks that differ in nothing but their names.
static bool areAlike(const CostGroup &a, const CostGroup &b) {
  return a.stored.tables == b.stored.tables && a.stored.weights == b.stored.weights &&
         llvm::equal(getCostlyOps(a), getCostlyOps(b), [](const OpCost *a, const OpCost *b) {
           return a->op == b->op && haveEqualCost(a->cost, b->cost);
         });
}

static void printCost(const Cost &cost, const llvm::StringMap<int64_t> &sizes, StringRef indent,
                      llvm::raw_ostream &os) {
  for (const CostQuantity &quantity : getCostQuantities()) {
    const Polynomial &polynomial = cost.*quantity.member;
    if (polynomial.isZero())
      continue;
    os << indent << llvm::format("%-20s", quantity.text.str().c_str()) << " " << polynomial.str();
    std::optional<double> value = polynomial.evaluate(sizes);
    if (value && !sizes.empty() && formatCoefficient(*value) != polynomial.str())
      os << " = " << formatCoefficient(*value);
    os << "\n";
  }
}

static void printStored(const StoredBytes &stored, llvm::raw_ostream &os) {
  os << "stored: " << formatCoefficient(stored.tables) << " table bytes, " << formatCoefficient(stored.weights)
     << " weight bytes\n";
}

static void printGroup(const CostGroup &group, const Twine &title, const llvm::StringMap<int64_t> &sizes, bool withOps,
                       llvm::raw_ostream &os) {
  os << "  " << title << ", ";
  printStored(group.stored, os);
  printCost(group.total, sizes, "    ", os);
  if (!withOps)
    return;
  for (const OpCost *op : getCostlyOps(group)) {
    os << "    " << op->op << (op->parameter.empty() ? "" : " @") << op->parameter << "\n";
    printCost(op->cost, sizes, "      ", os);
  }
}

static void printFunction(const FunctionCost &function, const llvm::StringMap<int64_t> &sizes, bool withOps,
                          llvm::raw_ostream &os) {
  os << "cost of a call of @" << function.name << ", ";
  printStored(function.stored, os);
  printCost(function.total, sizes, "  ", os);
  for (auto first = function.blocks.begin(), end = function.blocks.end(); first != end;) {
    auto last = std::find_if(first, end, [&](const CostGroup &other) { return !areAlike(*first, other); });
    int64_t count = last - first;
    if (count == 1)
      printGroup(*first, "block " + first->name, sizes, withOps, os);
    else
      printGroup(*first, "each of the " + Twine(count) + " blocks " + first->name + " to " + (last - 1)->name, sizes,
                 withOps, os);
    first = last;
  }
  const CostGroup &rest = function.rest;
  if (!rest.ops.empty() || rest.stored.tables + rest.stored.weights > 0)
    printGroup(rest, "outside of blocks", sizes, withOps, os);
}

void mlir::mf::printCosts(ArrayRef<FunctionCost> functions, const CostOptions &options, bool withOps,
                          llvm::raw_ostream &os) {
  llvm::StringMap<int64_t> sizes = options.getSizes();
  for (const FunctionCost &function : functions)
    printFunction(function, sizes, withOps, os);
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

/// An integer where it is one.
static llvm::json::Value describeNumber(double number) {
  if (number == std::floor(number) && std::fabs(number) <= 0x1p53)
    return static_cast<int64_t>(number);
  return number;
}

static llvm::json::Value describePolynomial(const Polynomial &polynomial, const llvm::StringMap<int64_t> &sizes) {
  llvm::json::Array terms;
  for (const Polynomial::Term &term : polynomial.getTerms()) {
    llvm::json::Object powers;
    for (auto &[name, exponent] : term.powers)
      powers[name] = static_cast<int64_t>(exponent);
    terms.push_back(
        llvm::json::Object{{"coefficient", describeNumber(term.coefficient)}, {"powers", std::move(powers)}});
  }
  llvm::json::Object object{{"text", polynomial.str()}, {"terms", std::move(terms)}};
  if (!sizes.empty()) {
    std::optional<double> value = polynomial.evaluate(sizes);
    object["value"] = value ? describeNumber(*value) : llvm::json::Value(nullptr);
  }
  return object;
}

static llvm::json::Object describeCost(const Cost &cost, const llvm::StringMap<int64_t> &sizes) {
  llvm::json::Object object;
  for (const CostQuantity &quantity : getCostQuantities())
    object[quantity.key] = describePolynomial(cost.*quantity.member, sizes);
  return object;
}

static llvm::json::Object describeStored(const StoredBytes &stored) {
  return llvm::json::Object{{"table_bytes", describeNumber(stored.tables)},
                            {"weight_bytes", describeNumber(stored.weights)}};
}

static llvm::json::Object describeGroup(const CostGroup &group, const llvm::StringMap<int64_t> &sizes) {
  llvm::json::Array ops;
  for (const OpCost &op : group.ops) {
    llvm::json::Object entry{{"op", op.op}, {"cost", describeCost(op.cost, sizes)}};
    entry["parameter"] = op.parameter.empty() ? llvm::json::Value(nullptr) : llvm::json::Value(op.parameter);
    ops.push_back(std::move(entry));
  }
  return llvm::json::Object{{"name", group.name},
                            {"stored", describeStored(group.stored)},
                            {"cost", describeCost(group.total, sizes)},
                            {"ops", std::move(ops)}};
}

llvm::json::Value mlir::mf::describeCosts(ArrayRef<FunctionCost> functions, const CostOptions &options) {
  llvm::StringMap<int64_t> sizes = options.getSizes();
  llvm::json::Array list;
  for (const FunctionCost &function : functions) {
    llvm::json::Array blocks;
    for (const CostGroup &block : function.blocks)
      blocks.push_back(describeGroup(block, sizes));
    list.push_back(llvm::json::Object{{"name", function.name},
                                      {"stored", describeStored(function.stored)},
                                      {"cost", describeCost(function.total, sizes)},
                                      {"blocks", std::move(blocks)},
                                      {"rest", describeGroup(function.rest, sizes)}});
  }
  llvm::json::Object values;
  for (auto &size : sizes)
    values[size.first()] = size.second;
  return llvm::json::Object{{"functions", std::move(list)}, {"sizes", std::move(values)}};
}
