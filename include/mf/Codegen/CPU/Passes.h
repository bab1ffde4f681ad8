// The passes of lib/Codegen/CPU.
#ifndef MF_CODEGEN_CPU_PASSES_H
#define MF_CODEGEN_CPU_PASSES_H

#include "mf/Dialect/MF/IR/MFDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::mf {

#define GEN_PASS_DECL
#include "mf/Codegen/CPU/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "mf/Codegen/CPU/Passes.h.inc"

} // namespace mlir::mf

#endif // MF_CODEGEN_CPU_PASSES_H
