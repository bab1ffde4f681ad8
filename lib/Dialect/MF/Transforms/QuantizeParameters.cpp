// mf-quantize-parameters: the element types of tables and of dense weights, as a compilation asks for them.
#include "ParameterUses.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mf/Dialect/MF/Transforms/Passes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSwitch.h"

namespace mlir::mf {
#define GEN_PASS_DEF_QUANTIZEPARAMETERSPASS
#include "mf/Dialect/MF/Transforms/Passes.h.inc"
} // namespace mlir::mf

#define DEBUG_TYPE "mf-quantize-parameters"

using namespace mlir;
using namespace mlir::mf;

namespace {
/// What the parameters of one kind become.
struct ElementChoice {
  /// Null: what they are.
  Type type;
  /// Elements of a row that share a scale; 0: all.
  int64_t group = 0;

  bool isInteger() const { return type && type.isInteger(); }
};

/// The parameters of one module and who reads them.
class ParameterConversion {
public:
  ParameterConversion(ModuleOp module, ElementChoice tables, ElementChoice weights)
      : module(module), symbols(module), tables(tables), weights(weights) {}

  LogicalResult run();
  unsigned getNumConverted() const { return numConverted; }

private:
  ParameterOp getParameter(Value value) const;
  const ElementChoice &getChoice(Operation *op) const { return isa<LookupOp>(op) ? tables : weights; }
  bool canConvert(Operation *op) const;
  LogicalResult convertParameter(ParameterOp parameter, const ElementChoice &choice, QuantizedAxis axis);
  Value getScales(OpBuilder &b, Location loc, Value operand);
  void quantizeLookup(LookupOp op);
  void quantizeLinear(LinearOp op);

  ModuleOp module;
  SymbolTable symbols;
  ElementChoice tables, weights;
  /// The values of each parameter.
  DenseMap<Operation *, SmallVector<GetParameterOp>> values;
  unsigned numConverted = 0;
};
} // namespace

ParameterOp ParameterConversion::getParameter(Value value) const {
  auto getParameter = value.getDefiningOp<GetParameterOp>();
  return getParameter ? symbols.lookup<ParameterOp>(getParameter.getParameter()) : ParameterOp();
}

/// Whether the parameters of `op` are floats in no layout that ops of the same kind alone read.
bool ParameterConversion::canConvert(Operation *op) const {
  if (!cast<DestinationStyleOpInterface>(op).hasPureTensorSemantics() || getOpLayout(op))
    return false;
  return llvm::all_of(getLaidOutOperands(op), [&](OpOperand *operand) {
    ParameterOp parameter = getParameter(operand->get());
    if (!parameter || parameter.getLayoutAttr() || isa<QuantizedAttr>(parameter.getSource()))
      return false;
    return llvm::all_of(values.lookup(parameter), [&](GetParameterOp value) {
      return llvm::all_of(value->getUses(), [&](OpOperand &use) {
        return use.getOwner()->getName() == op->getName() && !getOpLayout(use.getOwner()) &&
               llvm::is_contained(getLaidOutOperands(use.getOwner()), &use);
      });
    });
  });
}

/// Whether every value of the element type `from` is one of `to`.
static bool converts(Type from, Type to) { return from == to || to.isF32(); }

LogicalResult ParameterConversion::convertParameter(ParameterOp parameter, const ElementChoice &choice,
                                                    QuantizedAxis axis) {
  auto type = cast<RankedTensorType>(parameter.getType());
  Type from = type.getElementType();
  SourceAttrInterface source = parameter.getSource();
  if (isa<RoundedAttr>(source) || from == choice.type)
    return success();
  MLIRContext *context = module.getContext();
  if (choice.isInteger()) {
    if (choice.group != 0 && type.getShape().back() % choice.group != 0)
      return parameter.emitOpError("expects groups that divide its rows, found groups of ")
             << choice.group << " for " << type;
    parameter.setSourceAttr(QuantizedAttr::get(context, source, from, axis, choice.group));
  } else if (Type read = source.getSourceElementType() ? source.getSourceElementType() : Type();
             read && !converts(read, choice.type)) {
    parameter.setSourceAttr(RoundedAttr::get(context, source));
  }
  parameter.setType(type.clone(choice.type));
  for (GetParameterOp value : values.lookup(parameter))
    value.getResult().setType(parameter.getPackedType());
  if (choice.isInteger()) {
    OpBuilder b(parameter);
    b.setInsertionPointAfter(parameter);
    auto scales = ParameterOp::create(
        b, parameter.getLoc(), (parameter.getSymName() + ".scales").str(), parameter.getScalesType(),
        QuantizationScalesAttr::get(context, FlatSymbolRefAttr::get(parameter.getSymNameAttr())), LayoutAttrInterface(),
        IntegerAttr());
    symbols.insert(scales);
  }
  ++numConverted;
  std::string text;
  llvm::raw_string_ostream(text) << from << " to " << choice.type;
  remark::passed(parameter.getLoc(), remark::RemarkOpts::name("QuantizeParameters").category(DEBUG_TYPE)) << text;
  return success();
}

