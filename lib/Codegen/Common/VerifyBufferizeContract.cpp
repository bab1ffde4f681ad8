// Checks what kernels rely on: memrefs only, places for all of them, and functions that the runtime can call.
#include "mf/Codegen/Common/Passes.h"
#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {
#define GEN_PASS_DEF_VERIFYBUFFERIZECONTRACTPASS
#include "mf/Codegen/Common/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

namespace {
struct VerifyBufferizeContractPass : public mf::impl::VerifyBufferizeContractPassBase<VerifyBufferizeContractPass> {
  void runOnOperation() override;
};
} // namespace

static bool hasTensors(Operation *op) {
  auto isTensor = llvm::IsaPred<TensorType>;
  if (auto func = dyn_cast<func::FuncOp>(op))
    return llvm::any_of(func.getArgumentTypes(), isTensor) || llvm::any_of(func.getResultTypes(), isTensor);
  return llvm::any_of(op->getOperandTypes(), isTensor) || llvm::any_of(op->getResultTypes(), isTensor);
}

/// Whether the runtime can call `func`: an entry point or the size of its workspace.
static bool isCallable(func::FuncOp func) {
  if (func.getNumArguments() != 1 || !isa<FrameType>(func.getArgumentTypes().front()))
    return false;
  if (func.getNumResults() == 0)
    return isa_and_nonnull<EntryAttr>(func->getAttr("mf.entry"));
  return func.getNumResults() == 1 && func.getResultTypes().front().isInteger(64);
}

void VerifyBufferizeContractPass::runOnOperation() {
  markAllAnalysesPreserved();
  auto fail = [&](Operation *op, StringRef message) {
    op->emitOpError() << message;
    signalPassFailure();
  };
  getOperation().walk([&](Operation *op) {
    if (hasTensors(op))
      fail(op, "expects no tensors after bufferisation");
    else if (isa<memref::AllocOp, memref::AllocaOp, memref::ReallocOp>(op))
      fail(op, "expects a place in the workspace, which mf-plan-workspace gives");
    else if (auto func = dyn_cast<func::FuncOp>(op); func && func.isPublic() && !isCallable(func))
      fail(op, "expects a public function to be an entry point or the size of a workspace");
  });
}
