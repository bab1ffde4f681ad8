// Norms of rows: sums in a fixed number of interleaved vectors, added as a tree, then one pass that scales.
#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::mf;

// Independent sums of a row: enough to hide the latency of an addition.
static constexpr int64_t interleavedSums = 4;

/// The sum over [0, size) of terms that `accumulate(sum, offset, width)` adds to `sum`.
static Value buildRowSum(KernelBuilder &kb, int64_t size, function_ref<Value(Value, Value, int64_t)> accumulate) {
  int64_t lanes = kb.getLanes(), step = interleavedSums * lanes, whole = size / step * step;
  SmallVector<Value> sums(interleavedSums, kb.constant(0.0f, lanes));
  if (whole > 0)
    sums = kb.loop(kb.index(0), kb.index(whole), step, sums, [&](Value offset, ValueRange sums) {
      SmallVector<Value> next;
      for (auto [i, sum] : llvm::enumerate(sums))
        next.push_back(accumulate(sum, kb.addIndex(offset, i * lanes), lanes));
      return next;
    });
  Value rest;
  for (auto [i, piece] : llvm::enumerate(splitIntoPieces(size - whole, lanes))) {
    Value offset = kb.index(whole + piece.offset);
    if (piece.width == lanes) {
      sums[i] = accumulate(sums[i], offset, lanes);
      continue;
    }
    Value sum = kb.treeSum(accumulate(kb.constant(0.0f, piece.width), offset, piece.width));
    rest = rest ? kb.add(rest, sum) : sum;
  }
  Value total = kb.treeSum(kb.add(kb.add(sums[0], sums[1]), kb.add(sums[2], sums[3])));
  return rest ? kb.add(total, rest) : total;
}

void mf::lowerRMSNorm(RMSNormOp op, CPURowsAttr strategy) {
  KernelBuilder kb(op, strategy.getLanes());
  int64_t size = cast<MemRefType>(op.getInit().getType()).getDimSize(1);
  kb.loopOver(kb.dim(op.getX(), 0), [&](Value token) {
    Value squares = buildRowSum(kb, size, [&](Value sum, Value offset, int64_t width) {
      Value x = kb.load(op.getX(), {token, offset}, width);
      return kb.mulAdd(x, x, sum);
    });
    Value mean = kb.div(squares, kb.constant(static_cast<float>(size)));
    Value eps = kb.constant(static_cast<float>(op.getEps().convertToDouble()));
    Value root = math::SqrtOp::create(kb.builder(), op.getLoc(), op.getEpsInsideRoot() ? kb.add(mean, eps) : mean);
    root = op.getEpsInsideRoot() ? root : kb.add(root, eps);
    // A row of zeros gives zeros also where eps is 0.
    Value isZero = kb.compare(arith::CmpFPredicate::OEQ, root, kb.constant(0.0f));
    Value factor = kb.select(isZero, kb.constant(0.0f), kb.div(kb.constant(1.0f), root));
    kb.forEachPiece(size, [&](Value offset, int64_t width) {
      Value x = kb.load(op.getX(), {token, offset}, width);
      Value scaled = kb.mul(kb.mul(x, kb.broadcast(factor, width)), kb.load(op.getScale(), offset, width));
      kb.store(scaled, op.getInit(), {token, offset});
    });
  });
}

void mf::lowerLayerNorm(LayerNormOp op, CPURowsAttr strategy) {
  KernelBuilder kb(op, strategy.getLanes());
  int64_t size = cast<MemRefType>(op.getInit().getType()).getDimSize(1);
  kb.loopOver(kb.dim(op.getX(), 0), [&](Value token) {
    auto load = [&](Value offset, int64_t width) { return kb.load(op.getX(), {token, offset}, width); };
    Value count = kb.constant(static_cast<float>(size));
    Value mean = kb.div(
        buildRowSum(kb, size, [&](Value sum, Value offset, int64_t width) { return kb.add(sum, load(offset, width)); }),
        count);
    auto loadCentred = [&](Value offset, int64_t width) {
      return kb.sub(load(offset, width), kb.broadcast(mean, width));
    };
    Value variance = kb.div(buildRowSum(kb, size,
                                        [&](Value sum, Value offset, int64_t width) {
                                          Value centred = loadCentred(offset, width);
                                          return kb.mulAdd(centred, centred, sum);
                                        }),
                            count);
    Value shifted = kb.add(variance, kb.constant(static_cast<float>(op.getEps().convertToDouble())));
    Value factor = kb.div(kb.constant(1.0f), math::SqrtOp::create(kb.builder(), op.getLoc(), shifted));
    kb.forEachPiece(size, [&](Value offset, int64_t width) {
      Value normal = kb.mul(loadCentred(offset, width), kb.broadcast(factor, width));
      Value y = kb.mulAdd(normal, kb.load(op.getWeight(), offset, width), kb.load(op.getBias(), offset, width));
      kb.store(y, op.getInit(), {token, offset});
    });
  });
}
