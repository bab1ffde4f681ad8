// What the kernels of the CPU are written with: loads and stores of f32 pieces, counted loops, buffers on the stack.
#ifndef MF_CODEGEN_CPU_KERNELBUILDER_H
#define MF_CODEGEN_CPU_KERNELBUILDER_H

#include "mf/Codegen/CPU/VectorMath.h"
#include "mf/Dialect/MF/IR/MFAttributes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::mf {

/// A run of adjacent elements, in one vector or (width 1) one scalar.
struct Piece {
  int64_t offset;
  int64_t width;
};

/// [0, size) as vectors of `lanes`, a power of two, then narrower powers of two down to scalars.
SmallVector<Piece> splitIntoPieces(int64_t size, int64_t lanes);

/// A builder of kernels. A value of `width` w is a vector of w elements, for w = 1 a scalar; floating-point values are
/// f32.
class KernelBuilder {
public:
  /// Builds before `op`, for the target that its module names; without one for a target without fused products.
  KernelBuilder(Operation *op, int64_t lanes);

  OpBuilder &builder() { return b; }
  int64_t getLanes() const { return lanes; }
  bool hasFMA() const { return fma; }
  /// Whether f16 is converted by instructions.
  bool hasHalfConversions() const { return halfConversions; }
  bool isX86() const { return target && target.getTriple().starts_with("x86_64"); }
  bool isAArch64() const { return target && target.getTriple().starts_with("aarch64"); }
  /// Whether the target has the feature that LLVM calls `name`.
  bool hasFeature(StringRef name) const;
  /// Vector registers of the target.
  int64_t getNumRegisters() const { return isAArch64() || hasFeature("avx512vl") ? 32 : 16; }

  /// Constants. Splats for a width above 1.
  Value index(int64_t value) { return arith::ConstantIndexOp::create(b, value); }
  Value constant(float value, int64_t width = 1);
  Value integer(int64_t value, int64_t width = 1);

  /// Index arithmetic, folded where it can be.
  Value addIndex(Value x, Value y) { return b.createOrFold<arith::AddIOp>(x, y); }
  Value addIndex(Value x, int64_t y) { return addIndex(x, index(y)); }
  Value subIndex(Value x, Value y) { return b.createOrFold<arith::SubIOp>(x, y); }
  Value mulIndex(Value x, int64_t y) { return b.createOrFold<arith::MulIOp>(x, index(y)); }
  Value divIndex(Value x, int64_t y) { return b.createOrFold<arith::DivUIOp>(x, index(y)); }
  Value minIndex(Value x, Value y) { return b.createOrFold<arith::MinSIOp>(x, y); }
  Value maxIndex(Value x, Value y) { return b.createOrFold<arith::MaxSIOp>(x, y); }
  /// The greatest multiple of `multiple` that is not above `x`, which is not negative.
  Value roundDown(Value x, int64_t multiple);
  /// Whether offset + i < count, for the elements i of a vector of `width`.
  Value isBelow(int64_t offset, Value count, int64_t width);
  /// The nearest index in [0, size).
  Value clampIndex(Value x, Value size) { return maxIndex(minIndex(x, addIndex(size, -1)), index(0)); }
  Value dim(Value memref, int64_t dimension);
  /// The integer element at `indices` as an index, extended with its sign.
  Value loadIndex(Value memref, ValueRange indices);

  /// f32 arithmetic.
  Value add(Value x, Value y) { return arith::AddFOp::create(b, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, x, y); }
  Value div(Value x, Value y) { return arith::DivFOp::create(b, x, y); }
  Value mulAdd(Value x, Value y, Value z) { return buildMulAdd(b, b.getLoc(), x, y, z, fma); }
  Value max(Value x, Value y) { return buildMax(b, b.getLoc(), x, y); }
  Value exp(Value x) { return buildExp(b, b.getLoc(), x, fma); }
  Value erf(Value x) { return buildErf(b, b.getLoc(), x, fma); }
  /// Halves of a vector combined until one element is left; a scalar as it is.
  Value treeReduce(Value x, function_ref<Value(Value, Value)> combine) {
    return buildTreeReduce(b, b.getLoc(), x, combine);
  }
  Value treeSum(Value x) { return buildTreeSum(b, b.getLoc(), x); }
  Value treeMax(Value x) { return buildTreeMax(b, b.getLoc(), x); }
  Value compare(arith::CmpFPredicate predicate, Value x, Value y) { return arith::CmpFOp::create(b, predicate, x, y); }
  Value select(Value condition, Value x, Value y) { return arith::SelectOp::create(b, condition, x, y); }
  Value broadcast(Value scalar, int64_t width);

