// Checks what tiling relies on: a target, and a strategy of its family on every compute op.
#include "mf/Codegen/Common/Passes.h"
#include "mf/Codegen/Strategy/Strategies.h"

namespace mlir::mf {
#define GEN_PASS_DEF_VERIFYSTRATEGYCONTRACTPASS
#include "mf/Codegen/Common/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

namespace {
struct VerifyStrategyContractPass : public mf::impl::VerifyStrategyContractPassBase<VerifyStrategyContractPass> {
  void runOnOperation() override;
};
} // namespace

void VerifyStrategyContractPass::runOnOperation() {
  markAllAnalysesPreserved();
  if (!getOperation()->getAttrOfType<CPUTargetAttr>("mf.target")) {
    getOperation().emitError() << "expects the attribute 'mf.target', a #mf.cpu_target";
    return signalPassFailure();
  }
  getOperation().walk([&](ComputeOpInterface op) {
    if (!op.getStrategyAttr()) {
      op.emitOpError() << "expects a strategy";
      return signalPassFailure();
    }
    if (failed(verifyStrategy(op)))
      signalPassFailure();
  });
}
