// Who reads a parameter, and in which layout.
#include "ParameterUses.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::mf;

SmallVector<OpOperand *> mlir::mf::getLaidOutOperands(Operation *op) {
  SmallVector<OpOperand *> operands;
  if (auto lookup = dyn_cast<LookupOp>(op))
    for (OpOperand &tables : lookup.getTablesMutable())
      operands.push_back(&tables);
  if (auto linear = dyn_cast<LinearOp>(op)) {
    operands.push_back(&linear.getWeightMutable());
    for (OpOperand &scales : linear.getWeightScalesMutable())
      operands.push_back(&scales);
  }
  if (auto embedding = dyn_cast<EmbeddingOp>(op))
    operands.push_back(&embedding.getTableMutable());
  auto addProjection = [&](auto attention) {
    for (OpOperand &projection : attention.getProjectionMutable())
      operands.push_back(&projection);
  };
  llvm::TypeSwitch<Operation *>(op).Case<LinearAttentionOp, RecurrentAttentionOp>(addProjection);
  return operands;
}

bool mlir::mf::isWeightScales(OpOperand &operand) {
  auto linear = dyn_cast<LinearOp>(operand.getOwner());
  return linear && linear.isQuantized() && &operand == &*linear.getWeightScalesMutable().begin();
}

LayoutAttrInterface mlir::mf::getOperandLayout(OpOperand &operand, LayoutAttrInterface layout) {
  if (!layout || !isWeightScales(operand))
    return layout;
  return cast<PanelLayoutAttr>(layout).getScalesLayout();
}

LayoutAttrInterface mlir::mf::getOpLayout(Operation *op) {
  if (auto lookup = dyn_cast<LookupOp>(op))
    return lookup.getLayoutAttr();
  if (auto linear = dyn_cast<LinearOp>(op))
    return linear.getLayoutAttr();
  return llvm::TypeSwitch<Operation *, LayoutAttrInterface>(op)
      .Case<EmbeddingOp, LinearAttentionOp, RecurrentAttentionOp>([](auto other) { return other.getLayoutAttr(); })
      .Default(LayoutAttrInterface());
}

bool LayerUses::feedsLayer(Operation *op) {
  auto [it, isNew] = known.try_emplace(op, false);
  if (!isNew)
    return it->second;
  bool feeds =
      llvm::any_of(op->getUsers(), [&](Operation *user) { return isa<LookupOp, LinearOp>(user) || feedsLayer(user); });
  return known[op] = feeds;
}

ParameterValues::ParameterValues(ModuleOp module) : symbols(module) {
  module.walk(
      [&](GetParameterOp value) { values[symbols.lookup<ParameterOp>(value.getParameter())].push_back(value); });
}

ParameterOp ParameterValues::getParameter(Value value) const {
  auto getParameter = value.getDefiningOp<GetParameterOp>();
  return getParameter ? symbols.lookup<ParameterOp>(getParameter.getParameter()) : ParameterOp();
}

ArrayRef<GetParameterOp> ParameterValues::getValues(ParameterOp parameter) const {
  auto it = values.find(parameter);
  return it == values.end() ? ArrayRef<GetParameterOp>() : ArrayRef<GetParameterOp>(it->second);
}

void ParameterValues::updateTypes(ParameterOp parameter) const {
  for (GetParameterOp value : getValues(parameter))
    value.getResult().setType(parameter.getPackedType());
}

/// Whether elements lie elsewhere than without the layout.
static bool movesElements(LayoutAttrInterface layout) { return layout && !layout.isIdentity(); }

/// Checks the uses of `value`, the stored elements of `parameter` or a slice of them.
static LogicalResult verifyUses(ParameterOp parameter, Value value) {
  LayoutAttrInterface layout = parameter.getLayoutAttr();
  for (OpOperand &use : value.getUses()) {
    Operation *op = use.getOwner();
    if (isa<tensor::ExtractSliceOp, tensor::CastOp>(op)) {
      if (failed(verifyUses(parameter, op->getResult(0))))
        return failure();
      continue;
    }
    bool isLaidOut = llvm::is_contained(getLaidOutOperands(op), &use);
    LayoutAttrInterface expected = isLaidOut ? getOperandLayout(use, getOpLayout(op)) : LayoutAttrInterface();
    if (layout == expected || (!movesElements(layout) && !movesElements(expected)))
      continue;
    InFlightDiagnostic diagnostic = op->emitOpError("reads ") << parameter.getSymNameAttr() << " with ";
    expected ? diagnostic << "the layout " << expected : diagnostic << "no layout";
    diagnostic << ", but it is stored with ";
    layout ? diagnostic << layout : diagnostic << "none";
    return diagnostic;
  }
  return success();
}

LogicalResult mlir::mf::verifyLayoutsAgree(ModuleOp module) {
  SymbolTable symbols(module);
  WalkResult walked = module.walk([&](GetParameterOp getParameter) {
    auto parameter = symbols.lookup<ParameterOp>(getParameter.getParameter());
    return WalkResult(verifyUses(parameter, getParameter.getResult()));
  });
  return failure(walked.wasInterrupted());
}
