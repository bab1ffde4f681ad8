// Dot products of bf16: vpdpbf16ps or bfdot, or products of f32.
#include "mf/Codegen/CPU/PairDot.h"

using namespace mlir;
using namespace mlir::mf;

PairDot::PairDot(KernelBuilder &kb) : kb(kb) {}

bool PairDot::hasInstruction(int64_t width) const {
  if (kb.isAArch64())
    return width == 4 && kb.hasFeature("bf16");
  return kb.isX86() && kb.hasFeature("avx512bf16") &&
         (width == 16 || ((width == 8 || width == 4) && kb.hasFeature("avx512vl")));
}

Type PairDot::getElementType() {
  return isNative() ? Type(kb.builder().getBF16Type()) : Type(kb.builder().getF32Type());
}

/// Targets with dot products of bf16 round to it by an instruction.
Value PairDot::round(Value x) {
  if (!isNative())
    return x;
  Type element = kb.builder().getBF16Type();
  auto vector = dyn_cast<VectorType>(x.getType());
  return arith::TruncFOp::create(kb.builder(), x.getLoc(), vector ? vector.clone(element) : element, x);
}

SmallVector<Value> PairDot::loadPair(Value memref, ValueRange indices) {
  if (isNative())
    return {kb.loadStored(memref, indices, 2)};
  SmallVector<Value> second(indices);
  second.back() = kb.addIndex(second.back(), 1);
  return {kb.load(memref, indices, 1), kb.load(memref, second, 1)};
}

Value PairDot::loadPairs(Value memref, ValueRange indices, int64_t width) {
  return kb.loadStored(memref, indices, 2 * width);
}

Value PairDot::dropSecond(Value x) {
  OpBuilder &b = kb.builder();
  Value bits = kb.bitcast(x, b.getI32Type());
  Value mask = vector::BroadcastOp::create(b, x.getLoc(), bits.getType(), kb.integer(0xffff));
  return kb.bitcast(arith::AndIOp::create(b, x.getLoc(), bits, mask), b.getBF16Type());
}

std::pair<Value, Value> PairDot::split(Value x) {
  OpBuilder &b = kb.builder();
  Location loc = x.getLoc();
  Value bits = kb.bitcast(x, b.getI32Type());
  int64_t width = cast<VectorType>(bits.getType()).getNumElements();
  if (width == 1)
    bits = vector::ExtractOp::create(b, loc, bits, 0);
  Type floats = width == 1 ? Type(b.getF32Type()) : VectorType::get(width, b.getF32Type());
  // A bf16 is the upper half of a float.
  Value first = arith::ShLIOp::create(b, loc, bits, kb.integer(16, width));
  Value second = arith::AndIOp::create(b, loc, bits, kb.integer(0xffff0000, width));
  return {arith::BitcastOp::create(b, loc, floats, first), arith::BitcastOp::create(b, loc, floats, second)};
}

Value PairDot::add(Value sum, Value x, ValueRange y) {
  OpBuilder &b = kb.builder();
  auto type = dyn_cast<VectorType>(sum.getType());
  int64_t width = type ? type.getNumElements() : 1;
  if (y.size() == 1 && hasInstruction(width)) {
    Value bits = vector::ExtractOp::create(b, x.getLoc(), kb.bitcast(y.front(), b.getI32Type()), 0);
    Value pairs = kb.bitcast(kb.broadcast(bits, width), b.getBF16Type());
    if (kb.isAArch64())
      return kb.callIntrinsic("llvm.aarch64.neon.bfdot.v4f32.v8bf16", type, {sum, x, pairs});
    return kb.callIntrinsic("llvm.x86.avx512bf16.dpbf16ps." + std::to_string(width * 32), type, {sum, x, pairs});
  }
  SmallVector<Value> factors(y);
  if (y.size() == 1) {
    Value both = kb.extend(y.front());
    factors = {vector::ExtractOp::create(b, x.getLoc(), both, 0), vector::ExtractOp::create(b, x.getLoc(), both, 1)};
  }
  auto [first, second] = split(x);
  sum = kb.mulAdd(kb.broadcast(factors[0], width), first, sum);
  return kb.mulAdd(kb.broadcast(factors[1], width), second, sum);
}
