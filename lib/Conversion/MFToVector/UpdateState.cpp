// Rows of tokens into their sequences' caches.
#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::mf;

/// Writes a row to a cache with a layout: its elements are `kCacheKeys` apart.
static void scatterRow(KernelBuilder &kb, UpdateStateOp op, Value flat, ValueRange from, Value slot, Value position) {
  int64_t size = cast<MemRefType>(op.getX().getType()).getDimSize(2);
  Value block = kb.roundDown(position, kCacheKeys);
  Value base = kb.addIndex(kb.mulIndex(block, size), kb.subIndex(position, block));
  kb.loop(kb.index(0), kb.index(size), 1, [&](Value feature) {
    Value element = kb.load(op.getX(), {from[0], from[1], feature}, 1);
    Value place = kb.addIndex(base, kb.mulIndex(feature, kCacheKeys));
    kb.storeRounded(element, flat, {slot, from[1], place});
  });
}

void mf::lowerUpdateState(UpdateStateOp op, CPURowsAttr strategy) {
  KernelBuilder kb(op, strategy.getLanes());
  int64_t size = cast<MemRefType>(op.getX().getType()).getDimSize(2);
  Value flat = op.getLayoutAttr() ? kb.flattenLast(op.getState()) : Value();
  kb.loopOver(kb.dim(op.getX(), 0), [&](Value token) {
    Value slot = kb.loadIndex(op.getSlots(), token), position = kb.loadIndex(op.getPositions(), token);
    kb.loopOver(kb.dim(op.getX(), 1), [&](Value head) {
      if (flat)
        return scatterRow(kb, op, flat, {token, head}, slot, position);
      kb.forEachPiece(size, [&](Value offset, int64_t width) {
        kb.storeRounded(kb.load(op.getX(), {token, head, offset}, width), op.getState(),
                        {slot, head, position, offset});
      });
    });
  });
}
