// mf-cpu-add-scratch: memory for the sums that wait while blocks of tables pass.
#include "mf/Codegen/CPU/Passes.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::mf {
#define GEN_PASS_DEF_CPUADDSCRATCHPASS
#include "mf/Codegen/CPU/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

namespace {
struct CPUAddScratchPass : public mf::impl::CPUAddScratchPassBase<CPUAddScratchPass> {
  void runOnOperation() override {
    getOperation().walk([&](LookupOp op) {
      TableLayoutAttr layout = op.getLayoutAttr();
      if (!op.hasPureBufferSemantics() || op.getScratch() || !layout ||
          !isa_and_present<CPUStripsAttr>(op.getStrategyAttr()))
        return;
      OpBuilder b(op);
      auto codes = cast<MemRefType>(op.getCodes().getType());
      SmallVector<Value> sizes;
      if (codes.isDynamicDim(0))
        sizes.push_back(b.createOrFold<memref::DimOp>(op.getLoc(), op.getCodes(), 0));
      auto type = MemRefType::get({codes.getDimSize(0), layout.getStripColumns()}, b.getI32Type());
      op.getScratchMutable().assign(memref::AllocOp::create(b, op.getLoc(), type, sizes));
      ++numScratches;
    });
  }
};
} // namespace
