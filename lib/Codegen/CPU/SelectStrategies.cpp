// Gives every compute op a strategy for the module's target.
#include "mf/Codegen/CPU/Passes.h"
#include "mf/Codegen/Strategy/Strategies.h"

namespace mlir::mf {
#define GEN_PASS_DEF_CPUSELECTSTRATEGIESPASS
#include "mf/Codegen/CPU/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

namespace {
struct CPUSelectStrategiesPass : public mf::impl::CPUSelectStrategiesPassBase<CPUSelectStrategiesPass> {
  void runOnOperation() override;

private:
  LogicalResult select(ComputeOpInterface op, CPUTargetAttr target, ArrayAttr rules);
};
} // namespace

LogicalResult CPUSelectStrategiesPass::select(ComputeOpInterface op, CPUTargetAttr target, ArrayAttr rules) {
  if (!target)
    return getOperation().emitError() << "expects the attribute 'mf.target', a #mf.cpu_target, to select strategies by";
  StrategyAttrInterface strategy;
  if (rules) {
    FailureOr<StrategyAttrInterface> ruled = applyStrategyRules(rules, op, target);
    if (failed(ruled))
      return failure();
    strategy = *ruled;
    numRuled += strategy ? 1 : 0;
  }
  if (!strategy)
    strategy = selectStrategy(op, target);
  if (!strategy)
    return op.emitOpError() << "has no strategy on CPUs";
  op.setStrategyAttr(strategy);
  ++numSelected;
  return success();
}

void CPUSelectStrategiesPass::runOnOperation() {
  auto target = getOperation()->getAttrOfType<CPUTargetAttr>("mf.target");
  auto rules = getOperation()->getAttrOfType<ArrayAttr>("mf.strategies");
  WalkResult result = getOperation().walk([&](ComputeOpInterface op) {
    if (op.getStrategyAttr() || succeeded(select(op, target, rules)))
      return WalkResult::advance();
    return WalkResult::interrupt();
  });
  if (result.wasInterrupted())
    signalPassFailure();
}
