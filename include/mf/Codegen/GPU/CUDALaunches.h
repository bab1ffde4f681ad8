// The kernels of a module as the runtime's side of CUDA numbers them.
#ifndef MF_CODEGEN_GPU_CUDALAUNCHES_H
#define MF_CODEGEN_GPU_CUDALAUNCHES_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::mf {

/// A kernel, mf_rt_cuda_kernel.
struct CUDAKernel {
  std::string name;
  int64_t threads = 0;        ///< of a block
  int64_t workgroupBytes = 0; ///< the most that a launch asks for
};

/// The kernels of a module that has passed `mf-gpu-pipeline`, in its order: their indices are the numbers that
/// `mf-gpu-launch-on-cuda` passes on.
SmallVector<CUDAKernel> listCUDAKernels(ModuleOp module);

/// Kernels that a call of an entry point launches.
struct LaunchCount {
  std::string function;
  int64_t launches;
};

/// The entry points of a module that has passed `mf-gpu-pipeline`, and their launches where all dimensions are 1.
SmallVector<LaunchCount> countLaunchesOfOneToken(ModuleOp module);

/// Bytes that kernel parameters of these types have in PTX, without what would align what follows them. A memref is two
/// pointers, an offset, its sizes and its strides.
int64_t getCUDAParameterBytes(TypeRange types);

} // namespace mlir::mf

#endif // MF_CODEGEN_GPU_CUDALAUNCHES_H
