// The dense layer of few tokens by products of matrices: weights straight from memory to registers. A warp sums a slice
// of the features of 16 tokens and 64 columns as the kernel of many tokens does; slices are added in ascending order.
#include "DenseWeight.h"
#include "Kernels.h"
#include "MatrixTile.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

/// Features of a product, features of x that a warp has in workgroup memory, and adjacent columns of a lane.
static constexpr int64_t kDepth = 8, kStaged = 64, kLaneColumns = 8;
/// Elements of a vector of f32.
static constexpr int64_t kVector = 4;
static constexpr int64_t kMostWarps = 16;
// A slice leaves its sums where its features of x were.
static_assert(kStaged == kMatrixStreamColumns);

/// One buffer for each slice.
static MatrixTile getXTile(int64_t slices) { return {slices, kMatrixStreamTokens, kStaged, /*elementBytes=*/4}; }

mf::MatrixStreamShape::MatrixStreamShape(LinearOp op, int64_t slice)
    : features(cast<MemRefType>(op.getX().getType()).getDimSize(1)), slices(llvm::divideCeil(features, slice)),
      warps(std::min(slices, kMostWarps)), bytes(getXTile(slices).getBytes()) {}

namespace {
/// Builds the kernel. Of each product lane l has the columns 8 (l / 4) + p, p being the product's number.
class MatrixStreamKernel {
public:
  MatrixStreamKernel(LinearOp op, int64_t slice, GPUKernelBuilder &k);

  void build();

private:
  void startX(Value slice, Value first, Value end);
  SmallVector<Value> loadWeights(Value first, Value end);
  SmallVector<Value> addStage(Value slice, Value first, Value end, ValueRange sums);
  void sumSlice(Value slice);
  void storeResult(Value place);

  LinearOp op;
  int64_t sliceFeatures;
  GPUKernelBuilder &k;
  MatrixStreamShape shape;
  DenseWeight weight;
  MatrixTile xTile;
  /// [slices, tokens, columns] in workgroup memory.
  Value parts;
  Value thread, lane, firstToken, firstColumn;
};
} // namespace

MatrixStreamKernel::MatrixStreamKernel(LinearOp op, int64_t slice, GPUKernelBuilder &k)
    : op(op), sliceFeatures(slice), k(k), shape(op, slice), weight(op), xTile(getXTile(shape.slices)),
      thread(k.thread()), lane(k.rem(thread, kWarpThreads)),
      firstToken(k.mul(k.block(gpu::Dimension::y), kMatrixStreamTokens)),
      firstColumn(k.mul(k.block(gpu::Dimension::x), kMatrixStreamColumns)) {
  Type f32 = k.builder().getF32Type();
  xTile.place(k, f32, /*begin=*/0, lane);
  parts = k.workgroupMemory({shape.slices, kMatrixStreamTokens, kMatrixStreamColumns}, f32);
}

/// Tokens and features that are not there are 0.
void MatrixStreamKernel::startX(Value slice, Value first, Value end) {
  Value tokens = k.dim(op.getX(), 0);
  k.loop(lane, k.index(xTile.getRows() * xTile.getPieces()), k.index(kWarpThreads), [&](Value i) {
    Value row = k.div(i, xTile.getPieces()), piece = k.rem(i, xTile.getPieces());
    Value token = k.add(firstToken, row), feature = k.add(first, k.mul(piece, kVector));
    Value isThere = k.both(k.isBelow(token, tokens), k.isBelow(feature, end));
    Value zero = k.index(0);
    k.copyCounted(op.getX(), {k.select(isThere, token, zero), k.select(isThere, feature, zero)}, xTile.getMemRef(),
                  xTile.getPlace(k, slice, row, piece), kVector, k.select(isThere, k.index(kVector), zero));
  });
  k.closeCopies();
}

/// Vectors of adjacent columns of the lane's two features of each product, 0 where those are not there.
SmallVector<Value> MatrixStreamKernel::loadWeights(Value first, Value end) {
  Value column = k.add(firstColumn, k.mul(k.div(lane, 4), kLaneColumns)), laneFeature = k.add(first, k.rem(lane, 4));
  SmallVector<Value> loaded;
  for (int64_t feature = 0; feature < kStaged; feature += kDepth / 2) {
    Value at = k.add(laneFeature, feature), isThere = k.isBelow(at, end);
    bool isWhole = shape.features % kStaged == 0 && sliceFeatures % kStaged == 0;
    Value bounded = isWhole ? at : k.select(isThere, at, k.index(0));
    Value vector = k.loadStored(weight.memref, weight.getPlace(k, column, bounded), kLaneColumns);
    if (!isWhole) {
      auto zeros = DenseElementsAttr::get(cast<VectorType>(vector.getType()),
                                          Attribute(k.builder().getFloatAttr(weight.element, 0.0)));
      vector = k.select(isThere, vector, arith::ConstantOp::create(k.builder(), zeros));
    }
    loaded.push_back(vector);
  }
  return loaded;
}

