// mf-pack-parameters: the parameters that are read get their places in the parameter file.
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mf/Dialect/MF/Transforms/Passes.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::mf {
#define GEN_PASS_DEF_PACKPARAMETERSPASS
#include "mf/Dialect/MF/Transforms/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

namespace {
struct PackParametersPass : public mf::impl::PackParametersPassBase<PackParametersPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    DenseSet<StringAttr> used;
    WalkResult walked = module.walk([&](Operation *op) {
      if (isa<FrameParameterOp>(op))
        return WalkResult(op->emitOpError("reads a parameter by its number: number the parameters before entry points "
                                          "are lowered"));
      if (auto getParameter = dyn_cast<GetParameterOp>(op)) {
        if (op->use_empty())
          op->erase();
        else
          used.insert(getParameter.getParameterAttr().getAttr());
      }
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      return signalPassFailure();
    int64_t index = 0;
    Builder builder(&getContext());
    for (ParameterOp parameter : llvm::make_early_inc_range(module.getOps<ParameterOp>())) {
      if (used.contains(parameter.getSymNameAttr())) {
        parameter.setIndexAttr(builder.getI64IntegerAttr(index++));
        continue;
      }
      parameter.erase();
      ++numDroppedParameters;
    }
  }
};
} // namespace
