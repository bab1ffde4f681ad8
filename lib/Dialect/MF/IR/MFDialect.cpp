// The dialect itself: registration and the attributes it allows on other dialects' ops.
#include "mf/Dialect/MF/IR/MFDialect.h"
#include "mf/Dialect/MF/IR/MFAttributes.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mf/Dialect/MF/IR/MFTypes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/InliningUtils.h"

using namespace mlir;
using namespace mlir::mf;

#include "mf/Dialect/MF/IR/MFDialect.cpp.inc"

namespace {
/// Functions that models are composed of can be inlined: the ops mean the same anywhere.
struct MFInlinerInterface : public DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;

  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const final { return true; }
};
} // namespace

void MFDialect::initialize() {
  addInterfaces<MFInlinerInterface>();
  registerAttributes();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "mf/Dialect/MF/IR/MFOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "mf/Dialect/MF/IR/MFKernelOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "mf/Dialect/MF/IR/MFModuleOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Attributes of modules and functions
//===----------------------------------------------------------------------===//

template <typename AttrT>
static LogicalResult verifyModuleAttribute(Operation *op, NamedAttribute attribute, StringRef kind) {
  if (!isa<ModuleOp>(op))
    return op->emitError() << "expects '" << attribute.getName().getValue() << "' on a module, found it on '"
                           << op->getName() << "'";
  if (!isa<AttrT>(attribute.getValue()))
    return op->emitError() << "expects '" << attribute.getName().getValue() << "' to be " << kind << ", found "
                           << attribute.getValue();
  return success();
}

/// An array of rules.
static LogicalResult verifyStrategies(Operation *op, NamedAttribute attribute) {
  if (failed(verifyModuleAttribute<ArrayAttr>(op, attribute, "an array of #mf.strategy_rule")))
    return failure();
  for (Attribute rule : cast<ArrayAttr>(attribute.getValue()))
    if (!isa<StrategyRuleAttr>(rule))
      return op->emitError() << "expects 'mf.strategies' to be an array of #mf.strategy_rule, found " << rule
                             << " in it";
  return success();
}

/// A parameter's block of the model has a name.
static LogicalResult verifyBlock(Operation *op, NamedAttribute attribute) {
  if (!isa<ParameterOp>(op))
    return op->emitError() << "expects 'mf.block' on an 'mf.parameter', found it on '" << op->getName() << "'";
  auto name = dyn_cast<StringAttr>(attribute.getValue());
  if (!name || name.empty())
    return op->emitError() << "expects 'mf.block' to be a string that is not empty, found " << attribute.getValue();
  return success();
}

/// The operands of an entry point name dimensions that it has.
static LogicalResult verifyEntry(Operation *op, NamedAttribute attribute) {
  if (!isa<FunctionOpInterface>(op))
    return op->emitError() << "expects 'mf.entry' on a function, found it on '" << op->getName() << "'";
  auto entry = dyn_cast<EntryAttr>(attribute.getValue());
  if (!entry)
    return op->emitError() << "expects 'mf.entry' to be #mf.entry, found " << attribute.getValue();
  for (OperandAttr operand : entry.getOperands())
    for (auto dim : operand.getDims().getAsRange<StringAttr>())
      if (!dim.empty() && !llvm::is_contained(entry.getDims(), dim))
        return op->emitError() << "expects the dimension " << dim << " of operand " << operand.getName()
                               << " to be one of " << entry.getDims();
  return success();
}

LogicalResult MFDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  StringRef name = attribute.getName();
  if (name == "mf.language_model")
    return verifyModuleAttribute<LanguageModelAttr>(op, attribute, "#mf.language_model");
  if (name == "mf.config")
    return verifyModuleAttribute<StringAttr>(op, attribute, "a string");
  if (name == "mf.target")
    return verifyModuleAttribute<CPUTargetAttr>(op, attribute, "#mf.cpu_target");
  if (name == "mf.gpu_target")
    return verifyModuleAttribute<GPUTargetAttr>(op, attribute, "#mf.gpu_target");
  if (name == "mf.strategies")
    return verifyStrategies(op, attribute);
  if (name == "mf.entry")
    return verifyEntry(op, attribute);
  if (name == "mf.block")
    return verifyBlock(op, attribute);
  return success();
}

//===----------------------------------------------------------------------===//
// Attributes of arguments and results
//===----------------------------------------------------------------------===//

/// A name per dimension of `type`, empty for the static ones.
static LogicalResult verifyDims(Operation *op, Attribute value, Type type) {
  auto names = dyn_cast<ArrayAttr>(value);
  auto shaped = dyn_cast<ShapedType>(type);
  if (!names || !shaped || !shaped.hasRank() || names.size() != static_cast<size_t>(shaped.getRank()))
    return op->emitError() << "expects 'mf.dims' to have a name per dimension of " << type << ", found " << value;
  for (auto [size, name] : llvm::zip_equal(shaped.getShape(), names)) {
    auto text = dyn_cast<StringAttr>(name);
    if (!text || text.empty() == ShapedType::isDynamic(size))
      return op->emitError() << "expects 'mf.dims' to have a name for each dynamic dimension of " << type
                             << " and \"\" for each static one, found " << value;
  }
  return success();
}

/// An attribute of an argument or a result of type `type`.
static LogicalResult verifyValueAttribute(Operation *op, NamedAttribute attribute, Type type) {
  StringRef name = attribute.getName();
  if (name == "mf.name") {
    auto text = dyn_cast<StringAttr>(attribute.getValue());
    if (!text || text.empty())
      return op->emitError() << "expects 'mf.name' to be a string that is not empty, found " << attribute.getValue();
    return success();
  }
  if (name == "mf.dims")
    return verifyDims(op, attribute.getValue(), type);
  if (name == "mf.state") {
    if (!isa<UnitAttr, CacheLayoutAttr>(attribute.getValue()))
      return op->emitError() << "expects 'mf.state' without a value or with a #mf.cache_layout, found "
                             << attribute.getValue();
    return success();
  }
  return op->emitError() << "expects 'mf.name', 'mf.dims' or 'mf.state' on an argument or a result, found '" << name
                         << "'";
}

LogicalResult MFDialect::verifyRegionArgAttribute(Operation *op, unsigned regionIndex, unsigned argIndex,
                                                  NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitError() << "expects '" << attribute.getName().getValue() << "' on an argument of a function";
  return verifyValueAttribute(op, attribute, function.getArgumentTypes()[argIndex]);
}

LogicalResult MFDialect::verifyRegionResultAttribute(Operation *op, unsigned regionIndex, unsigned resultIndex,
                                                     NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitError() << "expects '" << attribute.getName().getValue() << "' on a result of a function";
  return verifyValueAttribute(op, attribute, function.getResultTypes()[resultIndex]);
}
