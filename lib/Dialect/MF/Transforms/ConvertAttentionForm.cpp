// mf-convert-attention-form: the forms of linear attention, one made of another.
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mf/Dialect/MF/Transforms/Passes.h"

namespace mlir::mf {
#define GEN_PASS_DEF_CONVERTATTENTIONFORMPASS
#include "mf/Dialect/MF/Transforms/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

namespace {
struct ConvertAttentionFormPass : public mf::impl::ConvertAttentionFormPassBase<ConvertAttentionFormPass> {
  using ConvertAttentionFormPassBase::ConvertAttentionFormPassBase;

  void runOnOperation() override {
    std::optional<AttentionForm> wanted = symbolizeAttentionForm(form);
    if (!wanted)
      return getOperation().emitError("mf-convert-attention-form: expects form to be chunked, quadratic or recurrent, "
                                      "found ")
                 << form.getValue(),
             signalPassFailure();
    WalkResult walked = getOperation().walk([&](LinearAttentionOp op) {
      if (op.getForm() == *wanted)
        return WalkResult::advance();
      if (op.getScratch())
        return WalkResult(op.emitOpError("has scratch for the form ") << stringifyAttentionForm(op.getForm()));
      op.setForm(*wanted);
      ++numConverted;
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