Value ParameterConversion::getScales(OpBuilder &b, Location loc, Value operand) {
  ParameterOp parameter = getParameter(operand);
  std::string name = (parameter.getSymName() + ".scales").str();
  return GetParameterOp::create(b, loc, parameter.getScalesType(), name);
}

/// The rows of `x` as integers, and their scales.
static std::pair<Value, Value> quantizeRows(OpBuilder &b, Location loc, Value x) {
  b.setInsertionPointAfterValue(x);
  auto type = cast<RankedTensorType>(x.getType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, x);
  Value q = tensor::EmptyOp::create(b, loc, sizes, b.getI8Type());
  Value scales = tensor::EmptyOp::create(b, loc, sizes.front(), type.getElementType());
  auto op =
      QuantizeRowsOp::create(b, loc, TypeRange{q.getType(), scales.getType()}, x, q, scales, StrategyAttrInterface());
  return {op.getResult(0), op.getResult(1)};
}

void ParameterConversion::quantizeLookup(LookupOp op) {
  OpBuilder b(op);
  SmallVector<Value> scales;
  for (Value operand : op.getTables())
    scales.push_back(getScales(b, op.getLoc(), operand));
  auto [scores, scoreScales] = quantizeRows(b, op.getLoc(), op.getScores());
  op.getScoresMutable().assign(scores);
  op.getScoreScalesMutable().assign(scoreScales);
  op.getTableScalesMutable().assign(scales);
}

void ParameterConversion::quantizeLinear(LinearOp op) {
  OpBuilder b(op);
  op.getWeightScalesMutable().assign(getScales(b, op.getLoc(), op.getWeight()));
  auto [x, scales] = quantizeRows(b, op.getLoc(), op.getX());
  op.getXMutable().assign(x);
  op.getXScalesMutable().assign(scales);
}

LogicalResult ParameterConversion::run() {
  SmallVector<Operation *> readers;
  module.walk([&](Operation *op) {
    if (auto value = dyn_cast<GetParameterOp>(op))
      values[symbols.lookup<ParameterOp>(value.getParameter())].push_back(value);
    if (isa<LookupOp, LinearOp>(op) && getChoice(op).type)
      readers.push_back(op);
  });
  llvm::erase_if(readers, [&](Operation *op) {
    if (canConvert(op))
      return false;
    remark::missed(op->getLoc(), remark::RemarkOpts::name("QuantizeParameters").category(DEBUG_TYPE))
        << "kept: its parameters have a layout, integers or another use";
    return true;
  });
  for (Operation *op : readers)
    for (OpOperand *operand : getLaidOutOperands(op))
      if (failed(convertParameter(getParameter(operand->get()), getChoice(op),
                                  isa<LookupOp>(op) ? QuantizedAxis::Columns : QuantizedAxis::Rows)))
        return failure();
  for (Operation *op : readers) {
    if (!getChoice(op).isInteger())
      continue;
    if (auto lookup = dyn_cast<LookupOp>(op))
      quantizeLookup(lookup);
    else
      quantizeLinear(cast<LinearOp>(op));
  }
  return success();
}

namespace {
struct QuantizeParametersPass : public mf::impl::QuantizeParametersPassBase<QuantizeParametersPass> {
  using QuantizeParametersPassBase::QuantizeParametersPassBase;

  /// The element type of that name; null for `keep`.
  FailureOr<Type> parse(StringRef option, StringRef name) {
    Builder b(&getContext());
    if (name == "keep")
      return Type();
    Type type = llvm::StringSwitch<Type>(name)
                    .Case("f32", b.getF32Type())
                    .Case("bf16", b.getBF16Type())
                    .Case("f16", b.getF16Type())
                    .Case("i8", b.getI8Type())
                    .Case("i4", b.getIntegerType(4))
                    .Default(Type());
    if (type)
      return type;
    return getOperation().emitError("mf-quantize-parameters: expects '")
           << option << "' to be keep, f32, bf16, f16, i8 or i4, found '" << name << "'";
  }

  void runOnOperation() override {
    FailureOr<Type> tables = parse("table-dtype", tableDtype), head = parse("head-dtype", headDtype);
    if (failed(tables) || failed(head))
      return signalPassFailure();
    // An i4 has too few values for the weights of a long row to share a scale.
    int64_t group = *head && head->isInteger(4) ? headGroup : 0;
    ParameterConversion conversion(getOperation(), {*tables, 0}, {*head, group});
    if (failed(conversion.run()))
      return signalPassFailure();
    numConverted += conversion.getNumConverted();
  }
};
} // namespace
