// Describes the CPU that a module is compiled for.
#include "mf/Codegen/CPU/Passes.h"
#include "mf/Codegen/Strategy/Target.h"

namespace mlir::mf {
#define GEN_PASS_DEF_CPUSETTARGETPASS
#include "mf/Codegen/CPU/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

namespace {
struct CPUSetTargetPass : public mf::impl::CPUSetTargetPassBase<CPUSetTargetPass> {
  using CPUSetTargetPassBase::CPUSetTargetPassBase;
  void runOnOperation() override;
};
} // namespace

void CPUSetTargetPass::runOnOperation() {
  ModuleOp module = getOperation();
  if (module->hasAttr("mf.target"))
    return;
  SmallVector<StringRef> cpus;
  if (!cpu.empty())
    cpus.push_back(cpu);
  FailureOr<SmallVector<CPUTargetAttr>> targets =
      getTargets(&getContext(), triple, cpus, [&] { return module.emitError(); });
  if (failed(targets))
    return signalPassFailure();
  module->setAttr("mf.target", targets->front());
}
