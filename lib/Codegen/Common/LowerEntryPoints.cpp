// Public functions on tensors to functions of a frame.
#include "EntryInterface.h"
#include "mf/Codegen/Common/Passes.h"
#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {
#define GEN_PASS_DEF_LOWERENTRYPOINTSPASS
#include "mf/Codegen/Common/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

namespace {
/// Rewrites the body of one entry point.
class EntryLowering {
public:
  EntryLowering(func::FuncOp func, const EntryInterface &interface)
      : func(func), interface(interface), builder(func.getContext()) {}

  LogicalResult run(SymbolTable &symbols);

private:
  Value createOperand(int64_t number);
  void replaceArguments();
  LogicalResult replaceParameters(SymbolTable &symbols);
  void writeResults();
  Value copyOtherState(Location loc, Value value, int64_t operand);
  void writeState(Location loc, Value value, int64_t operand);

  func::FuncOp func;
  const EntryInterface &interface;
  /// Inserts at the top of the function, except in `writeResults`.
  OpBuilder builder;
  Value frame;
  SmallVector<Value> dims;
  /// A memref per operand.
  SmallVector<Value> buffers;
  /// The tensor of each argument.
  SmallVector<Value> tensors;
};
} // namespace

Value EntryLowering::createOperand(int64_t number) {
  OperandAttr operand = interface.entry.getOperands()[number];
  RankedTensorType type = operand.getType();
  SmallVector<Value> sizes;
  for (int64_t dim = 0, rank = type.getRank(); dim < rank; ++dim)
    if (int64_t index = interface.getDimIndex(number, dim); index >= 0)
      sizes.push_back(dims[index]);
  return FrameOperandOp::create(builder, func.getLoc(), MemRefType::get(type.getShape(), type.getElementType()), frame,
                                number, sizes);
}

/// Arguments become tensors of the frame's operands; their extents come from the frame.
void EntryLowering::replaceArguments() {
  Location loc = func.getLoc();
  unsigned numArguments = func.getNumArguments();
  Block &body = func.getBody().front();
  frame = body.insertArgument(0u, FrameType::get(func.getContext()), loc);
  builder.setInsertionPointToStart(&body);
  for (int64_t index = 0, e = interface.entry.getDims().size(); index < e; ++index)
    dims.push_back(FrameDimOp::create(builder, loc, builder.getIndexType(), frame, index));
  for (int64_t number = 0, e = interface.entry.getOperands().size(); number < e; ++number)
    buffers.push_back(createOperand(number));

  for (unsigned number = 0; number < numArguments; ++number) {
    BlockArgument arg = body.getArgument(number + 1);
    for (Operation *user : llvm::make_early_inc_range(arg.getUsers())) {
      auto dimOp = dyn_cast<tensor::DimOp>(user);
      if (!dimOp || !dimOp.getConstantIndex())
        continue;
      int64_t index = interface.getDimIndex(number, *dimOp.getConstantIndex());
      if (index < 0)
        continue;
      dimOp.replaceAllUsesWith(dims[index]);
      dimOp.erase();
    }
    bool isState = interface.entry.getOperands()[number].getRole() == OperandRole::State;
    tensors.push_back(bufferization::ToTensorOp::create(builder, loc, arg.getType(), buffers[number],
                                                        /*restrict=*/true, /*writable=*/isState));
    arg.replaceAllUsesWith(tensors.back());
  }
  body.eraseArguments(1, numArguments);
}

