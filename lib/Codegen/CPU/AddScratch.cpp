// mf-cpu-add-scratch: memory for the sums that wait while blocks of tables pass, and for codes in the
// order in which blocks read them.
#include "mf/Codegen/CPU/Passes.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::mf {
#define GEN_PASS_DEF_CPUADDSCRATCHPASS
#include "mf/Codegen/CPU/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

/// Memory [tokens, columns of a strip] for sums; copies of codes and quantised scores [blocks, tokens, tables of a
/// block] where there are several blocks.
static SmallVector<Value> createScratch(LookupOp op, CPUStripsAttr strategy) {
  OpBuilder b(op);
  auto codes = cast<MemRefType>(op.getCodes().getType());
  SmallVector<Value> sizes;
  if (codes.isDynamicDim(0))
    sizes.push_back(b.createOrFold<memref::DimOp>(op.getLoc(), op.getCodes(), 0));
  int64_t tokens = codes.getDimSize(0), tables = strategy.getTables();
  auto allocate = [&](ArrayRef<int64_t> shape, Type element) -> Value {
    return memref::AllocOp::create(b, op.getLoc(), MemRefType::get(shape, element), sizes);
  };
  SmallVector<Value> scratch{allocate({tokens, op.getLayoutAttr().getStripColumns()}, b.getI32Type())};
  int64_t blocks = llvm::divideCeil(op.getNumTables(), tables);
  if (blocks == 1)
    return scratch;
  scratch.push_back(allocate({blocks, tokens, tables}, codes.getElementType()));
  if (op.isQuantized())
    scratch.push_back(allocate({blocks, tokens, tables}, b.getI8Type()));
  return scratch;
}

namespace {
struct CPUAddScratchPass : public mf::impl::CPUAddScratchPassBase<CPUAddScratchPass> {
  void runOnOperation() override {
    getOperation().walk([&](LookupOp op) {
      auto strategy = dyn_cast_if_present<CPUStripsAttr>(op.getStrategyAttr());
      if (!op.hasPureBufferSemantics() || !op.getScratch().empty() || !op.getLayoutAttr() || !strategy)
        return;
      op.getScratchMutable().assign(createScratch(op, strategy));
      ++numScratches;
    });
  }
};
} // namespace
