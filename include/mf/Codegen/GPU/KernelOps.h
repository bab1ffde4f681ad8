// The ops that a kernel of a GPU may hold. The contract, the lowering to PTX and whatever else runs a kernel start from
// this table.
#ifndef MF_CODEGEN_GPU_KERNELOPS_H
#define MF_CODEGEN_GPU_KERNELOPS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace mlir::mf {

/// Names of the permitted ops, in ascending order.
llvm::ArrayRef<llvm::StringLiteral> getGPUKernelOps();

} // namespace mlir::mf

#endif // MF_CODEGEN_GPU_KERNELOPS_H
