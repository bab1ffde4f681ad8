// Kernels of a module as what the driver loads.
#ifndef MF_LIB_TARGET_CUDACODE_H
#define MF_LIB_TARGET_CUDACODE_H

#include "GPUFigures.h"
#include "mf/Codegen/GPU/CUDALaunches.h"
#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/Error.h"

namespace mlir::mf {

struct CUDACode {
  CUDAPlan plan;
  llvm::StringMap<KernelResources> resources; ///< by the kernel's name; empty where there was no assembler
  SmallVector<LaunchCount> launches;          ///< of one token
};

/// Compiles the kernels of a module that has passed `mf-gpu-pipeline` for `arch`: to PTX, and to a cubin where `ptxas`
/// (CompilerOptions::ptxas) is there. Forks.
llvm::Expected<CUDACode> compileCUDACode(ModuleOp module, StringRef arch, StringRef ptxas,
                                         const DialectRegistry &registry);

} // namespace mlir::mf

#endif // MF_LIB_TARGET_CUDACODE_H
