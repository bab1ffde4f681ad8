// The passes of lib/Codegen/GPU.
#ifndef MF_CODEGEN_GPU_PASSES_H
#define MF_CODEGEN_GPU_PASSES_H

#include "mf/Dialect/MF/IR/MFDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Pass/Pass.h"

namespace mlir::mf {

#define GEN_PASS_DECL
#include "mf/Codegen/GPU/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "mf/Codegen/GPU/Passes.h.inc"

} // namespace mlir::mf

#endif // MF_CODEGEN_GPU_PASSES_H
