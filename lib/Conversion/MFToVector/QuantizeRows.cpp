// Rows to 8-bit integers: the largest magnitude of a row, then one pass that scales and rounds. No product is fused, so
// that all variants give the same bits.
#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::mf;

static constexpr float largestInteger = 127.0f;

/// The largest magnitude of a row; NaN where there is one.
static Value buildLargest(KernelBuilder &kb, Location loc, Value x, Value token, int64_t size) {
  OpBuilder &b = kb.builder();
  auto larger = [&](Value a, Value c) -> Value { return arith::MaximumFOp::create(b, loc, a, c); };
  Value largest = kb.constant(0.0f);
  int64_t lanes = kb.getLanes(), whole = size / lanes * lanes;
  auto magnitude = [&](Value offset, int64_t width) -> Value {
    return math::AbsFOp::create(b, loc, kb.load(x, {token, offset}, width));
  };
  if (whole > 0) {
    Value vector = kb.loop(kb.index(0), kb.index(whole), lanes, kb.constant(0.0f, lanes),
                           [&](Value offset, ValueRange sums) -> SmallVector<Value> {
                             return {larger(magnitude(offset, lanes), sums.front())};
                           })
                       .front();
    largest = kb.treeReduce(vector, larger);
  }
  for (Piece piece : splitIntoPieces(size - whole, lanes))
    largest = larger(kb.treeReduce(magnitude(kb.index(whole + piece.offset), piece.width), larger), largest);
  return largest;
}

/// Integers in [-127, 127]; a NaN is 0.
static Value buildRound(KernelBuilder &kb, Location loc, Value x, int64_t width) {
  OpBuilder &b = kb.builder();
  Value rounded = math::RoundEvenOp::create(b, loc, x);
  auto constant = [&](float value) { return kb.constant(value, width); };
  rounded = kb.select(kb.compare(arith::CmpFPredicate::OGT, rounded, constant(largestInteger)),
                      constant(largestInteger), rounded);
  // A NaN compares with nothing.
  rounded = kb.select(
      kb.compare(arith::CmpFPredicate::OGE, rounded, constant(-largestInteger)), rounded,
      kb.select(kb.compare(arith::CmpFPredicate::UNO, rounded, rounded), constant(0.0f), constant(-largestInteger)));
  Type i32 = width == 1 ? Type(b.getI32Type()) : VectorType::get(width, b.getI32Type());
  Type i8 = width == 1 ? Type(b.getI8Type()) : VectorType::get(width, b.getI8Type());
  return arith::TruncIOp::create(b, loc, i8, arith::FPToSIOp::create(b, loc, i32, rounded));
}

void mf::lowerQuantizeRows(QuantizeRowsOp op, CPURowsAttr strategy) {
  KernelBuilder kb(op, strategy.getLanes());
  int64_t size = cast<MemRefType>(op.getX().getType()).getDimSize(1);
  kb.loopOver(kb.dim(op.getX(), 0), [&](Value token) {
    Value largest = buildLargest(kb, op.getLoc(), op.getX(), token, size);
    kb.store(kb.div(largest, kb.constant(largestInteger)), op.getScalesInit(), token);
    Value isZero = kb.compare(arith::CmpFPredicate::OEQ, largest, kb.constant(0.0f));
    Value factor = kb.select(isZero, kb.constant(0.0f), kb.div(kb.constant(largestInteger), largest));
    kb.forEachPiece(size, [&](Value offset, int64_t width) {
      Value scaled = kb.mul(kb.load(op.getX(), {token, offset}, width), kb.broadcast(factor, width));
      kb.store(buildRound(kb, op.getLoc(), scaled, width), op.getQInit(), {token, offset});
    });
  });
}
