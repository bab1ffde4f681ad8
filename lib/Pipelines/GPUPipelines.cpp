// The pipelines for GPUs: from the model stage to kernels, and from kernels to PTX.
#include "Bufferization.h"
#include "mf/Codegen/CPU/Passes.h"
#include "mf/Codegen/Common/Passes.h"
#include "mf/Codegen/GPU/Passes.h"
#include "mf/Conversion/Passes.h"
#include "mf/Dialect/MF/Transforms/Passes.h"
#include "mf/Pipelines/Pipelines.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::mf;

void mlir::mf::buildGPUPipeline(OpPassManager &passManager, const GPUOptions &options) {
  GPUSelectStrategiesPassOptions strategies;
  strategies.arch = options.arch;
  passManager.addPass(createGPUSelectStrategiesPass(strategies));
  buildPackPipeline(passManager, PackOptions());
  // Ops stay whole: a kernel's grid is the loop over tiles.
  addBufferization(passManager);
  passManager.addPass(createGPUAddScratchPass());
  passManager.addPass(createGPUGroupRowsPass());
  passManager.addPass(createPlanWorkspacePass());
  passManager.addPass(createVerifyBufferizeContractPass());
  passManager.addPass(createConvertMFToGPUPass());
  // No canonicalisation: it would write ops that no kernel may hold.
  passManager.addPass(createCSEPass());
  passManager.addPass(createGPUVerifyKernelContractPass());
}

void mlir::mf::buildGPUToPTXPipeline(OpPassManager &passManager, const GPUOptions &options) {
  passManager.addPass(createGPUVerifyKernelContractPass());
  passManager.addNestedPass<gpu::GPUModuleOp>(createGPUExpandMathPass());
  passManager.addNestedPass<gpu::GPUModuleOp>(createGPUExpandCopiesPass());
  GpuNVVMAttachTargetOptions target;
  target.chip = options.arch;
  // The back end's default is older than what both architectures need.
  target.features = "+ptx80";
  target.optLevel = 3;
  passManager.addPass(createGpuNVVMAttachTarget(target));
  passManager.addPass(createConvertNVGPUToNVVMPass());
  OpPassManager &kernels = passManager.nest<gpu::GPUModuleOp>();
  kernels.addPass(createSCFToControlFlowPass());
  kernels.addPass(createConvertNVVMToLLVMPass());
  kernels.addPass(memref::createExpandStridedMetadataPass());
  kernels.addPass(createLowerAffinePass());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  kernels.addPass(createConvertGpuOpsToNVVMOps());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  kernels.addPass(createReconcileUnrealizedCastsPass());
  GpuModuleToBinaryPassOptions binary;
  binary.compilationTarget = "isa";
  passManager.addPass(createGpuModuleToBinaryPass(binary));
}

void mlir::mf::buildGPUCUDAPipeline(OpPassManager &passManager, const GPUCUDAOptions &) {
  passManager.addPass(createGPUVerifyKernelContractPass());
  passManager.addPass(createGPULaunchOnCUDAPass());
  passManager.addPass(createCPUSetTargetPass());
  buildLowerToLLVMPipeline(passManager);
}

void mlir::mf::buildGPUHostPipeline(OpPassManager &passManager, const GPUHostOptions &options) {
  passManager.addPass(createGPUVerifyKernelContractPass());
  GPURunOnHostPassOptions run;
  run.checked = options.checked;
  passManager.addPass(createGPURunOnHostPass(run));
  // Products are fused where kernels say so: the target must have them.
  CPUSetTargetPassOptions target;
  target.cpu = "x86-64-v3";
  passManager.addPass(createCPUSetTargetPass(target));
  buildLowerToLLVMPipeline(passManager);
}

void mlir::mf::registerGPUPipelines() {
  PassPipelineRegistration<GPUOptions>("mf-gpu-pipeline", "After mf-model-pipeline: kernels and launches for a GPU",
                                       buildGPUPipeline);
  PassPipelineRegistration<GPUOptions>("mf-gpu-to-ptx-pipeline", "Kernels to PTX in a gpu.binary",
                                       buildGPUToPTXPipeline);
  PassPipelineRegistration<GPUCUDAOptions>("mf-gpu-cuda-pipeline",
                                           "After mf-gpu-pipeline: launches to the LLVM dialect, for CUDA devices",
                                           buildGPUCUDAPipeline);
  PassPipelineRegistration<GPUHostOptions>(
      "mf-gpu-host-pipeline",
      "After mf-gpu-pipeline: kernels and launches to the LLVM dialect, for threads "
      "of the host",
      buildGPUHostPipeline);
}
