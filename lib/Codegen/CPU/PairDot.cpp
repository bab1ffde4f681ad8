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

static Value maskBits(KernelBuilder &kb, Value bits, int64_t mask) {
  int64_t width = cast<VectorType>(bits.getType()).getNumElements();
  Value masks = kb.broadcast(kb.integer(mask), width);
  return arith::AndIOp::create(kb.builder(), bits.getLoc(), bits, masks);
}

Value PairDot::dropSecond(Value x) {
  Value bits = kb.bitcast(x, kb.builder().getI32Type());
  return kb.bitcast(maskBits(kb, bits, 0xffff), kb.builder().getBF16Type());
}

/// A vector of one element as the scalar that the builder takes it for.
static Value asElements(KernelBuilder &kb, Value x) {
  if (cast<VectorType>(x.getType()).getNumElements() > 1)
    return x;
  return vector::ExtractOp::create(kb.builder(), x.getLoc(), x, 0);
}

std::pair<Value, Value> PairDot::split(Value x) {
  OpBuilder &b = kb.builder();
  Value bits = kb.bitcast(x, b.getI32Type());
  int64_t width = cast<VectorType>(bits.getType()).getNumElements();
  // A bf16 is the upper half of a float.
  Value shift = kb.broadcast(kb.integer(16), width);
  Value first = arith::ShLIOp::create(b, x.getLoc(), bits, shift), second = maskBits(kb, bits, 0xffff0000);
  return {asElements(kb, kb.bitcast(first, b.getF32Type())), asElements(kb, kb.bitcast(second, b.getF32Type()))};
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
