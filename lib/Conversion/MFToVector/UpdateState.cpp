// Rows of tokens into their sequences' caches.
#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::mf;

void mf::lowerUpdateState(UpdateStateOp op, CPURowsAttr strategy) {
  KernelBuilder kb(op, strategy.getLanes());
  int64_t size = cast<MemRefType>(op.getX().getType()).getDimSize(2);
  kb.loopOver(kb.dim(op.getX(), 0), [&](Value token) {
    Value slot = kb.loadIndex(op.getSlots(), token), position = kb.loadIndex(op.getPositions(), token);
    kb.loopOver(kb.dim(op.getX(), 1), [&](Value head) {
      kb.forEachPiece(size, [&](Value offset, int64_t width) {
        kb.store(kb.load(op.getX(), {token, head, offset}, width), op.getState(), {slot, head, position, offset});
      });
    });
  });
}
