// Checks what bufferisation relies on: everything that can run in parallel does.
#include "mf/Codegen/Common/Passes.h"
#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {
#define GEN_PASS_DEF_VERIFYTILECONTRACTPASS
#include "mf/Codegen/Common/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

namespace {
struct VerifyTileContractPass : public mf::impl::VerifyTileContractPassBase<VerifyTileContractPass> {
  void runOnOperation() override;
};
} // namespace

/// Whether all loops of `op` have constant extents, as a tile has whose loop was inlined.
static bool hasStaticLoops(ComputeOpInterface op) {
  Value init = cast<DestinationStyleOpInterface>(op.getOperation()).getDpsInitOperand(0)->get();
  auto type = cast<ShapedType>(init.getType());
  return llvm::none_of(op.getLoopDims(), [&](int64_t dim) { return type.isDynamicDim(dim); });
}

void VerifyTileContractPass::runOnOperation() {
  markAllAnalysesPreserved();
  getOperation().walk([&](ComputeOpInterface op) {
    if (op->getParentOfType<scf::ForallOp>() || hasStaticLoops(op))
      return;
    op.emitOpError() << "expects a parallel loop around it, which mf-tile-and-fuse builds";
    signalPassFailure();
  });
}
