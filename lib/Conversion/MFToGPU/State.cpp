// Rows of tokens into the caches of their sequences, a warp per token.
#include "FlashRows.h"
#include "Kernels.h"

using namespace mlir;
using namespace mlir::mf;

void mf::buildGPUUpdateState(UpdateStateOp op, GPURowsAttr strategy, GPUKernelBuilder &k) {
  auto type = cast<MemRefType>(op.getX().getType());
  int64_t heads = type.getDimSize(1), size = type.getDimSize(2);
  Value thread = k.thread(), lane = k.rem(thread, kWarpThreads);
  Value token = k.add(k.mul(k.block(gpu::Dimension::x), strategy.getWarps()), k.div(thread, kWarpThreads));
  k.ifThen(k.isBelow(token, k.dim(op.getX(), 0)), [&] {
    Value slot = k.loadClamped(op.getSlots(), token, k.dim(op.getState(), 0));
    Value position = k.loadClamped(op.getPositions(), token, k.dim(op.getState(), 2));
    k.loop(lane, k.index(heads * size), k.index(kWarpThreads), [&](Value place) {
      Value head = k.div(place, size), feature = k.rem(place, size);
      Value element = k.load(op.getX(), {token, head, feature}, 1);
      k.storeRounded(element, op.getState(),
                     getCachePlace(k, op.getLayoutAttr(), size, {slot, head, position, feature}));
    });
  });
}
