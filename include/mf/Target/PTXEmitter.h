// From kernels to PTX.
#ifndef MF_TARGET_PTXEMITTER_H
#define MF_TARGET_PTXEMITTER_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/Error.h"

namespace mlir::mf {

/// The PTX of all kernels of `module`, which has passed `mf-gpu-pipeline`, for `arch`; empty where it has none. The
/// code generator runs in a child process: where it aborts, the error has what it printed. Needs no CUDA toolkit.
llvm::Expected<std::string> emitPTX(ModuleOp module, StringRef arch, const DialectRegistry &registry);

} // namespace mlir::mf

#endif // MF_TARGET_PTXEMITTER_H
