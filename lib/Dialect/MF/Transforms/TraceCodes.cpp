// mf-trace-codes: an entry point that tells the codes of all lookups.
#include "ParameterUses.h"
#include "mf/Dialect/MF/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::mf {
#define GEN_PASS_DEF_TRACECODESPASS
#include "mf/Dialect/MF/Transforms/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

static constexpr StringLiteral kEntry = "codes";

namespace {
/// Turns a copy of an entry point into one of codes.
class CodesEntry {
public:
  explicit CodesEntry(func::FuncOp func)
      : func(func), body(func.getBody().front()), b(func.getLoc(), func.getContext()) {}

  LogicalResult build();

private:
  BlockArgument findArgument(StringRef name);
  LogicalResult addResults();
  Value countTokens();
  Value fill(RankedTensorType type, ValueRange sizes);
  void replaceState(BlockArgument state);
  void replaceArguments();
  void eraseDeadOps();

  func::FuncOp func;
  Block &body;
  ImplicitLocOpBuilder b;
  BlockArgument tokens;
  Value tokenCount;
};
} // namespace

BlockArgument CodesEntry::findArgument(StringRef name) {
  for (BlockArgument arg : func.getArguments())
    if (auto own = func.getArgAttrOfType<StringAttr>(arg.getArgNumber(), "mf.name"); own && own.getValue() == name)
      return arg;
  return {};
}

/// Returns the codes that each parameter of tables is looked up with, in place of the results.
LogicalResult CodesEntry::addResults() {
  ParameterValues parameters(func->getParentOfType<ModuleOp>());
  SmallVector<Value> values;
  SmallVector<Attribute> attributes;
  llvm::SmallPtrSet<Operation *, 16> known;
  for (auto op : body.getOps<LookupOp>())
    for (Value tables : op.getTables()) {
      ParameterOp parameter = parameters.getParameter(tables);
      if (!parameter || !known.insert(parameter).second)
        return op.emitOpError("expects tables that are parameters, each read by one lookup, to name its codes");
      values.push_back(op.getCodes());
      auto dims = b.getStrArrayAttr({"tokens", ""});
      attributes.push_back(b.getDictionaryAttr(
          {b.getNamedAttr("mf.name", parameter.getSymNameAttr()), b.getNamedAttr("mf.dims", dims)}));
    }
  body.getTerminator()->setOperands(values);
  SmallVector<Type> types = llvm::to_vector(TypeRange(ValueRange(values)));
  func.setFunctionType(b.getFunctionType(func.getArgumentTypes(), types));
  func.setResAttrsAttr(b.getArrayAttr(attributes));
  return success();
}

/// 0, 1, ... for each token.
Value CodesEntry::countTokens() {
  Value init = tensor::EmptyOp::create(b, ArrayRef<int64_t>{ShapedType::kDynamic}, b.getI32Type(), tokenCount);
  auto yieldIndex = [](OpBuilder &b, Location loc, ValueRange) {
    Value index = linalg::IndexOp::create(b, loc, 0);
    linalg::YieldOp::create(b, loc, arith::IndexCastOp::create(b, loc, b.getI32Type(), index).getResult());
  };
  return linalg::GenericOp::create(b, init.getType(), /*inputs=*/ValueRange(), init, b.getMultiDimIdentityMap(1),
                                   utils::IteratorType::parallel, yieldIndex)
      .getResult(0);
}

/// A tensor of zeros.
Value CodesEntry::fill(RankedTensorType type, ValueRange sizes) {
  Value init = tensor::EmptyOp::create(b, type.getShape(), type.getElementType(), sizes);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type.getElementType()));
  return linalg::FillOp::create(b, zero, init).getResult(0);
}

/// One sequence in place of the session's, with a position for each token.
void CodesEntry::replaceState(BlockArgument state) {
  auto type = cast<RankedTensorType>(state.getType());
  auto dims = func.getArgAttrOfType<ArrayAttr>(state.getArgNumber(), "mf.dims");
  SmallVector<int64_t> shape(type.getShape());
  SmallVector<Value> sizes;
  for (auto [extent, name] : llvm::zip_equal(shape, dims.getAsRange<StringAttr>())) {
    if (!ShapedType::isDynamic(extent))
      continue;
    if (name.getValue() == "sequences")
      extent = 1;
    else
      sizes.push_back(tokenCount);
  }
  state.replaceAllUsesWith(fill(type.clone(shape), sizes));
}

void CodesEntry::replaceArguments() {
  b.setInsertionPointToStart(&body);
  tokenCount = tensor::DimOp::create(b, tokens, 0);
  for (BlockArgument arg : func.getArguments())
    if (func.getArgAttr(arg.getArgNumber(), "mf.state"))
      replaceState(arg);
  if (BlockArgument positions = findArgument("positions"))
    positions.replaceAllUsesWith(countTokens());
  if (BlockArgument slots = findArgument("slots"))
    slots.replaceAllUsesWith(fill(cast<RankedTensorType>(slots.getType()), tokenCount));
  // The new states have a static number of sequences.
  body.walk([](DestinationStyleOpInterface op) {
    for (OpResult result : op->getResults())
      result.setType(op.getTiedOpOperand(result)->get().getType());
  });
}

void CodesEntry::eraseDeadOps() {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body)))
    if (isOpTriviallyDead(&op))
      op.erase();
  llvm::BitVector unused(func.getNumArguments());
  for (BlockArgument arg : func.getArguments())
    unused[arg.getArgNumber()] = arg.use_empty();
  (void)func.eraseArguments(unused);
}

LogicalResult CodesEntry::build() {
  tokens = findArgument("tokens");
  auto type = tokens ? dyn_cast<RankedTensorType>(tokens.getType()) : RankedTensorType();
  if (!type || type.getRank() != 1)
    return func.emitOpError("expects an argument named 'tokens', a tensor of ids, to trace codes of");
  if (failed(addResults()))
    return failure();
  eraseDeadOps();
  tokens = findArgument("tokens");
  replaceArguments();
  eraseDeadOps();
  return success();
}

namespace {
struct TraceCodesPass : public mf::impl::TraceCodesPassBase<TraceCodesPass> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> entries;
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (func.isPublic() && !func.isExternal() && func.getBody().hasOneBlock() &&
          !func.getBody().front().getOps<LookupOp>().empty())
        entries.push_back(func);
    if (entries.size() != 1)
      return getOperation().emitError("mf-trace-codes: expects one public function with lookups, found ")
                 << entries.size(),
             signalPassFailure();
    if (getOperation().lookupSymbol(kEntry))
      return getOperation().emitError("mf-trace-codes: expects no symbol '") << kEntry << "', found one",
             signalPassFailure();
    OpBuilder b(&getContext());
    b.setInsertionPointAfter(entries.front());
    auto copy = cast<func::FuncOp>(b.clone(*entries.front()));
    copy.setName(kEntry);
    if (failed(CodesEntry(copy).build()))
      signalPassFailure();
  }
};
} // namespace
