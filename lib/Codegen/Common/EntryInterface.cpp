// Reads names, roles and symbolic dimensions of an entry point off a function on tensors.
#include "EntryInterface.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mlir::mf;

int64_t EntryInterface::getDimIndex(int64_t operand, int64_t dim) const {
  Attribute name = entry.getOperands()[operand].getDims()[dim];
  const auto *it = llvm::find(entry.getDims(), name);
  return it == entry.getDims().end() ? -1 : it - entry.getDims().begin();
}

namespace {
/// Collects the operands of one function.
class InterfaceBuilder {
public:
  explicit InterfaceBuilder(func::FuncOp func) : func(func), context(func.getContext()) {}

  LogicalResult addArgument(BlockArgument arg);
  LogicalResult addResult(unsigned number, Value value);
  EntryInterface take();

private:
  LogicalResult addOperand(StringAttr name, OperandRole role, RankedTensorType type, ArrayAttr dims,
                           CacheLayoutAttr layout = {});
  LogicalResult addNewState(StringAttr name, RankedTensorType type, unsigned number);
  FailureOr<ArrayAttr> getResultDims(unsigned number, Value value);
  StringAttr findExtent(Value value, int64_t dim);

  func::FuncOp func;
  MLIRContext *context;
  SmallVector<OperandAttr> operands;
  SmallVector<int64_t> resultOperands;
  llvm::SetVector<Attribute> dims;
  llvm::StringSet<> names;
};
} // namespace

LogicalResult InterfaceBuilder::addOperand(StringAttr name, OperandRole role, RankedTensorType type, ArrayAttr dims,
                                           CacheLayoutAttr layout) {
  if (!names.insert(name).second)
    return func.emitOpError() << "expects operands of different names, found '" << name.getValue()
                              << "' twice; a result with the name of an argument needs 'mf.state' on both";
  auto emitError = [&] { return func.emitOpError() << "operand '" << name.getValue() << "': "; };
  auto operand = OperandAttr::getChecked(emitError, context, name, role, type, dims, layout);
  if (!operand)
    return failure();
  operands.push_back(operand);
  return success();
}

LogicalResult InterfaceBuilder::addArgument(BlockArgument arg) {
  unsigned number = arg.getArgNumber();
  auto type = dyn_cast<RankedTensorType>(arg.getType());
  if (!type)
    return func.emitOpError() << "expects arguments of an entry point to be ranked tensors, found " << arg.getType()
                              << " for argument " << number;
  auto name = func.getArgAttrOfType<StringAttr>(number, "mf.name");
  if (!name)
    name = StringAttr::get(context, "arg" + Twine(number));
  auto dimNames = func.getArgAttrOfType<ArrayAttr>(number, "mf.dims");
  if (!dimNames) {
    SmallVector<Attribute> own;
    for (auto [dim, extent] : llvm::enumerate(type.getShape()))
      own.push_back(
          StringAttr::get(context, ShapedType::isDynamic(extent) ? name.getValue() + "_dim" + Twine(dim) : Twine("")));
    dimNames = ArrayAttr::get(context, own);
  }
  Attribute state = func.getArgAttr(number, "mf.state");
  if (failed(addOperand(name, state ? OperandRole::State : OperandRole::Input, type, dimNames,
                        dyn_cast_if_present<CacheLayoutAttr>(state))))
    return failure();
  for (auto dim : dimNames.getAsRange<StringAttr>())
    if (!dim.empty())
      dims.insert(dim);
  return success();
}

/// The dimension of an argument that `value` has in dimension `dim`, null if none is known.
StringAttr InterfaceBuilder::findExtent(Value value, int64_t dim) {
  for (BlockArgument arg : func.getArguments()) {
    ArrayAttr names = operands[arg.getArgNumber()].getDims();
    for (auto [argDim, name] : llvm::enumerate(names.getAsRange<StringAttr>())) {
      if (name.empty())
        continue;
      FailureOr<bool> equal =
          ValueBoundsConstraintSet::areEqual({value, dim}, {Value(arg), static_cast<int64_t>(argDim)});
      if (succeeded(equal) && *equal)
        return name;
    }
  }
  return {};
}

FailureOr<ArrayAttr> InterfaceBuilder::getResultDims(unsigned number, Value value) {
  if (auto given = func.getResultAttrOfType<ArrayAttr>(number, "mf.dims")) {
    for (auto name : given.getAsRange<StringAttr>())
      if (!name.empty() && !dims.contains(name))
        return func.emitOpError() << "expects the dimensions of results to be dimensions of arguments, found '"
                                  << name.getValue() << "' on result " << number;
    return given;
  }
  SmallVector<Attribute> found;
  for (auto [dim, extent] : llvm::enumerate(cast<RankedTensorType>(value.getType()).getShape())) {
    StringAttr name = ShapedType::isDynamic(extent) ? findExtent(value, dim) : StringAttr::get(context, "");
    if (!name)
      return func.emitOpError() << "expects dimension " << dim << " of result " << number
                                << " to be known to equal one of an argument; write 'mf.dims' on both";
    found.push_back(name);
  }
  return ArrayAttr::get(context, found);
}

LogicalResult InterfaceBuilder::addNewState(StringAttr name, RankedTensorType type, unsigned number) {
  auto *it = llvm::find_if(operands, [&](OperandAttr operand) {
    return operand.getRole() == OperandRole::State && operand.getName() == name;
  });
  if (it == operands.end())
    return func.emitOpError() << "expects a state argument for the new state of result " << number << ", found none"
                              << (name ? " named '" + name.str() + "'" : std::string());
  if (it->getType() != type)
    return func.emitOpError() << "expects the new value of state '" << name.getValue() << "' to be " << it->getType()
                              << ", found " << type;
  int64_t operand = it - operands.begin();
  if (llvm::is_contained(resultOperands, operand))
    return func.emitOpError() << "expects one new value of state '" << name.getValue() << "', found another in result "
                              << number;
  resultOperands.push_back(operand);
  return success();
}

LogicalResult InterfaceBuilder::addResult(unsigned number, Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return func.emitOpError() << "expects results of an entry point to be ranked tensors, found " << value.getType()
                              << " for result " << number;
  auto name = func.getResultAttrOfType<StringAttr>(number, "mf.name");
  if (func.getResultAttr(number, "mf.state"))
    return addNewState(name, type, number);
  if (!name)
    name = StringAttr::get(context, "result" + Twine(number));
  FailureOr<ArrayAttr> resultDims = getResultDims(number, value);
  if (failed(resultDims))
    return failure();
  resultOperands.push_back(operands.size());
  return addOperand(name, OperandRole::Output, type, *resultDims);
}

EntryInterface InterfaceBuilder::take() {
  return {EntryAttr::get(context, ArrayAttr::get(context, dims.getArrayRef()), operands), std::move(resultOperands)};
}

FailureOr<EntryInterface> mlir::mf::getEntryInterface(func::FuncOp func) {
  if (!func.getBody().hasOneBlock())
    return func.emitOpError() << "expects an entry point of one block, found " << func.getBody().getBlocks().size();
  InterfaceBuilder builder(func);
  for (BlockArgument arg : func.getArguments())
    if (failed(builder.addArgument(arg)))
      return failure();
  for (auto [number, value] : llvm::enumerate(func.getBody().front().getTerminator()->getOperands()))
    if (failed(builder.addResult(number, value)))
      return failure();
  return builder.take();
}
