// The ops that a kernel of a GPU may hold, and what each means. The contract, the lowering to PTX and the lowering to
// threads of the host start from this table.
#ifndef MF_CODEGEN_GPU_KERNELOPS_H
#define MF_CODEGEN_GPU_KERNELOPS_H

#include "mf/Runtime/GPUHost.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace mlir::mf {

/// How an op becomes PTX.
enum class PTXMeaning {
  Converted, ///< conversions take it to the LLVM and NVVM dialects
  Expanded,  ///< by mf-gpu-expand-math, because conversions would not round it right, or by mf-gpu-expand-copies
  Translated ///< it is of the LLVM or NVVM dialect and stays until LLVM IR
};

/// How an op runs on a thread of the host.
enum class HostMeaning {
  Same,   ///< as it is: it concerns one thread and no memory
  Access, ///< as it is; checked code tells the runtime of the access first
  Call,   ///< a call of the runtime, mf/Runtime/GPUHost.h
  Wait,   ///< such a call, in which the thread waits for others
  Inline  ///< by ops of one thread: its indices, the workgroup memory, roundings, the end
};

struct GPUKernelOp {
  llvm::StringLiteral name;
  PTXMeaning ptx;
  HostMeaning host;
  /// How it is counted; MF_RT_GPU_KIND_COUNT: not at all.
  mf_rt_gpu_kind kind;
};

/// All permitted ops, ascending by name.
llvm::ArrayRef<GPUKernelOp> getGPUKernelOps();

/// The entry of the op called `name`; null where a kernel may not hold it.
const GPUKernelOp *findGPUKernelOp(llvm::StringRef name);

} // namespace mlir::mf

#endif // MF_CODEGEN_GPU_KERNELOPS_H
