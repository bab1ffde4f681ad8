// Copies in device memory, which bufferisation leaves where a result is another one in another shape.
#include "Kernels.h"

using namespace mlir;
using namespace mlir::mf;

int64_t mf::getCopyPieces(memref::CopyOp op) {
  auto type = cast<MemRefType>(op.getSource().getType());
  return ShapedType::getNumElements(type.getShape().drop_front()) / getCopyWidth(op);
}

int64_t mf::getCopyWidth(memref::CopyOp op) {
  auto type = cast<MemRefType>(op.getSource().getType());
  int64_t width = 128 / std::max<int64_t>(type.getElementTypeBitWidth(), 8);
  bool isAligned = llvm::all_of(op->getOperands(), [&](Value memref) {
    return type.getRank() > 1 && GPUKernelBuilder::hasAlignedRows(memref, width);
  });
  return isAligned ? width : 1;
}

void mf::buildGPUCopy(memref::CopyOp op, int64_t threads, GPUKernelBuilder &k) {
  auto type = cast<MemRefType>(op.getSource().getType());
  int64_t width = getCopyWidth(op), pieces = getCopyPieces(op);
  Value place = k.add(k.mul(k.block(gpu::Dimension::x), threads), k.thread());
  k.ifThen(k.isBelow(place, k.mul(k.dim(op.getSource(), 0), pieces)), [&] {
    SmallVector<Value> indices(type.getRank());
    indices[0] = k.div(place, pieces);
    Value rest = k.mul(k.rem(place, pieces), width);
    for (int64_t dim = type.getRank() - 1; dim > 0; --dim) {
      indices[dim] = k.rem(rest, type.getDimSize(dim));
      rest = k.div(rest, type.getDimSize(dim));
    }
    k.store(k.loadStored(op.getSource(), indices, width), op.getTarget(), indices);
  });
}
