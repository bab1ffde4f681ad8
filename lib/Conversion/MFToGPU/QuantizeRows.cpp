// Rows to 8-bit integers, and codes to row numbers of pruned tables. No product is fused: integers and scales have the
// bits of the CPU's kernel.
#include "Kernels.h"
#include "RowKernel.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::mf;
using arith::CmpFPredicate;

static constexpr float kLargestInteger = 127.0f;

/// The bits of |x|, which ascend with it, and a NaN is above everything.
static Value buildMagnitude(GPUKernelBuilder &k, Value x) {
  Value magnitude = math::AbsFOp::create(k.builder(), x);
  return arith::BitcastOp::create(k.builder(), k.builder().getI32Type(), magnitude);
}

/// The largest magnitude of a row; NaN where there is one.
static Value buildLargest(const KernelRow &row, Value x) {
  GPUKernelBuilder &k = row.k;
  Value bits = row.accumulate(k.integer(0), [&](Value largest, Value column) {
    for (Value element : k.elements(k.load(x, {row.token, column}, row.width), row.width))
      largest = k.max(largest, buildMagnitude(k, element));
    return largest;
  });
  for (int64_t mask = kWarpThreads / 2; mask > 0; mask /= 2)
    bits = k.max(bits, k.shuffleXor(bits, mask));
  return arith::BitcastOp::create(k.builder(), k.builder().getF32Type(), bits);
}

/// The nearest integer in [-127, 127], ties to even, as a byte; 0 for a NaN.
static Value buildRound(GPUKernelBuilder &k, Value x) {
  OpBuilder &b = k.builder();
  // Sums at this size are rounded to integers.
  Value shift = k.constant(0x1.8p23f), largest = k.constant(kLargestInteger), smallest = k.constant(-kLargestInteger);
  Value rounded = k.subF(k.addF(x, shift), shift);
  rounded = k.select(k.compareF(CmpFPredicate::OGT, rounded, largest), largest, rounded);
  // A NaN compares with nothing.
  Value below = k.select(k.compareF(CmpFPredicate::OLT, rounded, smallest), smallest, k.constant(0.0f));
  rounded = k.select(k.compareF(CmpFPredicate::OGE, rounded, smallest), rounded, below);
  Value word = arith::FPToSIOp::create(b, x.getLoc(), b.getI32Type(), rounded);
  return arith::TruncIOp::create(b, x.getLoc(), b.getI8Type(), word);
}

void mf::buildGPUQuantizeRows(QuantizeRowsOp op, GPURowsAttr strategy, GPUKernelBuilder &k) {
  forEachRow(k, strategy, op.getQInit(), {op.getX(), op.getQInit()}, [&](const KernelRow &row) {
    Value largest = buildLargest(row, op.getX()), most = k.constant(kLargestInteger);
    k.ifThen(k.isEqual(row.lane, k.index(0)), [&] { k.store(k.divF(largest, most), op.getScalesInit(), row.token); });
    Value isZero = k.compareF(CmpFPredicate::OEQ, largest, k.constant(0.0f));
    Value factor = k.select(isZero, k.constant(0.0f), k.divF(most, largest));
    row.forEachPiece([&](Value column) {
      Value scaled = k.mulF(k.load(op.getX(), {row.token, column}, row.width), k.broadcast(factor, row.width));
      SmallVector<Value> bytes;
      for (Value element : k.elements(scaled, row.width))
        bytes.push_back(buildRound(k, element));
      k.store(k.fromElements(bytes), op.getQInit(), {row.token, column});
    });
  });
}

void mf::buildGPUMapCodes(MapCodesOp op, GPURowsAttr strategy, GPUKernelBuilder &k) {
  forEachRow(k, strategy, op.getInit(), /*memrefs=*/{}, [&](const KernelRow &row) {
    k.loop(row.lane, k.index(row.size), k.index(kWarpThreads), [&](Value table) {
      Value code = k.loadUnsigned(op.getCodes(), {row.token, table});
      k.store(k.loadStored(op.getMap(), {table, code}, 1), op.getInit(), {row.token, table});
    });
  });
}
