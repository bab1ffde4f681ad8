// Passes over models on tensors: graph-level passes and the contracts of their stages.
#ifndef MF_DIALECT_MF_TRANSFORMS_PASSES_H
#define MF_DIALECT_MF_TRANSFORMS_PASSES_H

#include "mf/Dialect/MF/IR/MFDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"

namespace mlir::mf {

#define GEN_PASS_DECL
#include "mf/Dialect/MF/Transforms/Passes.h.inc"

/// Registers the passes of this file and, by `registerMFTransformsPasses`, all of them at once.
#define GEN_PASS_REGISTRATION
#include "mf/Dialect/MF/Transforms/Passes.h.inc"

} // namespace mlir::mf

#endif // MF_DIALECT_MF_TRANSFORMS_PASSES_H
