// Registers the dialects, interfaces, passes and pipelines of MLIR and of this project.
#include "mf/Pipelines/InitAll.h"
#include "mf/Codegen/CPU/Passes.h"
#include "mf/Codegen/Common/Passes.h"
#include "mf/Codegen/GPU/Passes.h"
#include "mf/Conversion/Passes.h"
#include "mf/Dialect/MF/IR/MFDialect.h"
#include "mf/Dialect/MF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mf/Dialect/MF/Transforms/Passes.h"
#include "mf/Pipelines/Pipelines.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"

using namespace mlir;

void mf::registerAllDialectsAndPasses(DialectRegistry &registry) {
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registerAllToLLVMIRTranslations(registry);
  registerAllPasses();

  registry.insert<mf::MFDialect>();
  mf::registerBufferizableOpInterfaceExternalModels(registry);
  mf::registerMFTransformsPasses();
  mf::registerMFConversionPasses();
  mf::registerLowerToLLVMPipeline();
  mf::registerMFCodegenCommonPasses();
  mf::registerMFCodegenCPUPasses();
  mf::registerMFCodegenGPUPasses();
  mf::registerPipelines();
  mf::registerGPUPipelines();
}
