// Checks what whoever runs kernels relies on.
#include "mf/Codegen/GPU/KernelOps.h"
#include "mf/Codegen/GPU/Passes.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringExtras.h"

namespace mlir::mf {
#define GEN_PASS_DEF_GPUVERIFYKERNELCONTRACTPASS
#include "mf/Codegen/GPU/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

/// Clusters and bulk copies are of later architectures.
static LogicalResult verifyCluster(gpu::GPUFuncOp kernel, GPUTargetAttr target) {
  if (auto size = kernel.getKnownClusterSize();
      size && ((*size)[0] != 1 || (*size)[2] != 1 || (*size)[1] < 1 || (*size)[1] > target.getClusterBlocks()))
    return kernel.emitOpError() << "expects 'known_cluster_size' to be up to " << target.getClusterBlocks()
                                << " blocks along y on " << target.getArch();
  if (target.getClusterBlocks() > 1)
    return success();
  WalkResult result = kernel.getBody().walk([&](Operation *op) {
    if (!isa<BulkCopyOp, MBarrierInitOp, MBarrierExpectOp, MBarrierWaitOp, NVVM::ClusterArriveOp, NVVM::ClusterWaitOp>(
            op))
      return WalkResult::advance();
    op->emitOpError() << "needs a target with clusters, found " << target;
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

static LogicalResult verifyKernel(gpu::GPUFuncOp kernel, GPUTargetAttr target) {
  if (failed(verifyCluster(kernel, target)))
    return failure();
  auto size = kernel.getKnownBlockSize();
  if (!size || (*size)[0] % kWarpThreads != 0 || (*size)[1] != 1 || (*size)[2] != 1)
    return kernel.emitOpError() << "expects 'known_block_size' to be whole warps of one dimension";
  if (kernel.getNumWorkgroupAttributions() + kernel.getNumPrivateAttributions() > 0)
    return kernel.emitOpError() << "expects no attributions: workgroup memory is what the launch gives";
  WalkResult result = kernel.getBody().walk([](Operation *op) {
    if (findGPUKernelOp(op->getName().getStringRef()))
      return WalkResult::advance();
    InFlightDiagnostic diagnostic = op->emitOpError() << "is not among the ops that a kernel may hold";
    auto names = llvm::map_range(getGPUKernelOps(), [](const GPUKernelOp &permitted) { return permitted.name; });
    diagnostic.attachNote() << "a kernel may hold " << llvm::join(names, ", ");
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

static LogicalResult verifyLaunch(gpu::LaunchFuncOp launch, GPUTargetAttr target) {
  APInt bytes;
  Value memory = launch.getDynamicSharedMemorySize();
  if (!memory || (matchPattern(memory, m_ConstantInt(&bytes)) && bytes.getSExtValue() <= target.getWorkgroupBytes()))
    return success();
  return launch.emitOpError() << "expects a constant number of bytes of workgroup memory, "
                              << target.getWorkgroupBytes() << " at most on " << target.getArch();
}

namespace {
struct GPUVerifyKernelContractPass : public mf::impl::GPUVerifyKernelContractPassBase<GPUVerifyKernelContractPass> {
  void runOnOperation() override {
    markAllAnalysesPreserved();
    auto target = getOperation()->getAttrOfType<GPUTargetAttr>("mf.gpu_target");
    if (!target) {
      getOperation().emitError() << "expects the attribute 'mf.gpu_target', a #mf.gpu_target";
      return signalPassFailure();
    }
    getOperation().walk([&](Operation *op) {
      if (auto kernel = dyn_cast<gpu::GPUFuncOp>(op)) {
        if (failed(verifyKernel(kernel, target)))
          signalPassFailure();
      } else if (auto launch = dyn_cast<gpu::LaunchFuncOp>(op)) {
        if (failed(verifyLaunch(launch, target)))
          signalPassFailure();
      } else if (isa<ComputeOpInterface>(op) && !op->getParentOfType<gpu::GPUFuncOp>()) {
        op->emitOpError() << "expects a kernel, which convert-mf-to-gpu builds";
        signalPassFailure();
      }
    });
  }
};
} // namespace
