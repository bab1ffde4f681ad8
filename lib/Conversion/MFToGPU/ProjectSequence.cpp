// Linear combinations of tokens: a thread has some rows of one feature of one head, tokens ascending.
#include "Kernels.h"

using namespace mlir;
using namespace mlir::mf;

void mf::buildGPUProjectSequence(ProjectSequenceOp op, GPULinearAttentionAttr strategy, GPUKernelBuilder &k) {
  auto type = cast<MemRefType>(op.getInit().getType());
  int64_t rows = strategy.getRows(), size = type.getDimSize(2), places = type.getDimSize(1) * size;
  Value first = k.mul(k.block(gpu::Dimension::y), rows), lastRow = k.sub(k.dim(op.getInit(), 0), k.index(1));
  Value place = k.add(k.mul(k.block(gpu::Dimension::x), strategy.getWarps() * kWarpThreads), k.thread());
  k.ifThen(k.isBelow(place, k.index(places)), [&] {
    Value head = k.div(place, size), feature = k.rem(place, size);
    // Never behind a row of w, whatever the caller brings.
    Value tokens = k.min(k.dim(op.getX(), 0), k.dim(op.getW(), 1));
    SmallVector<Value> zeros(rows, k.constant(0.0f));
    SmallVector<Value> sums = k.loop(k.index(0), tokens, k.index(1), zeros, [&](Value token, ValueRange sums) {
      SmallVector<Value> next;
      Value element = k.load(op.getX(), {token, head, feature}, 1);
      for (auto [row, sum] : llvm::enumerate(sums)) {
        Value weight = k.load(op.getW(), {k.min(k.add(first, row), lastRow), token}, 1);
        next.push_back(k.fma(weight, element, sum));
      }
      return next;
    });
    for (auto [i, sum] : llvm::enumerate(sums)) {
      Value row = k.add(first, i);
      k.ifThen(k.isBelow(row, k.dim(op.getInit(), 0)), [&] { k.store(sum, op.getInit(), {row, head, feature}); });
    }
  });
}
