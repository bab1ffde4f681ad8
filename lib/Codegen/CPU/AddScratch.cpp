// mf-cpu-add-scratch: memory for the sums that wait while blocks of tables pass, for codes in the order in which blocks
// read them, and for the sums of a linear attention.
#include "mf/Codegen/CPU/Passes.h"
#include "mf/Codegen/CPU/StripPasses.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::mf {
#define GEN_PASS_DEF_CPUADDSCRATCHPASS
#include "mf/Codegen/CPU/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

/// Memory [passes, tokens, columns of a pass] for sums; copies of codes and quantised scores [blocks, tokens, tables of
/// a block] where there are several blocks.
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
  StripPasses passes(op, strategy);
  SmallVector<Value> scratch{allocate({passes.count, tokens, passes.columns}, b.getI32Type())};
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
  void runOnOperation() override;
};
} // namespace

/// Whether `op` got scratch: a lookup in strips.
static bool addScratch(LookupOp op) {
  auto strategy = dyn_cast_if_present<CPUStripsAttr>(op.getStrategyAttr());
  if (!op.hasPureBufferSemantics() || !op.getScratch().empty() || !op.getLayoutAttr() || !strategy)
    return false;
  op.getScratchMutable().assign(createScratch(op, strategy));
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
