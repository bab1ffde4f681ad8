// mf-gpu-add-scratch: memory for what the blocks of keys give to the results of few tokens, and for the states of the
// heads of linear attention.
#include "mf/Codegen/GPU/Passes.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::mf {
#define GEN_PASS_DEF_GPUADDSCRATCHPASS
#include "mf/Codegen/GPU/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

static void addScratch(CachedAttentionOp op) {
  if (!op.getStrategyAttr() || getSplitTokens(op) == 0 || !op.hasPureBufferSemantics() || !op.getScratch().empty())
    return;
  OpBuilder b(op);
  Location loc = op.getLoc();
  auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, loc, value); };
  auto init = cast<MemRefType>(op.getInit().getType());
  Value tokens = b.createOrFold<memref::DimOp>(loc, op.getQ(), 0);
  tokens = b.createOrFold<arith::MinUIOp>(loc, tokens, index(getSplitTokens(op)));
  Value positions = b.createOrFold<memref::DimOp>(loc, op.getKeys(), 2);
  Value blocks = b.createOrFold<arith::CeilDivUIOp>(loc, positions, index(getSplitKeys(op)));
  auto type = MemRefType::get({ShapedType::kDynamic, init.getDimSize(1), ShapedType::kDynamic, init.getDimSize(2) + 2},
                              b.getF32Type());
  op.getScratchMutable().assign(memref::AllocOp::create(b, loc, type, ValueRange{tokens, blocks}));
}

static void addStates(LinearAttentionOp op) {
  if (!op.hasPureBufferSemantics() || op.getScratch())
    return;
  OpBuilder b(op);
  int64_t heads = cast<MemRefType>(op.getQ().getType()).getDimSize(1);
  auto type = MemRefType::get({heads * op.getStateLayout().getSize()}, b.getF32Type());
  op.getScratchMutable().assign(memref::AllocOp::create(b, op.getLoc(), type));
}

namespace {
struct GPUAddScratchPass : public mf::impl::GPUAddScratchPassBase<GPUAddScratchPass> {
  void runOnOperation() override {
    getOperation().walk(addScratch);
    getOperation().walk(addStates);
  }
};
} // namespace
