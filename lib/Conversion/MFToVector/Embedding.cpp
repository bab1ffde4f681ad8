// Rows that are gathered or added.
#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::mf;

void mf::lowerAdd(AddOp op, CPURowsAttr strategy) {
  KernelBuilder kb(op, strategy.getLanes());
  int64_t size = cast<MemRefType>(op.getInit().getType()).getDimSize(1);
  kb.loopOver(kb.dim(op.getInit(), 0), [&](Value token) {
    kb.forEachPiece(size, [&](Value offset, int64_t width) {
      Value a = kb.load(op.getA(), {token, offset}, width);
      Value b = op.isBias() ? kb.load(op.getB(), offset, width) : kb.load(op.getB(), {token, offset}, width);
      kb.store(kb.add(a, b), op.getInit(), {token, offset});
    });
  });
}

/// A row of panels: one column of a panel, whose elements are as far apart as the panel is wide.
static void lowerEmbeddingOfPanels(EmbeddingOp op, KernelBuilder &kb) {
  int64_t size = cast<MemRefType>(op.getInit().getType()).getDimSize(1), columns = op.getLayoutAttr().getColumns();
  Value rows = kb.mulIndex(kb.dim(op.getTable(), 0), columns);
  kb.loopOver(kb.dim(op.getInit(), 0), [&](Value token) {
    Value row = kb.clampIndex(kb.loadIndex(op.getIds(), token), rows);
    Value panel = kb.divIndex(row, columns), column = kb.subIndex(row, kb.mulIndex(panel, columns));
    kb.loopOver(kb.index(size), [&](Value feature) {
      kb.store(kb.load(op.getTable(), {panel, feature, column}, 1), op.getInit(), {token, feature});
    });
  });
}

void mf::lowerEmbedding(EmbeddingOp op, CPURowsAttr strategy) {
  KernelBuilder kb(op, strategy.getLanes());
  if (op.getLayoutAttr())
    return lowerEmbeddingOfPanels(op, kb);
  int64_t size = cast<MemRefType>(op.getInit().getType()).getDimSize(1);
  kb.loopOver(kb.dim(op.getInit(), 0), [&](Value token) {
    Value row = kb.clampIndex(kb.loadIndex(op.getIds(), token), kb.dim(op.getTable(), 0));
    kb.forEachPiece(size, [&](Value offset, int64_t width) {
      kb.store(kb.load(op.getTable(), {row, offset}, width), op.getInit(), {token, offset});
    });
  });
}
