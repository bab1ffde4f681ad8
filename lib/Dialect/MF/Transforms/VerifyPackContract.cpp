// mf-verify-pack-contract: what the pack stage promises to the stages behind it.
#include "ParameterUses.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mf/Dialect/MF/Transforms/Passes.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::mf {
#define GEN_PASS_DEF_VERIFYPACKCONTRACTPASS
#include "mf/Dialect/MF/Transforms/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

/// Every parameter is read, and they are numbered in module order.
static LogicalResult verifyNumbers(ModuleOp module) {
  DenseSet<StringAttr> used;
  module.walk([&](GetParameterOp op) { used.insert(op.getParameterAttr().getAttr()); });
  for (auto [number, parameter] : llvm::enumerate(module.getOps<ParameterOp>())) {
    if (!used.contains(parameter.getSymNameAttr()))
      return parameter.emitOpError("is read by no function: the pack stage drops such parameters");
    if (!parameter.getIndexAttr())
      return parameter.emitOpError("expects the index ") << number << ", found none";
    if (parameter.getIndexAttr().getInt() != static_cast<int64_t>(number))
      return parameter.emitOpError("expects the index ") << number << ", found " << parameter.getIndexAttr().getInt();
  }
  return success();
}

namespace {
struct VerifyPackContractPass : public mf::impl::VerifyPackContractPassBase<VerifyPackContractPass> {
  void runOnOperation() override {
    markAllAnalysesPreserved();
    if (failed(verifyNumbers(getOperation())) || failed(verifyLayoutsAgree(getOperation())))
      signalPassFailure();
  }
};
} // namespace