/// All weights are on their way before the first product.
SmallVector<Value> MatrixStreamKernel::addStage(Value slice, Value first, Value end, ValueRange sums) {
  SmallVector<Value> next(sums);
  startX(slice, first, end);
  SmallVector<Value> loaded = loadWeights(first, end);
  k.awaitCopies(0);
  k.warpBarrier();
  for (int64_t step = 0; step < kStaged / kDepth; ++step) {
    SmallVector<Value> high, low;
    for (Value word : xTile.load(k, slice, k.index(0), k.index(step * kDepth / kVector), MatrixOrder::ByRows,
                                 /*isTransposed=*/false)) {
      auto [upper, lower] = k.splitWide(word);
      high.push_back(upper);
      low.push_back(lower);
    }
    SmallVector<Value> w0 = k.widenElements(loaded[2 * step]), w1 = k.widenElements(loaded[2 * step + 1]);
    for (ArrayRef<Value> x : {ArrayRef(high), ArrayRef(low)})
      for (int64_t i = 0; i < kLaneColumns; ++i) {
        auto begin = next.begin() + 4 * i;
        llvm::copy(k.multiplyWide(x, {w0[i], w1[i]}, SmallVector<Value>(begin, begin + 4)), begin);
      }
  }
  // What follows overwrites what was read.
  k.warpBarrier();
  return next;
}

void MatrixStreamKernel::sumSlice(Value slice) {
  Value first = k.mul(slice, sliceFeatures), end = k.min(k.add(first, sliceFeatures), k.index(shape.features));
  SmallVector<Value> zeros(4 * kLaneColumns, k.constant(0.0f));
  SmallVector<Value> sums = k.loop(first, end, k.index(kStaged), zeros,
                                   [&](Value at, ValueRange sums) { return addStage(slice, at, end, sums); });
  // Word w of a product has row lane / 4 + 8 (w / 2), and of its columns number 2 (lane % 4) + w % 2.
  for (int64_t word = 0; word < 4; ++word) {
    Value row = k.add(k.div(lane, 4), word / 2 * 8);
    Value column = k.mul(k.add(k.mul(k.rem(lane, 4), 2), word % 2), kLaneColumns);
    for (int64_t i = 0; i < kLaneColumns; i += kVector) {
      SmallVector<Value> scalars;
      for (int64_t product = i; product < i + kVector; ++product)
        scalars.push_back(sums[4 * product + word]);
      k.store(k.fromElements(scalars), parts, {slice, row, k.add(column, i)});
    }
  }
}

/// Adds the slices of a result in ascending order.
void MatrixStreamKernel::storeResult(Value place) {
  Value row = k.div(place, kMatrixStreamColumns), inside = k.rem(place, kMatrixStreamColumns);
  Value token = k.add(firstToken, row), target = k.add(firstColumn, inside);
  Value isThere = k.both(k.isBelow(token, k.dim(op.getInit(), 0)), k.isBelow(target, k.index(weight.columns)));
  k.ifThen(isThere, [&] {
    Value total =
        k.loop(k.index(0), k.index(shape.slices), k.index(1), k.constant(0.0f), [&](Value slice, ValueRange total) {
           return SmallVector<Value>{k.addF(total.front(), k.load(parts, {slice, row, inside}, 1))};
         }).front();
    k.store(total, op.getInit(), {token, target});
  });
}

void MatrixStreamKernel::build() {
  k.loop(k.div(thread, kWarpThreads), k.index(shape.slices), k.index(shape.warps),
         [&](Value slice) { sumSlice(slice); });
  k.barrier();
  k.loop(thread, k.index(kMatrixStreamTokens * kMatrixStreamColumns), k.index(shape.warps * kWarpThreads),
         [&](Value place) { storeResult(place); });
}

void mf::buildGPUMatrixStream(LinearOp op, int64_t slice, GPUKernelBuilder &k) {
  MatrixStreamKernel(op, slice, k).build();
}
