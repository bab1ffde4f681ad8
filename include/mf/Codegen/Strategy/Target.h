// Descriptions of the CPUs that a library is compiled for.
#ifndef MF_CODEGEN_STRATEGY_TARGET_H
#define MF_CODEGEN_STRATEGY_TARGET_H

#include "mf/Dialect/MF/IR/MFAttributes.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LLVM.h"

namespace mlir::mf {

/// The variants to compile for `triple`, best first. Without `cpus` these are the default variants of the
/// architecture: x86-64-v4-vnni-bf16, x86-64-v4, x86-64-v3, x86-64-v2 (x86-64) or aarch64 (AArch64). Otherwise one per
/// name: a default variant, a CPU that LLVM knows, or `native` for the CPU of this machine.
///
/// In a variant, `features` has every feature that its code may use beyond the architecture's baseline; all of them are
/// in the lists of mf/Runtime/Plan.h, so that a library can check them when it is loaded. `cpu` only tunes: see
/// `getCodegenCPU`. The dialect `mf` must be loaded in `context`. Fails, with a message through `emitError`, for other
/// architectures and unknown CPUs.
FailureOr<SmallVector<CPUTargetAttr>> getTargets(MLIRContext *context, StringRef triple, ArrayRef<StringRef> cpus,
                                                 function_ref<InFlightDiagnostic()> emitError);

/// Bits of MF_RT_X86_FEATURES or MF_RT_AARCH64_FEATURES that the code of `target` needs.
uint64_t getRequiredFeatures(CPUTargetAttr target);

/// The LLVM CPU to generate code for: the baseline of the architecture. `target.getFeatures()` are added to it.
StringRef getCodegenCPU(CPUTargetAttr target);

/// The LLVM CPU whose costs instructions are chosen and scheduled by (the attribute `tune-cpu`).
StringRef getTuneCPU(CPUTargetAttr target);

} // namespace mlir::mf

#endif // MF_CODEGEN_STRATEGY_TARGET_H
