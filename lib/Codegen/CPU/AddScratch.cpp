// mf-cpu-add-scratch: memory for the sums that wait while blocks of tables pass, and for those of a linear attention.
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
  void runOnOperation() override;
};
} // namespace

/// Whether `op` got scratch: a lookup in strips [tokens, columns of a strip].
static bool addScratch(LookupOp op) {
  TableLayoutAttr layout = op.getLayoutAttr();
  if (!op.hasPureBufferSemantics() || op.getScratch() || !layout ||
      !isa_and_present<CPUStripsAttr>(op.getStrategyAttr()))
    return false;
  OpBuilder b(op);
  auto codes = cast<MemRefType>(op.getCodes().getType());
  SmallVector<Value> sizes;
  if (codes.isDynamicDim(0))
    sizes.push_back(b.createOrFold<memref::DimOp>(op.getLoc(), op.getCodes(), 0));
  auto type = MemRefType::get({codes.getDimSize(0), layout.getStripColumns()}, b.getI32Type());
  op.getScratchMutable().assign(memref::AllocOp::create(b, op.getLoc(), type, sizes));
  return true;
}

/// Whether `op` got scratch: the state of one head.
static bool addScratch(LinearAttentionOp op) {
  if (!op.hasPureBufferSemantics() || op.getScratch())
    return false;
  OpBuilder b(op);
  auto type = MemRefType::get({op.getStateLayout().getSize()}, b.getF32Type());
  op.getScratchMutable().assign(memref::AllocOp::create(b, op.getLoc(), type));
  return true;
}

void CPUAddScratchPass::runOnOperation() {
  getOperation().walk([&](LookupOp op) { numScratches += addScratch(op); });
  getOperation().walk([&](LinearAttentionOp op) { numScratches += addScratch(op); });
}
