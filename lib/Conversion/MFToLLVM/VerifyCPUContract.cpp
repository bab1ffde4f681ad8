// The pass `mf-verify-cpu-contract`: what is left is the LLVM dialect, and calls nothing that a library does not link.
#include "mf/Conversion/Passes.h"
#include "mf/Dialect/MF/IR/MFAttributes.h"

namespace mlir::mf {
#define GEN_PASS_DEF_VERIFYCPUCONTRACTPASS
#include "mf/Conversion/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

static constexpr StringLiteral linkedFunctions[] = {"memcpy", "memmove", "memset"};

static bool isLinked(StringRef function) {
  return function.starts_with("mf_rt_") || llvm::is_contained(linkedFunctions, function);
}

/// Intrinsics that code generation turns into calls of libm.
static bool callsLibM(Operation *op) {
  return isa<LLVM::CosOp, LLVM::ExpOp, LLVM::Exp2Op, LLVM::Exp10Op, LLVM::FRemOp, LLVM::LogOp, LLVM::Log2Op,
             LLVM::Log10Op, LLVM::PowOp, LLVM::SinOp, LLVM::TanOp, LLVM::TanhOp>(op);
}

static LogicalResult verifyOp(Operation *op, CPUTargetAttr target) {
  if (auto function = dyn_cast<LLVM::LLVMFuncOp>(op)) {
    if (function.isExternal() && !isLinked(function.getSymName()))
      return op->emitOpError("declares @") << function.getSymName() << ", which no library links";
    return success();
  }
  if (!isa_and_present<LLVM::LLVMDialect>(op->getDialect()))
    return op->emitOpError("is not of the LLVM dialect");
  if (callsLibM(op))
    return op->emitOpError("would become a call of libm");
  if (isa<LLVM::FMAOp>(op) && !(target && target.getFma()))
    return op->emitOpError("would become a call of libm: the target has no fused products");
  return success();
}

namespace {
struct VerifyCPUContractPass : mf::impl::VerifyCPUContractPassBase<VerifyCPUContractPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto target = module->getAttrOfType<CPUTargetAttr>("mf.target");
    WalkResult result = module.walk<WalkOrder::PreOrder>([&](Operation *op) {
      return op == module || succeeded(verifyOp(op, target)) ? WalkResult::advance() : WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
