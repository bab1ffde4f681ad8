// The pass `mf-lower-memref-copies`: copies that would become a call of MLIR's runtime become loops.
#include "mf/Conversion/Passes.h"

namespace mlir::mf {
#define GEN_PASS_DEF_LOWERMEMREFCOPIESPASS
#include "mf/Conversion/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

static bool isCompact(Value memref) {
  auto type = dyn_cast<MemRefType>(memref.getType());
  return type && type.getLayout().isIdentity();
}

static void lowerToLoops(memref::CopyOp op) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  Value zero = arith::ConstantIndexOp::create(b, loc, 0), one = arith::ConstantIndexOp::create(b, loc, 1);
  SmallVector<Value> indices;
  for (int64_t i = 0, rank = cast<MemRefType>(op.getSource().getType()).getRank(); i < rank; ++i) {
    Value size = b.createOrFold<memref::DimOp>(loc, op.getSource(), i);
    auto loop = scf::ForOp::create(b, loc, zero, size, one);
    indices.push_back(loop.getInductionVar());
    b.setInsertionPointToStart(loop.getBody());
  }
  Value element = memref::LoadOp::create(b, loc, op.getSource(), indices);
  memref::StoreOp::create(b, loc, element, op.getTarget(), indices);
  op.erase();
}

namespace {
struct LowerMemRefCopiesPass : mf::impl::LowerMemRefCopiesPassBase<LowerMemRefCopiesPass> {
  void runOnOperation() override {
    SmallVector<memref::CopyOp> copies;
    getOperation().walk([&](memref::CopyOp op) {
      bool isRanked = isa<MemRefType>(op.getSource().getType()) && isa<MemRefType>(op.getTarget().getType());
      if (isRanked && !(isCompact(op.getSource()) && isCompact(op.getTarget())))
        copies.push_back(op);
    });
    for (memref::CopyOp op : copies)
      lowerToLoops(op);
  }
};
} // namespace
