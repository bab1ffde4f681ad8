// Adds up what ops cost, by block.
#include "mf/Dialect/MF/Transforms/CostModel.h"
#include "ParameterUses.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace mlir::mf;

/// Ops that move or name values: no arithmetic on elements, no parameter read.
static bool isFree(Operation *op) {
  if (isa<GetParameterOp, func::ReturnOp, tensor::EmptyOp, tensor::DimOp, tensor::CastOp, tensor::ExpandShapeOp,
          tensor::CollapseShapeOp, tensor::ExtractSliceOp, tensor::InsertSliceOp, arith::ConstantOp>(op))
    return true;
  // The numbers of the tokens.
  if (auto generic = dyn_cast<linalg::GenericOp>(op))
    return generic.getNumDpsInputs() == 0 &&
           llvm::all_of(generic->getResultTypes(), [](Type type) { return getElementTypeOrSelf(type).isInteger(); });
  // Sizes are computed with scalars.
  return isa<arith::ArithDialect>(op->getDialect()) &&
         llvm::none_of(op->getResultTypes(), [](Type type) { return isa<ShapedType>(type); });
}

namespace {
/// The costs of one function.
class FunctionAnalysis {
public:
  FunctionAnalysis(func::FuncOp function, const ParameterValues &parameters, const CostOptions &options)
      : function(function), parameters(parameters), context(options.countMaskedPairs) {}

  FailureOr<FunctionCost> run();

private:
  /// The number of an op's block, -1 for none. Blocks are numbered as the function comes to them.
  int64_t findBlock(Operation *op);
  void addStoredBytes();
  LogicalResult addOp(Operation *op, int64_t block);
  CostGroup &getGroup(int64_t block) { return block < 0 ? cost.rest : cost.blocks[block]; }

  func::FuncOp function;
  const ParameterValues &parameters;
  CostContext context;
  FunctionCost cost;
  DenseMap<Operation *, int64_t> blocks;
  llvm::StringMap<int64_t> numbers;
};
} // namespace

static StringRef getBlockName(ParameterOp parameter) {
  auto name = parameter->getAttrOfType<StringAttr>("mf.block");
  return name ? name.getValue() : "";
}

int64_t FunctionAnalysis::findBlock(Operation *op) {
  int64_t latest = -1;
  for (Value operand : op->getOperands()) {
    ParameterOp parameter = parameters.getParameter(operand);
    if (parameter && !getBlockName(parameter).empty()) {
      StringRef name = getBlockName(parameter);
      auto [number, isNew] = numbers.try_emplace(name, cost.blocks.size());
      if (isNew)
        cost.blocks.emplace_back().name = name.str();
      // A parameter that two blocks share has the name of the first one.
      latest = std::max(latest, number->second);
    }
    if (Operation *producer = operand.getDefiningOp())
      latest = std::max(latest, blocks.lookup_or(producer, -1));
  }
  return latest;
}

/// Bytes of a parameter in the parameter file.
static double getStoredBytes(ParameterOp parameter) {
  RankedTensorType type = parameter.getPackedType();
  return static_cast<double>(type.getNumElements()) * type.getElementTypeBitWidth() / 8;
}

/// The parameters that the function reads; those that a lookup takes as tables are tables.
void FunctionAnalysis::addStoredBytes() {
  llvm::MapVector<ParameterOp, bool> isTable;
  function.walk([&](GetParameterOp value) {
    bool &isTableOfLookup = isTable[parameters.getParameter(value)];
    for (OpOperand &use : value->getUses())
      if (auto lookup = dyn_cast<LookupOp>(use.getOwner()))
        isTableOfLookup |= llvm::is_contained(getLaidOutOperands(lookup), &use);
  });
  for (auto [parameter, isTableOfLookup] : isTable) {
    double bytes = getStoredBytes(parameter);
    auto number = numbers.find(getBlockName(parameter));
    for (StoredBytes *stored : {&getGroup(number == numbers.end() ? -1 : number->second).stored, &cost.stored})
      (isTableOfLookup ? stored->tables : stored->weights) += bytes;
  }
}

LogicalResult FunctionAnalysis::addOp(Operation *op, int64_t block) {
  if (op->getParentOp() != function)
    return op->emitOpError("cost: is in a loop or branch: costs are those of modules that are not tiled yet");
  auto states = dyn_cast<CostOpInterface>(op);
  if (!states)
    return op->emitOpError("cost: says nothing of what it costs (CostOpInterface)");
  if (isa<DestinationStyleOpInterface>(op) && !cast<DestinationStyleOpInterface>(op).hasPureTensorSemantics())
    return op->emitOpError("cost: is on memrefs: costs are those of modules on tensors");
  OpCost entry;
  entry.op = op->getName().getStringRef().str();
  entry.cost = states.getCost(context);
  if (context.hasFailed())
    return failure();
  for (Value operand : op->getOperands())
    if (ParameterOp parameter = parameters.getParameter(operand); parameter && entry.parameter.empty())
      entry.parameter = parameter.getSymName().str();
  if (auto lookup = dyn_cast<LookupOp>(op))
    for (OpOperand *tables : getLaidOutOperands(lookup))
      if (ParameterOp parameter = parameters.getParameter(tables->get()))
        entry.storedTableBytes += getStoredBytes(parameter);
  cost.total += entry.cost;
  CostGroup &group = getGroup(block);
  group.total += entry.cost;
  group.ops.push_back(std::move(entry));
  return success();
}

FailureOr<FunctionCost> FunctionAnalysis::run() {
  cost.name = function.getSymName().str();
  WalkResult walked = function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op == function)
      return WalkResult::advance();
    int64_t block = blocks[op] = findBlock(op);
    return isFree(op) ? WalkResult::skip() : WalkResult(addOp(op, block));
  });
  if (walked.wasInterrupted())
    return failure();
  addStoredBytes();
  return std::move(cost);
}

FailureOr<std::vector<FunctionCost>> mlir::mf::computeCosts(ModuleOp module, const CostOptions &options) {
  ParameterValues parameters(module);
  std::vector<FunctionCost> functions;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal())
      continue;
    FailureOr<FunctionCost> cost = FunctionAnalysis(function, parameters, options).run();
    if (failed(cost))
      return failure();
    functions.push_back(std::move(*cost));
  }
  return functions;
}
