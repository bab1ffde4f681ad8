// The rotary embedding: a piece of both halves of every head at a time, then the features that pass.
#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::mf;

/// The angles [positions, h, 2] as rows [positions, 2 h] of alternating cosines and sines.
static Value flattenAngles(KernelBuilder &kb, Value angles) {
  auto type = cast<MemRefType>(angles.getType());
  auto [strides, offset] = type.getStridesAndOffset();
  Builder &b = kb.builder();
  auto layout = StridedLayoutAttr::get(b.getContext(), offset, {strides[0], 1});
  int64_t row = 2 * type.getDimSize(1);
  auto flat = MemRefType::get({type.getDimSize(0), row}, type.getElementType(), layout);
  auto metadata = memref::ExtractStridedMetadataOp::create(kb.builder(), angles.getLoc(), angles);
  SmallVector<OpFoldResult> sizes = {metadata.getConstifiedMixedSizes()[0], b.getIndexAttr(row)};
  SmallVector<OpFoldResult> flatStrides = {metadata.getConstifiedMixedStrides()[0], b.getIndexAttr(1)};
  return memref::ReinterpretCastOp::create(kb.builder(), angles.getLoc(), flat, metadata.getBaseBuffer(),
                                           metadata.getConstifiedMixedOffset(), sizes, flatStrides);
}

/// Cosines (`part` 0) or sines (1) among alternating ones.
static Value takeAlternating(KernelBuilder &kb, Value pairs, int64_t width, int64_t part) {
  if (width == 1)
    return vector::ExtractOp::create(kb.builder(), pairs.getLoc(), pairs, part);
  SmallVector<int64_t> mask;
  for (int64_t i = 0; i < width; ++i)
    mask.push_back(2 * i + part);
  return kb.shuffle(pairs, pairs, mask);
}

void mf::lowerRope(RopeOp op, CPURowsAttr strategy) {
  KernelBuilder kb(op, strategy.getLanes());
  int64_t half = cast<MemRefType>(op.getAngles().getType()).getDimSize(1);
  int64_t size = cast<MemRefType>(op.getInit().getType()).getDimSize(2);
  Value angles = flattenAngles(kb, op.getAngles()), heads = kb.dim(op.getX(), 1);
  kb.loopOver(kb.dim(op.getX(), 0), [&](Value token) {
    Value position = kb.clampIndex(kb.loadIndex(op.getPositions(), token), kb.dim(op.getAngles(), 0));
    kb.forEachPiece(half, [&](Value offset, int64_t width) {
      Value pairs = kb.load(angles, {position, kb.mulIndex(offset, 2)}, 2 * width);
      Value cosine = takeAlternating(kb, pairs, width, 0), sine = takeAlternating(kb, pairs, width, 1);
      Value upper = kb.addIndex(offset, half);
      kb.loopOver(heads, [&](Value head) {
        // Both are read before either is written: the destination may be x itself.
        Value low = kb.load(op.getX(), {token, head, offset}, width);
        Value high = kb.load(op.getX(), {token, head, upper}, width);
        Value minusSine = arith::NegFOp::create(kb.builder(), op.getLoc(), sine);
        kb.store(kb.mulAdd(low, cosine, kb.mul(high, minusSine)), op.getInit(), {token, head, offset});
        kb.store(kb.mulAdd(high, cosine, kb.mul(low, sine)), op.getInit(), {token, head, upper});
      });
    });
    kb.loopOver(heads, [&](Value head) {
      kb.forEachPiece(size - 2 * half, [&](Value offset, int64_t width) {
        Value at = kb.addIndex(offset, 2 * half);
        kb.store(kb.load(op.getX(), {token, head, at}, width), op.getInit(), {token, head, at});
      });
    });
  });
}