  /// `width` adjacent elements of `memref` from `indices` on, extended to f32.
  Value load(Value memref, ValueRange indices, int64_t width);
  void store(Value value, Value memref, ValueRange indices);
  /// Rounds f32 to the elements of `memref` where they are f16 or bf16: to nearest, ties to even.
  void storeRounded(Value value, Value memref, ValueRange indices);
  /// `x` of f16 or bf16 as f32; f32 rounded to `element` as above.
  Value extend(Value x) { return buildExtendToF32(b, b.getLoc(), x, halfConversions); }
  Value round(Value x, Type element) { return buildRoundFromF32(b, b.getLoc(), x, element, halfConversions); }
  /// `memref` with its two innermost dimensions, whose elements are adjacent, as one.
  Value flattenLast(Value memref);
  /// `width` elements from `indices` on, in a vector of `lanes` whose other elements are 0.
  Value loadPadded(Value memref, ValueRange indices, int64_t width);
  /// Those elements of a piece that lie below `count`, counted from where the piece's offset is; the others are read as
  /// 0 and not written. `indices` are of the piece's first element. All of them where `count` is null.
  Value loadBelow(Value memref, ValueRange indices, Piece piece, Value count);
  void storeBelow(Value value, Value memref, ValueRange indices, Piece piece, Value count);
  /// Elements of one or of two vectors of the same type.
  Value shuffle(Value x, Value y, ArrayRef<int64_t> mask) { return vector::ShuffleOp::create(b, x, y, mask); }
  /// The same four elements of every quarter of two vectors of equal width: 0 to 3 are of the quarter of `x`, 4 to 7 of
  /// that of `y`. A quarter has four elements, whatever the width.
  Value zipQuarters(Value x, Value y, std::array<int64_t, 4> elements);

  /// for (i = from; i < to; i += step).
  void loop(Value from, Value to, int64_t step, function_ref<void(Value)> body);
  /// The same, with values that go from one iteration to the next; the final ones are returned.
  SmallVector<Value> loop(Value from, Value to, int64_t step, ValueRange initial,
                          function_ref<SmallVector<Value>(Value, ValueRange)> body);
  void loopOver(Value count, function_ref<void(Value)> body) { loop(index(0), count, 1, body); }
  /// [0, count) in tiles of `size` as far as they go, then one by one: body(first, size of the tile).
  void loopInTiles(Value count, int64_t size, function_ref<void(Value, int64_t)> body);
  void ifThen(Value condition, function_ref<void()> thenBody);
  void ifThenElse(Value condition, function_ref<void()> thenBody, function_ref<void()> elseBody);
  /// The values of one of two branches.
  SmallVector<Value> choose(Value condition, function_ref<SmallVector<Value>()> thenBody,
                            function_ref<SmallVector<Value>()> elseBody);
  /// The pieces of [0, size): a loop over `body(offset, lanes)`, written out where it has one iteration, then the rest.
  void forEachPiece(int64_t size, function_ref<void(Value, int64_t)> body);

  /// Brings the line of an element into the first-level cache, or into the second. The element may be anywhere.
  void prefetch(Value memref, ValueRange indices, bool toFirstLevel = true);
  /// `width` adjacent elements as they are.
  Value loadStored(Value memref, ValueRange indices, int64_t width);
  /// The bits of `x` as a vector of `element`.
  Value bitcast(Value x, Type element);
  /// Calls an intrinsic of LLVM.
  Value callIntrinsic(StringRef name, Type result, ValueRange operands);

  /// A buffer in the frame of the enclosing function, of f32 by default, aligned to 64 bytes; its contents are
  /// undefined at first.
  Value stackBuffer(ArrayRef<int64_t> shape, Type element = {});

private:
  ImplicitLocOpBuilder b;
  Operation *scope;
  CPUTargetAttr target;
  int64_t lanes;
  bool fma = false;
  bool halfConversions = false;
};

} // namespace mlir::mf

#endif // MF_CODEGEN_CPU_KERNELBUILDER_H
