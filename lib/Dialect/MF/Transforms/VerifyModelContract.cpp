// mf-verify-model-contract: what the model stage promises to the stages behind it.
#include "ParameterUses.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mf/Dialect/MF/Transforms/Passes.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::mf {
#define GEN_PASS_DEF_VERIFYMODELCONTRACTPASS
#include "mf/Dialect/MF/Transforms/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

namespace {
struct VerifyModelContractPass : public mf::impl::VerifyModelContractPassBase<VerifyModelContractPass> {
  void runOnOperation() override {
    markAllAnalysesPreserved();
    WalkResult walked = getOperation().walk([](ComputeOpInterface op) {
      if (cast<DestinationStyleOpInterface>(op.getOperation()).hasPureTensorSemantics())
        return WalkResult::advance();
      return WalkResult(op->emitOpError("is on memrefs: the model stage expects compute ops on tensors"));
    });
    if (walked.wasInterrupted() || failed(verifyLayoutsAgree(getOperation())))
      signalPassFailure();
  }
};
} // namespace
