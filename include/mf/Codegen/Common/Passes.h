// The passes of lib/Codegen/Common.
#ifndef MF_CODEGEN_COMMON_PASSES_H
#define MF_CODEGEN_COMMON_PASSES_H

#include "mf/Dialect/MF/IR/MFDialect.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::mf {

#define GEN_PASS_DECL
#include "mf/Codegen/Common/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "mf/Codegen/Common/Passes.h.inc"

} // namespace mlir::mf

#endif // MF_CODEGEN_COMMON_PASSES_H
