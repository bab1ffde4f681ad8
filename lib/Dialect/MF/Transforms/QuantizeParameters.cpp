// mf-quantize-parameters: the element types of tables and of dense weights, as a compilation asks for them.
#include "ParameterUses.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mf/Dialect/MF/Transforms/Passes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
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
  ParameterConversion(ModuleOp module, ElementChoice tables, ElementChoice weights, ElementChoice head)
      : module(module), parameters(module), tables(tables), weights(weights), head(head) {}

  LogicalResult run();
  unsigned getNumConverted() const { return numConverted; }

private:
  const ElementChoice &getChoice(Operation *op);
  bool canConvert(Operation *op);
  LogicalResult convertParameter(ParameterOp parameter, const ElementChoice &choice, QuantizedAxis axis);
  void quantize(ParameterOp parameter, const ElementChoice &choice, QuantizedAxis axis);
  Value getScales(OpBuilder &b, Location loc, Value operand);
  void quantizeLookup(LookupOp op);
  void quantizeLinear(LinearOp op);

  ModuleOp module;
  ParameterValues parameters;
  ElementChoice tables, weights, head;
  /// The parameter of the scales of each quantised one.
  DenseMap<Operation *, ParameterOp> scales;
  /// Found out before any op changes.
  LayerUses layers;
  unsigned numConverted = 0;
};
} // namespace

const ElementChoice &ParameterConversion::getChoice(Operation *op) {
  if (isa<LookupOp>(op))
    return tables;
  return layers.feedsLayer(op) ? weights : head;
}

/// Whether the parameters of `op` are floats in no layout that ops of the same kind alone read.
bool ParameterConversion::canConvert(Operation *op) {
  if (!cast<DestinationStyleOpInterface>(op).hasPureTensorSemantics() || getOpLayout(op))
    return false;
  if (auto linear = dyn_cast<LinearOp>(op); linear && linear.getPruningAttr() && getChoice(op).isInteger())
    return false;
  return llvm::all_of(getLaidOutOperands(op), [&](OpOperand *operand) {
    ParameterOp parameter = parameters.getParameter(operand->get());
    if (!parameter || parameter.getLayoutAttr() || isa<QuantizedAttr, RoundedAttr>(parameter.getSource()))
      return false;
    return llvm::all_of(parameters.getValues(parameter), [&](GetParameterOp value) {
      return llvm::all_of(value->getUses(), [&](OpOperand &use) {
        return use.getOwner()->getName() == op->getName() && !getOpLayout(use.getOwner()) &&
               &getChoice(use.getOwner()) == &getChoice(op) &&
               llvm::is_contained(getLaidOutOperands(use.getOwner()), &use);
      });
    });
  });
}

/// Makes the source one of integers and declares their scales.
void ParameterConversion::quantize(ParameterOp parameter, const ElementChoice &choice, QuantizedAxis axis) {
  MLIRContext *context = module.getContext();
  auto type = cast<RankedTensorType>(parameter.getType());
  parameter.setSourceAttr(
      QuantizedAttr::get(context, parameter.getSource(), type.getElementType(), axis, choice.group));
  parameter.setType(type.clone(choice.type));
  OpBuilder b(context);
  b.setInsertionPointAfter(parameter);
  auto source = QuantizationScalesAttr::get(context, FlatSymbolRefAttr::get(parameter.getSymNameAttr()));
  auto declared = ParameterOp::create(b, parameter.getLoc(), (parameter.getSymName() + ".scales").str(),
                                      parameter.getScalesType(), source, LayoutAttrInterface(), IntegerAttr());
  if (Attribute block = parameter->getAttr("mf.block"))
    declared->setAttr("mf.block", block);
  // Gives it another name where there is one of this.
  parameters.getSymbols().insert(declared);
  scales[parameter] = declared;
}

LogicalResult ParameterConversion::convertParameter(ParameterOp parameter, const ElementChoice &choice,
                                                    QuantizedAxis axis) {
  auto type = cast<RankedTensorType>(parameter.getType());
  Type from = type.getElementType();
  if (from == choice.type)
    return success();
  if (choice.isInteger()) {
    if (choice.group != 0 && type.getShape().back() % choice.group != 0)
      return parameter.emitOpError("expects groups that divide its rows, found groups of ")
             << choice.group << " for " << type;
    quantize(parameter, choice, axis);
  } else if (Type read = parameter.getSource().getSourceElementType();
             read && !convertsWithoutLoss(read, choice.type)) {
    parameter.setSourceAttr(RoundedAttr::get(module.getContext(), parameter.getSource()));
  }
  parameter.setType(type.clone(choice.type));
  parameters.updateTypes(parameter);
  ++numConverted;
  std::string text;
  llvm::raw_string_ostream(text) << from << " to " << choice.type;
  remark::passed(parameter.getLoc(), remark::RemarkOpts::name("QuantizeParameters").category(DEBUG_TYPE)) << text;
  return success();
}

Value ParameterConversion::getScales(OpBuilder &b, Location loc, Value operand) {
  ParameterOp parameter = scales.lookup(parameters.getParameter(operand));
  return GetParameterOp::create(b, loc, parameter.getType(), parameter.getSymName());
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
  SmallVector<Value> tableScales;
  for (Value operand : op.getTables())
    tableScales.push_back(getScales(b, op.getLoc(), operand));
  auto [scores, scoreScales] = quantizeRows(b, op.getLoc(), op.getScores());
  op.getScoresMutable().assign(scores);
  op.getScoreScalesMutable().assign(scoreScales);
  op.getTableScalesMutable().assign(tableScales);
}

void ParameterConversion::quantizeLinear(LinearOp op) {
  OpBuilder b(op);
  op.getWeightScalesMutable().assign(getScales(b, op.getLoc(), op.getWeight()));
  auto [x, xScales] = quantizeRows(b, op.getLoc(), op.getX());
  op.getXMutable().assign(x);
  op.getXScalesMutable().assign(xScales);
}

LogicalResult ParameterConversion::run() {
  SmallVector<Operation *> readers;
  module.walk([&](Operation *op) {
    if (isa<LookupOp, LinearOp>(op) && getChoice(op).type)
      readers.push_back(op);
  });
  llvm::erase_if(readers, [&](Operation *op) {
    if (canConvert(op))
      return false;
    remark::missed(op->getLoc(), remark::RemarkOpts::name("QuantizeParameters").category(DEBUG_TYPE))
        << "kept: its parameters have a layout, converted elements, pruned features or another use";
    return true;
  });
  for (Operation *op : readers)
    for (OpOperand *operand : getLaidOutOperands(op))
      if (failed(convertParameter(parameters.getParameter(operand->get()), getChoice(op),
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
    FailureOr<Type> weights = parse("weight-dtype", weightDtype);
    if (failed(tables) || failed(head) || failed(weights))
      return signalPassFailure();
    // An i4 has too few values for the weights of a long row to share a scale.
    auto choose = [](Type type, int64_t group) { return ElementChoice{type, type && type.isInteger(4) ? group : 0}; };
    ParameterConversion conversion(getOperation(), {*tables, 0}, choose(*weights, weightGroup),
                                   choose(*head, headGroup));
    if (failed(conversion.run()))
      return signalPassFailure();
    numConverted += conversion.getNumConverted();
  }
};
} // namespace
