// What the kernels of GPUs are written with. Every op that it builds is in the table of KernelOps.h.
#ifndef MF_CODEGEN_GPU_KERNELBUILDER_H
#define MF_CODEGEN_GPU_KERNELBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::mf {

/// Symbol of the workgroup memory in a `gpu.module`: `memref<0xi8>`, whose size the launch gives.
inline constexpr StringLiteral kWorkgroupMemory = "workgroup_memory";

/// A builder of kernels of one-dimensional blocks. A value of `width` w is a vector of w elements, for w = 1 a scalar;
/// floating-point values are f32.
class GPUKernelBuilder {
public:
  explicit GPUKernelBuilder(ImplicitLocOpBuilder builder) : b(builder) {}

  ImplicitLocOpBuilder &builder() { return b; }

  Value index(int64_t value) { return arith::ConstantIndexOp::create(b, value); }
  Value integer(int64_t value);
  Value constant(float value, int64_t width = 1);

  /// Index arithmetic, folded where it can be; nothing is negative.
  Value add(Value x, Value y) { return b.createOrFold<arith::AddIOp>(x, y); }
  Value add(Value x, int64_t y) { return add(x, index(y)); }
  Value sub(Value x, Value y) { return b.createOrFold<arith::SubIOp>(x, y); }
  Value mul(Value x, int64_t y) { return b.createOrFold<arith::MulIOp>(x, index(y)); }
  Value div(Value x, int64_t y) { return b.createOrFold<arith::DivUIOp>(x, index(y)); }
  Value rem(Value x, int64_t y) { return b.createOrFold<arith::RemUIOp>(x, index(y)); }
  Value mul(Value x, Value y) { return b.createOrFold<arith::MulIOp>(x, y); }
  Value min(Value x, Value y) { return b.createOrFold<arith::MinUIOp>(x, y); }
  Value max(Value x, Value y) { return select(isBelow(x, y), y, x); }
  Value ceilDiv(Value x, int64_t y) { return div(add(x, y - 1), y); }
  Value isEqual(Value x, Value y) { return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, x, y); }
  Value both(Value x, Value y) { return arith::AndIOp::create(b, x, y); }
  Value either(Value x, Value y) { return arith::OrIOp::create(b, x, y); }
  Value isBelow(Value x, Value y) { return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, x, y); }
  Value select(Value condition, Value x, Value y) { return arith::SelectOp::create(b, condition, x, y); }
  Value exclusiveOr(Value x, Value y) { return b.createOrFold<arith::XOrIOp>(x, y); }
  Value toI32(Value x) { return arith::IndexCastUIOp::create(b, b.getI32Type(), x); }
  /// Where `table` is in the row of a token that begins at `row`, both of 32 bits meanwhile.
  Value placeInRow(Value row, Value table) {
    return arith::IndexCastUIOp::create(b, b.getIndexType(), add(row, toI32(table)));
  }
  Value dim(Value memref, int64_t dimension);
  /// The integer element at `indices` as an index: unsigned, or with its sign clamped to [0, size).
  Value loadUnsigned(Value memref, ValueRange indices);
  Value loadClamped(Value memref, ValueRange indices, Value size);

  Value thread() { return gpu::ThreadIdOp::create(b, gpu::Dimension::x); }
  Value block(gpu::Dimension dimension) { return gpu::BlockIdOp::create(b, dimension); }

  /// Integers of 32 bits, and their four bytes, vector<4xi8>, the lowest first.
  Value andI(Value x, int64_t mask) { return arith::AndIOp::create(b, x, integer(mask)); }
  Value shiftLeft(Value x, int64_t bits) { return bits == 0 ? x : arith::ShLIOp::create(b, x, integer(bits)); }
  Value shiftRight(Value x, int64_t bits) { return arith::ShRUIOp::create(b, x, integer(bits)); }
  /// A byte as an i32, with its sign or without.
  Value widen(Value byte, bool isSigned);
  /// An i32, or a vector of it, as f32, rounded to nearest.
  Value toFloat(Value x);
  Value toBytes(Value word);
  Value toWord(Value bytes);
  /// The elements of a vector of integers of 64 bits at most, from element `first` on, those before it last.
  SmallVector<Value> rotate(Value vector, Value first);
  /// The words of a vector of bytes.
  SmallVector<Value> getWords(Value bytes);
  /// sum + x . y, of signed bytes each.
  Value dot4(Value x, Value y, Value sum);

  /// f32 arithmetic.
  Value addF(Value x, Value y) { return arith::AddFOp::create(b, x, y); }
  Value subF(Value x, Value y) { return arith::SubFOp::create(b, x, y); }
  Value mulF(Value x, Value y) { return arith::MulFOp::create(b, x, y); }
  Value divF(Value x, Value y) { return arith::DivFOp::create(b, x, y); }
  Value fma(Value x, Value y, Value z);
  Value sqrt(Value x);
  Value broadcast(Value scalar, int64_t width);
  Value compareF(arith::CmpFPredicate predicate, Value x, Value y) { return arith::CmpFOp::create(b, predicate, x, y); }
  /// The larger of x and y; y where one of them is NaN.
  Value maxF(Value x, Value y);
  /// 2^x of each of `xs`, differences to a maximum; see `buildExp2OfDifference`.
  SmallVector<Value> exp2OfDifference(ValueRange xs);
  /// The scalars of a value of `width`, and the value of some scalars.
  SmallVector<Value> elements(Value vector, int64_t width);
  Value fromElements(ArrayRef<Value> scalars);
  /// The elements of a vector added in ascending order.
  Value addElements(Value vector, int64_t width);

  /// `width` adjacent elements, extended to f32. Vectors are aligned to their size, 16 bytes at most.
  Value load(Value memref, ValueRange indices, int64_t width);
  /// The same, of the memref's element type.
  Value loadStored(Value memref, ValueRange indices, int64_t width);
  Value extend(Value stored);
  void store(Value value, Value memref, ValueRange indices);
  /// Stores f32 as the memref's element type, rounded to nearest.
  void storeRounded(Value value, Value memref, ValueRange indices);
  /// Whether vectors of `width` elements from multiples of `width` on are aligned in every row of `memref`, whose data
  /// begin at a multiple of 16 bytes.
  static bool hasAlignedRows(Value memref, int64_t width);

  /// Warps: all threads of one take part.
  Value shuffle(Value x, Value lane);
  Value shuffleXor(Value x, int64_t mask);
  /// The same index, i32 at most, from which no compiler computes anything ahead of here to keep it in registers.
  Value computeHere(Value index);
  /// Bit l is the predicate of lane l.
  Value ballot(Value predicate);
  /// The sum over a warp, in every lane: pairs 16 apart first, then 8, 4, 2, 1.
  Value warpSum(Value x);
  /// The largest of a warp, in every lane; NaN only where there is nothing else, or where all are.
  Value warpMax(Value x);
  /// The largest of a warp, in every lane.
  Value warpMaxOfIntegers(Value x);
  /// Whether `predicate` holds in some lane of the warp.
  Value isAny(Value predicate);
  /// Waits for the warp, whose writes to memory are seen from here on.
  void warpBarrier();

  /// Products of matrices by a warp. A word, i32, has two adjacent elements of 16 bits or one of 32; which of them a
  /// lane has, PTX says ("Matrix Fragments for mma.m16n8k16", "... m16n8k8"). Four matrices of workgroup memory, of 8
  /// rows of 16 bytes: lane 8 m + r gives where row r of matrix m begins. A word of each.
  SmallVector<Value> loadMatrices(Value memref, ValueRange indices, bool isTransposed);
  /// The word of two adjacent elements of 16 bits.
  Value loadPair(Value memref, ValueRange indices);
  /// c + a b, of 16 x 16 f16 or bf16 `a` (4 words), 16 x 8 `b` (2 words) and 16 x 8 f32 `c` (4).
  SmallVector<Value> multiplyMatrices(ArrayRef<Value> a, ArrayRef<Value> b, ArrayRef<Value> c, Type element);
  /// The same of 16 x 8 tf32 `a` (4 words) and 8 x 8 `b` (2 words).
  SmallVector<Value> multiplyWide(ArrayRef<Value> a, ArrayRef<Value> b, ArrayRef<Value> c);
  /// A word of f32 as the sum of two of tf32, but for 2^-23 of it; infinities and the largest 2^-11 of all numbers give
  /// a NaN.
  std::pair<Value, Value> splitWide(Value word);
  /// The elements of a vector of f16 or bf16 as words of tf32, which has them all.
  SmallVector<Value> widenElements(Value vector);
  /// The two elements of a word as a vector.
  Value getPair(Value word, Type element);
  /// f32 rounded to `element`, to nearest: a vector, and two in a word.
  Value roundElements(ArrayRef<Value> scalars, Type element);
  Value roundPair(Value low, Value high, Type element);

  /// Blocks.
  void barrier() { gpu::BarrierOp::create(b); }
  /// The workgroup memory from byte `begin` on.
  Value workgroupMemory(ArrayRef<int64_t> shape, Type element, int64_t begin = 0);
  /// Starts a copy of `elements` elements, 16 bytes, to workgroup memory.
  void copyAsync(Value source, ValueRange from, Value destination, ValueRange to, int64_t elements);
  /// The same, of which `counted` elements come from `source`; zeros follow them.
  void copyCounted(Value source, ValueRange from, Value destination, ValueRange to, int64_t elements, Value counted);
  /// Closes the group of the copies that were started since the last one was closed.
  void closeCopies();
  /// Waits until at most `groups` of the thread's groups are on their way.
  void awaitCopies(int64_t groups);

  /// Barriers in workgroup memory, an i64 each, that count the bytes of bulk copies.
  void initBarrier(Value barriers, Value barrier, int64_t count);
  void expectBytes(Value barriers, Value barrier, int64_t bytes);
  /// Waits for the end of the phase of parity `parity`, an index.
  void awaitBarrier(Value barriers, Value barrier, Value parity);
  /// Starts a copy of adjacent elements by one thread, to the first `blocks` blocks of the cluster where it has
  /// several.
  void copyBulk(Value source, ValueRange from, Value destination, ValueRange to, int64_t elements, Value barriers,
                Value barrier, int64_t blocks);
  /// Tells the cluster that the thread is here, and waits until all of its threads were there.
  void clusterArrive();
  void clusterWait();

  void loop(Value from, Value to, Value step, function_ref<void(Value)> body);
  SmallVector<Value> loop(Value from, Value to, Value step, ValueRange initial,
                          function_ref<SmallVector<Value>(Value, ValueRange)> body);
  void ifThen(Value condition, function_ref<void()> body);
  /// The values of `body` where `condition` holds, `otherwise` elsewhere.
  SmallVector<Value> choose(Value condition, function_ref<SmallVector<Value>()> body, ValueRange otherwise);
  SmallVector<Value> choose(Value condition, function_ref<SmallVector<Value>()> body,
                            function_ref<SmallVector<Value>()> otherwise);

private:
  ImplicitLocOpBuilder b;
};

} // namespace mlir::mf

#endif // MF_CODEGEN_GPU_KERNELBUILDER_H
