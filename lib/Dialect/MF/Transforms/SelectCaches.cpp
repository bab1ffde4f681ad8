// mf-select-caches: element types and layouts of the sequences' caches.
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mf/Dialect/MF/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"

namespace mlir::mf {
#define GEN_PASS_DEF_SELECTCACHESPASS
#include "mf/Dialect/MF/Transforms/Passes.h.inc"
} // namespace mlir::mf

#define DEBUG_TYPE "mf-select-caches"

using namespace mlir;
using namespace mlir::mf;

namespace {
/// A state that is written by updates and read by attention only.
class Cache {
public:
  explicit Cache(BlockArgument arg) : arg(arg), func(cast<func::FuncOp>(arg.getOwner()->getParentOp())) {}

  /// Follows the state from the argument to the results; fails where something else uses it.
  LogicalResult follow();
  /// Whether its attention is part of a step that multiplies integers.
  bool isOfQuantizedModel();
  /// The layout for what reads it; null where there is none, or one was written by hand.
  CacheLayoutAttr chooseLayout();

  void setElementType(Type element);
  void setLayout(CacheLayoutAttr layout);

private:
  LogicalResult followUses(Value value);

  BlockArgument arg;
  func::FuncOp func;
  SmallVector<UpdateStateOp> updates;
  SmallVector<CachedAttentionOp> keyReaders, valueReaders;
  SmallVector<unsigned> results;
};
} // namespace

LogicalResult Cache::followUses(Value value) {
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (auto update = dyn_cast<UpdateStateOp>(user); update && &use == &update.getStateMutable()) {
      updates.push_back(update);
      if (failed(followUses(update.getResult(0))))
        return failure();
    } else if (auto attention = dyn_cast<CachedAttentionOp>(user); attention && &use == &attention.getKeysMutable()) {
      keyReaders.push_back(attention);
    } else if (attention && &use == &attention.getValuesMutable()) {
      valueReaders.push_back(attention);
    } else if (isa<func::ReturnOp>(user) && func.getResultAttr(use.getOperandNumber(), "mf.state")) {
      results.push_back(use.getOperandNumber());
    } else if (!isa<tensor::DimOp>(user)) {
      return failure();
    }
  }
  return success();
}

LogicalResult Cache::follow() {
  auto type = dyn_cast<RankedTensorType>(arg.getType());
  return success(type && type.getRank() == 4 && isa<FloatType>(type.getElementType()) && succeeded(followUses(arg)));
}

bool Cache::isOfQuantizedModel() {
  return func
      .walk([](Operation *op) {
        auto lookup = dyn_cast<LookupOp>(op);
        auto linear = dyn_cast<LinearOp>(op);
        bool isQuantized = (lookup && lookup.isQuantized()) || (linear && linear.isQuantized());
        return isQuantized ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

CacheLayoutAttr Cache::chooseLayout() {
  auto type = cast<RankedTensorType>(arg.getType());
  bool isBF16 = type.getElementType().isBF16(), isKeys = !keyReaders.empty();
  if (isKeys != valueReaders.empty() || type.isDynamicDim(3) || (!isKeys && !isBF16) ||
      !isa<UnitAttr>(func.getArgAttr(arg.getArgNumber(), "mf.state")))
    return {};
  if (llvm::any_of(updates, [](UpdateStateOp op) { return op.getLayoutAttr(); }) ||
      llvm::any_of(keyReaders, [](CachedAttentionOp op) { return op.getLayoutAttr(); }) ||
      llvm::any_of(valueReaders, [](CachedAttentionOp op) { return op.getValuesLayoutAttr(); }))
    return {};
  MLIRContext *context = type.getContext();
  CacheLayoutAttr layout =
      isKeys ? CacheLayoutAttr::getForKeys(context, /*isPaired=*/isBF16 && type.getDimSize(3) % kCachePair == 0)
             : CacheLayoutAttr::getForValues(context);
  return type.isDynamicDim(2) || type.getDimSize(2) % layout.getKeys() == 0 ? layout : CacheLayoutAttr();
}

void Cache::setElementType(Type element) {
  auto type = cast<RankedTensorType>(arg.getType()).clone(element);
  arg.setType(type);
  for (UpdateStateOp update : updates)
    update.getResult(0).setType(cast<RankedTensorType>(update.getResult(0).getType()).clone(element));
  SmallVector<Type> inputs(func.getArgumentTypes()), outputs(func.getResultTypes());
  inputs[arg.getArgNumber()] = type;
  for (unsigned result : results)
    outputs[result] = cast<RankedTensorType>(outputs[result]).clone(element);
  func.setFunctionType(FunctionType::get(func.getContext(), inputs, outputs));
}

void Cache::setLayout(CacheLayoutAttr layout) {
  for (UpdateStateOp update : updates)
    update.setLayoutAttr(layout);
  for (CachedAttentionOp reader : keyReaders)
    reader.setLayoutAttr(layout);
  for (CachedAttentionOp reader : valueReaders)
    reader.setValuesLayoutAttr(layout);
  func.setArgAttr(arg.getArgNumber(), "mf.state", layout);
  for (unsigned result : results)
    func.setResultAttr(result, "mf.state", layout);
}

namespace {
struct SelectCachesPass : public mf::impl::SelectCachesPassBase<SelectCachesPass> {
  using SelectCachesPassBase::SelectCachesPassBase;

  void runOnOperation() override;

private:
  void select(BlockArgument arg, Type element);
};
} // namespace

void SelectCachesPass::select(BlockArgument arg, Type element) {
  Cache cache(arg);
  if (failed(cache.follow())) {
    remark::missed(arg.getLoc(), remark::RemarkOpts::name("SelectCaches").category(DEBUG_TYPE))
        << "state " << std::to_string(arg.getArgNumber()) << " stays as it is: it is no cache of attention";
    return;
  }
  if (cacheDtype == "auto" && getElementTypeOrSelf(arg).isF32() && cache.isOfQuantizedModel())
    element = BFloat16Type::get(&getContext());
  if (element && element != getElementTypeOrSelf(arg)) {
    cache.setElementType(element);
    ++numConverted;
  }
  if (CacheLayoutAttr chosen = layout ? cache.chooseLayout() : CacheLayoutAttr()) {
    cache.setLayout(chosen);
    ++numLayouts;
  }
}

void SelectCachesPass::runOnOperation() {
  Builder builder(&getContext());
  Type element;
  if (cacheDtype == "f32")
    element = builder.getF32Type();
  else if (cacheDtype == "f16")
    element = builder.getF16Type();
  else if (cacheDtype == "bf16")
    element = builder.getBF16Type();
  else if (cacheDtype != "keep" && cacheDtype != "auto")
    return getOperation().emitError("mf-select-caches: expects cache-dtype to be auto, keep, f32, bf16 or f16, found '")
               << cacheDtype.getValue() << "'",
           signalPassFailure();
  for (auto func : getOperation().getOps<func::FuncOp>()) {
    if (func.isExternal() || !func.getBody().hasOneBlock())
      continue;
    for (BlockArgument arg : func.getArguments())
      if (func.getArgAttr(arg.getArgNumber(), "mf.state"))
        select(arg, element);
  }
}
