// mf-prune-weights: some features of each group of the weights of dense layers are kept.
#include "ParameterUses.h"
#include "mf/Dialect/MF/Transforms/Passes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"

namespace mlir::mf {
#define GEN_PASS_DEF_PRUNEWEIGHTSPASS
#include "mf/Dialect/MF/Transforms/Passes.h.inc"
} // namespace mlir::mf

#define DEBUG_TYPE "mf-prune-weights"

using namespace mlir;
using namespace mlir::mf;

namespace {
/// The pruning of one module.
class WeightPruning {
public:
  WeightPruning(ModuleOp module, FeaturePruningAttr pruning) : module(module), parameters(module), pruning(pruning) {}

  /// Returns the number of weights that lost features.
  unsigned run();

private:
  bool isPrunable(LinearOp op);
  bool canPrune(ParameterOp parameter);
  ParameterOp pruneParameter(ParameterOp parameter);
  void pruneOp(LinearOp op);

  ModuleOp module;
  ParameterValues parameters;
  LayerUses layers;
  FeaturePruningAttr pruning;
  /// The numbers of the features of each pruned weight.
  llvm::MapVector<ParameterOp, ParameterOp> features;
};
} // namespace

bool WeightPruning::isPrunable(LinearOp op) {
  auto x = cast<ShapedType>(op.getX().getType());
  return op.hasPureTensorSemantics() && !op.getLayoutAttr() && !op.isQuantized() && !op.getPruningAttr() &&
         layers.feedsLayer(op) && !x.isDynamicDim(1) && x.getDimSize(1) % pruning.getOf() == 0 &&
         x.getDimSize(1) <= 32768;
}

/// Whether the elements are as they are in their files, and only linears that can be pruned read them as weights.
bool WeightPruning::canPrune(ParameterOp parameter) {
  if (!parameter || parameter.getLayoutAttr() || isa<QuantizedAttr, RoundedAttr>(parameter.getSource()))
    return false;
  return llvm::all_of(parameters.getValues(parameter), [&](GetParameterOp value) {
    return llvm::all_of(value->getUses(), [&](OpOperand &use) {
      auto linear = dyn_cast<LinearOp>(use.getOwner());
      return linear && &use == &linear.getWeightMutable() && isPrunable(linear);
    });
  });
}

/// Makes the parameter one of fewer features and declares their numbers.
ParameterOp WeightPruning::pruneParameter(ParameterOp parameter) {
  auto type = cast<RankedTensorType>(parameter.getType());
  int64_t kept = pruning.getNumKept(type.getDimSize(1));
  MLIRContext *context = module.getContext();
  parameter.setSourceAttr(PrunedFeaturesAttr::get(context, parameter.getSource(), pruning));
  parameter.setType(type.clone({type.getDimSize(0), kept}));
  parameters.updateTypes(parameter);
  OpBuilder b(context);
  b.setInsertionPointAfter(parameter);
  auto numbers = RankedTensorType::get({llvm::divideCeilSigned(type.getDimSize(0), pruning.getColumns()), kept},
                                       b.getIntegerType(16));
  auto source = KeptFeaturesAttr::get(context, FlatSymbolRefAttr::get(parameter.getSymNameAttr()));
  auto declared = ParameterOp::create(b, parameter.getLoc(), (parameter.getSymName() + ".features").str(), numbers,
                                      source, LayoutAttrInterface(), IntegerAttr());
  if (Attribute block = parameter->getAttr("mf.block"))
    declared->setAttr("mf.block", block);
  // Gives it another name where there is one of this.
  parameters.getSymbols().insert(declared);
  std::string text = std::to_string(kept) + " of " + std::to_string(type.getDimSize(1)) + " features kept";
  remark::passed(parameter.getLoc(), remark::RemarkOpts::name("PruneWeights").category(DEBUG_TYPE)) << text;
  return declared;
}

void WeightPruning::pruneOp(LinearOp op) {
  OpBuilder b(op);
  ParameterOp numbers = features.lookup(parameters.getParameter(op.getWeight()));
  Value value = GetParameterOp::create(b, op.getLoc(), numbers.getType(), numbers.getSymName());
  op.getFeaturesMutable().assign(value);
  op.setPruningAttr(pruning);
}

unsigned WeightPruning::run() {
  SmallVector<LinearOp> pruned;
  module.walk([&](LinearOp op) {
    if (canPrune(parameters.getParameter(op.getWeight())))
      pruned.push_back(op);
    else
      remark::missed(op.getLoc(), remark::RemarkOpts::name("PruneWeights").category(DEBUG_TYPE))
          << "kept: it is the head, its groups do not fit, or its weight has a layout, converted elements or another "
             "use";
  });
  for (LinearOp op : pruned) {
    ParameterOp parameter = parameters.getParameter(op.getWeight());
    if (!features.count(parameter))
      features[parameter] = pruneParameter(parameter);
  }
  for (LinearOp op : pruned)
    pruneOp(op);
  return features.size();
}

namespace {
struct PruneWeightsPass : public mf::impl::PruneWeightsPassBase<PruneWeightsPass> {
  using PruneWeightsPassBase::PruneWeightsPassBase;

  void runOnOperation() override {
    auto emitError = [&] { return getOperation().emitError("mf-prune-weights: "); };
    auto pruning =
        FeaturePruningAttr::getChecked(emitError, &getContext(), kept.getValue(), of.getValue(), columns.getValue());
    if (!pruning)
      return signalPassFailure();
    numPruned += WeightPruning(getOperation(), pruning).run();
  }
};
} // namespace
