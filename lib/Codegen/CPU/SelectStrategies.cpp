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
};
} // namespace

void CPUSelectStrategiesPass::runOnOperation() {
  auto target = getOperation()->getAttrOfType<CPUTargetAttr>("mf.target");
  WalkResult result = getOperation().walk([&](ComputeOpInterface op) {
    if (op.getStrategyAttr())
      return WalkResult::advance();
    if (!target) {
      getOperation().emitError() << "expects the attribute 'mf.target', a #mf.cpu_target, to select strategies by";
      return WalkResult::interrupt();
    }
    StrategyAttrInterface strategy = selectStrategy(op, target);
    if (!strategy) {
      op.emitOpError() << "has no strategy on CPUs";
      return WalkResult::interrupt();
    }
    op.setStrategyAttr(strategy);
    ++numSelected;
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    signalPassFailure();
}
