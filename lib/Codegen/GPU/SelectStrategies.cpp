// A GPU as target, and a strategy for each op.
#include "mf/Codegen/GPU/Passes.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"

namespace mlir::mf {
#define GEN_PASS_DEF_GPUSELECTSTRATEGIESPASS
#include "mf/Codegen/GPU/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

namespace {
struct GPUSelectStrategiesPass : public mf::impl::GPUSelectStrategiesPassBase<GPUSelectStrategiesPass> {
  using GPUSelectStrategiesPassBase::GPUSelectStrategiesPassBase;
  void runOnOperation() override;
};
} // namespace

void GPUSelectStrategiesPass::runOnOperation() {
  ModuleOp module = getOperation();
  auto target = module->getAttrOfType<GPUTargetAttr>("mf.gpu_target");
  if (!target) {
    FailureOr<GPUTargetAttr> found = getGPUTarget(&getContext(), arch, [&] { return module.emitError(); });
    if (failed(found))
      return signalPassFailure();
    target = *found;
    module->setAttr("mf.gpu_target", target);
  }
  module.walk([&](ComputeOpInterface op) {
    if (op.getStrategyAttr())
      return;
    StrategyAttrInterface strategy = selectGPUStrategy(op, target);
    if (!strategy) {
      op.emitOpError() << "has no kernel for GPUs, found operands of " << op->getOperand(0).getType();
      return signalPassFailure();
    }
    op.setStrategyAttr(strategy);
  });
}
