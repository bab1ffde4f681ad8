// The pipeline from bufferised functions to the LLVM dialect, and the registration of the passes.
#include "mf/Conversion/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

/// Compute ops, copies and what is left of linalg to loops; no value of a vector has more than one dimension
/// afterwards.
static void addKernelPasses(OpPassManager &functions) {
  functions.addPass(mf::createConvertMFToVectorPass());
  functions.addPass(mf::createLowerMemRefCopiesPass());
  functions.addPass(createConvertLinalgToLoopsPass());
  functions.addPass(createLowerAffinePass());
  functions.addPass(createConvertVectorToSCFPass());
  functions.addPass(createCanonicalizerPass());
  functions.addPass(createCSEPass());
}

void mf::buildLowerToLLVMPipeline(OpPassManager &passManager) {
  addKernelPasses(passManager.nest<func::FuncOp>());
  passManager.addPass(memref::createExpandStridedMetadataPass());
  passManager.addPass(createLowerAffinePass());
  passManager.addPass(arith::createArithExpandOpsPass());
  passManager.addPass(createSCFToControlFlowPass());
  // Takes the vector ops apart that have no counterpart in LLVM.
  passManager.addPass(createConvertVectorToLLVMPass());
  passManager.addPass(mf::createConvertMFToLLVMPass());
  passManager.addPass(createReconcileUnrealizedCastsPass());
  passManager.addPass(createCanonicalizerPass());
  passManager.addPass(createCSEPass());
  passManager.addPass(mf::createVerifyCPUContractPass());
}

void mf::registerLowerToLLVMPipeline() {
  PassPipelineRegistration<>("mf-lower-to-llvm-pipeline", "Bufferised functions with compute ops to the LLVM dialect",
                             buildLowerToLLVMPipeline);
}
