// Row numbers of codes: an element of the map for each.
#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::mf;

void mf::lowerMapCodes(MapCodesOp op, CPURowsAttr strategy) {
  KernelBuilder kb(op, strategy.getLanes());
  OpBuilder &b = kb.builder();
  int64_t tables = cast<MemRefType>(op.getMap().getType()).getDimSize(0);
  kb.loopOver(kb.dim(op.getCodes(), 0), [&](Value token) {
    // Loads of neighbours do not wait for each other.
    kb.loop(kb.index(0), kb.index(tables), 1, [&](Value table) {
      Value code = memref::LoadOp::create(b, op.getLoc(), op.getCodes(), ValueRange{token, table});
      Value index = arith::IndexCastUIOp::create(b, op.getLoc(), b.getIndexType(), code);
      Value row = memref::LoadOp::create(b, op.getLoc(), op.getMap(), ValueRange{table, index});
      memref::StoreOp::create(b, op.getLoc(), row, op.getInit(), ValueRange{token, table});
    });
  });
}