LogicalResult EntryLowering::replaceParameters(SymbolTable &symbols) {
  DenseMap<int64_t, Value> values;
  WalkResult result = func.walk([&](GetParameterOp op) {
    auto parameter = symbols.lookup<ParameterOp>(op.getParameter());
    if (!parameter || !parameter.getIndex()) {
      op.emitOpError() << "expects a parameter with an index, which mf-pack-parameters gives";
      return WalkResult::interrupt();
    }
    Value &value = values[*parameter.getIndex()];
    if (!value) {
      auto type = cast<RankedTensorType>(op.getType());
      Value buffer = FrameParameterOp::create(
          builder, op.getLoc(), MemRefType::get(type.getShape(), type.getElementType()), frame, *parameter.getIndex());
      value = bufferization::ToTensorOp::create(builder, op.getLoc(), type, buffer, /*restrict=*/true);
    }
    op.replaceAllUsesWith(value);
    op.erase();
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// The tensor that `value` is a view of.
static Value getViewed(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<tensor::CastOp, tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::ExtractSliceOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

/// A state's old value that becomes the value of another state is copied before either is written.
Value EntryLowering::copyOtherState(Location loc, Value value, int64_t operand) {
  Value viewed = getViewed(value);
  if (viewed == tensors[operand] || !llvm::is_contained(tensors, viewed))
    return value;
  return bufferization::AllocTensorOp::create(builder, loc, cast<RankedTensorType>(value.getType()),
                                              /*dynamicSizes=*/ValueRange(), /*copy=*/value);
}

/// Pins the new value to the tensor of the old one before it is written to the state's buffer. The second step alone
/// would hide from the analysis that both are one buffer, and a read of the old value could come after the update.
void EntryLowering::writeState(Location loc, Value value, int64_t operand) {
  auto pinned =
      bufferization::MaterializeInDestinationOp::create(builder, loc, value.getType(), value, tensors[operand]);
  bufferization::MaterializeInDestinationOp::create(builder, loc, /*result=*/Type(), pinned.getResult(),
                                                    buffers[operand], /*restrict=*/true, /*writable=*/true);
}

void EntryLowering::writeResults() {
  auto terminator = cast<func::ReturnOp>(func.getBody().front().getTerminator());
  builder.setInsertionPoint(terminator);
  Location loc = terminator.getLoc();
  auto isState = [&](int64_t operand) {
    return interface.entry.getOperands()[operand].getRole() == OperandRole::State;
  };
  // Outputs first: they may hold old values of states.
  for (auto [value, operand] : llvm::zip_equal(terminator.getOperands(), interface.resultOperands))
    if (!isState(operand))
      bufferization::MaterializeInDestinationOp::create(builder, loc, /*result=*/Type(), value, buffers[operand],
                                                        /*restrict=*/true, /*writable=*/true);
  SmallVector<std::pair<Value, int64_t>> states;
  for (auto [value, operand] : llvm::zip_equal(terminator.getOperands(), interface.resultOperands))
    if (isState(operand) && value != tensors[operand])
      states.emplace_back(copyOtherState(loc, value, operand), operand);
  for (auto [value, operand] : states)
    writeState(loc, value, operand);
  terminator->setOperands({});
}

LogicalResult EntryLowering::run(SymbolTable &symbols) {
  replaceArguments();
  if (failed(replaceParameters(symbols)))
    return failure();
  writeResults();
  func.setAllArgAttrs(ArrayRef<DictionaryAttr>());
  func.setAllResultAttrs(ArrayRef<DictionaryAttr>());
  func.setType(FunctionType::get(func.getContext(), {frame.getType()}, {}));
  func->setAttr("mf.entry", interface.entry);
  return success();
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

namespace {
struct LowerEntryPointsPass : public mf::impl::LowerEntryPointsPassBase<LowerEntryPointsPass> {
  void runOnOperation() override;
};
} // namespace

static bool isEntryPoint(func::FuncOp func) {
  return func.isPublic() && !func.isExternal() && (func.getNumArguments() || func.getNumResults()) &&
         llvm::none_of(func.getArgumentTypes(), llvm::IsaPred<FrameType>);
}

void LowerEntryPointsPass::runOnOperation() {
  ModuleOp module = getOperation();
  SymbolTable symbols(module);
  for (func::FuncOp func : module.getOps<func::FuncOp>()) {
    if (!isEntryPoint(func))
      continue;
    FailureOr<EntryInterface> interface = getEntryInterface(func);
    if (failed(interface) || failed(EntryLowering(func, *interface).run(symbols)))
      return signalPassFailure();
  }
  llvm::DenseSet<StringAttr> used;
  module.walk([&](GetParameterOp op) { used.insert(op.getParameterAttr().getAttr()); });
  for (auto parameter : llvm::make_early_inc_range(module.getOps<ParameterOp>()))
    if (!used.contains(parameter.getSymNameAttr()))
      parameter.erase();
}
