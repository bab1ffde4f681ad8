// The passes of lib/Conversion: from compute ops on memrefs to the LLVM dialect.
#ifndef MF_CONVERSION_PASSES_H
#define MF_CONVERSION_PASSES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::mf {

#define GEN_PASS_DECL
#include "mf/Conversion/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "mf/Conversion/Passes.h.inc"

/// Adds the passes that take a module of bufferised functions (compute ops of `mf` with strategies, linalg, affine,
/// scf, vector, memref, arith and math ops, the frame ops, `mf.parallel_for`) to the LLVM dialect alone, checked by
/// `mf-verify-cpu-contract`. `passManager` is anchored on the module.
void buildLowerToLLVMPipeline(OpPassManager &passManager);

/// Registers this pipeline as `mf-lower-to-llvm-pipeline`; `registerMFConversionPasses` registers the passes.
void registerLowerToLLVMPipeline();

} // namespace mlir::mf

#endif // MF_CONVERSION_PASSES_H
