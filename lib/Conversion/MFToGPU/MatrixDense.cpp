// The dense layer of many tokens by products of matrices: x, rounded to the elements of the weight, and the weight in
// tiles in workgroup memory; sums in f32.
#include "DenseWeight.h"
#include "Kernels.h"
#include "MatrixTile.h"

using namespace mlir;
using namespace mlir::mf;

/// Tokens, columns and features of a product; columns of the weight that are loaded at once.
static constexpr int64_t kRows = 16, kColumns = 8, kDepth = 16, kLoadedColumns = 16;
/// Elements of a vector of f32.
static constexpr int64_t kVector = 4;

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

static MatrixTile getXTile(GPUMatrixDenseAttr strategy) {
  return {strategy.getStages(), strategy.getRows(), strategy.getFeatures()};
}

static MatrixTile getWeightTile(const DenseWeight &weight, GPUMatrixDenseAttr strategy) {
  int64_t features = strategy.getFeatures(), columns = strategy.getColumns();
  return {strategy.getStages(), weight.hasPanels() ? features : columns, weight.hasPanels() ? columns : features};
}

mf::MatrixDenseShape::MatrixDenseShape(LinearOp op, GPUMatrixDenseAttr strategy)
    : threads(strategy.getWarps() * kWarpThreads),
      bytes(getXTile(strategy).getBytes() + getWeightTile(DenseWeight(op), strategy).getBytes()) {}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

namespace {
/// Builds the kernel. Buffer s % stages holds the features of step s.
class MatrixDenseKernel {
public:
  MatrixDenseKernel(LinearOp op, GPUMatrixDenseAttr strategy, GPUKernelBuilder &k);

  void build();

private:
  void startWeights(Value step);
  int64_t getXPieces() const { return strategy.getRows() * strategy.getFeatures() / kPiece / threads; }
  std::pair<Value, Value> getXPiece(int64_t i);
  SmallVector<Value> loadX(Value step);
  void storeX(Value step, ValueRange loaded);
  SmallVector<Value> addStep(Value step, ValueRange sums);
  void store(ValueRange sums);
  Value getBuffer(Value step) { return k.rem(step, strategy.getStages()); }
  /// Sums of the product of rows 16 `row` and columns 8 `column` of the warp.
  int64_t getSum(int64_t row, int64_t column) const {
    return 4 * (row * strategy.getWarpColumns() / kColumns + column);
  }

  LinearOp op;
  GPUMatrixDenseAttr strategy;
  GPUKernelBuilder &k;
  DenseWeight weight;
  int64_t features, threads;
  MatrixTile xTile, weightTile;
  Value thread, lane, firstToken, firstColumn, warpRow, warpColumn, steps;
};
} // namespace

MatrixDenseKernel::MatrixDenseKernel(LinearOp op, GPUMatrixDenseAttr strategy, GPUKernelBuilder &k)
    : op(op), strategy(strategy), k(k), weight(op), features(cast<MemRefType>(op.getX().getType()).getDimSize(1)),
      threads(MatrixDenseShape(op, strategy).threads), xTile(getXTile(strategy)),
      weightTile(getWeightTile(weight, strategy)), thread(k.thread()), lane(k.rem(thread, kWarpThreads)),
      firstToken(k.mul(k.block(gpu::Dimension::x), strategy.getRows())),
      firstColumn(k.mul(k.block(gpu::Dimension::y), strategy.getColumns())),
      steps(k.index(llvm::divideCeil(features, strategy.getFeatures()))) {
  xTile.place(k, weight.element, /*begin=*/0, lane);
  weightTile.place(k, weight.element, xTile.getBytes(), lane);
  Value warp = k.div(thread, kWarpThreads);
  int64_t warpsOfRow = strategy.getColumns() / strategy.getWarpColumns();
  warpRow = k.mul(k.div(warp, warpsOfRow), strategy.getWarpRows());
  warpColumn = k.mul(k.rem(warp, warpsOfRow), strategy.getWarpColumns());
}

/// Features behind the last are 0, columns behind the last are others, which are not stored.
void MatrixDenseKernel::startWeights(Value step) {
  Value buffer = getBuffer(step), first = k.mul(step, strategy.getFeatures()), last = k.index(features - 1);
  bool isWhole = features % strategy.getFeatures() == 0;
  k.loop(thread, k.index(weightTile.getRows() * weightTile.getPieces()), k.index(threads), [&](Value i) {
    Value row = k.div(i, weightTile.getPieces()), piece = k.rem(i, weightTile.getPieces());
    Value inside = k.mul(piece, kPiece);
    Value feature = k.add(first, weight.hasPanels() ? row : inside);
    Value column = k.add(firstColumn, weight.hasPanels() ? inside : row);
    Value counted = isWhole ? Value() : k.select(k.isBelow(feature, k.index(features)), k.index(kPiece), k.index(0));
    // What is not read must have a place nevertheless.
    Value bounded = isWhole ? feature : k.min(feature, weight.hasPanels() ? last : k.index(features - kPiece));
    k.copyCounted(weight.memref, weight.getPlace(k, column, bounded), weightTile.getMemRef(),
                  weightTile.getPlace(k, buffer, row, piece), kPiece, counted);
  });
}

/// Row and piece of the thread's piece `i` of a tile of x.
std::pair<Value, Value> MatrixDenseKernel::getXPiece(int64_t i) {
  Value place = k.add(thread, i * threads);
  return {k.div(place, xTile.getPieces()), k.rem(place, xTile.getPieces())};
}

/// What the thread copies of x, as f32: it is on its way while the products of an earlier step are computed.
SmallVector<Value> MatrixDenseKernel::loadX(Value step) {
  SmallVector<Value> loaded;
  Value lastToken = k.sub(k.dim(op.getX(), 0), k.index(1)), first = k.mul(step, strategy.getFeatures());
  for (int64_t i = 0; i < getXPieces(); ++i) {
    auto [row, piece] = getXPiece(i);
    Value token = k.min(k.add(firstToken, row), lastToken), feature = k.add(first, k.mul(piece, kPiece));
    Value bounded = k.min(feature, k.index(features - kPiece));
    for (int64_t part = 0; part < kPiece; part += kVector) {
      Value vector = k.load(op.getX(), {token, k.add(bounded, part)}, kVector);
      if (features % strategy.getFeatures() != 0)
        vector = k.select(k.isBelow(feature, k.index(features)), vector, k.constant(0.0f, kVector));
      loaded.push_back(vector);
    }
  }
  return loaded;
}

void MatrixDenseKernel::storeX(Value step, ValueRange loaded) {
  constexpr int64_t vectors = kPiece / kVector;
  for (int64_t i = 0; i < getXPieces(); ++i) {
    auto [row, piece] = getXPiece(i);
    SmallVector<Value> elements;
    for (Value vector : loaded.slice(i * vectors, vectors))
      llvm::append_range(elements, k.elements(vector, kVector));
    k.store(k.roundElements(elements, weight.element), xTile.getMemRef(),
            xTile.getPlace(k, getBuffer(step), row, piece));
  }
}

SmallVector<Value> MatrixDenseKernel::addStep(Value step, ValueRange sums) {
  SmallVector<Value> next(sums);
  Value buffer = getBuffer(step);
  for (int64_t feature = 0; feature < strategy.getFeatures(); feature += kDepth) {
    SmallVector<SmallVector<Value>> x;
    for (int64_t row = 0; row < strategy.getWarpRows(); row += kRows)
      x.push_back(
          xTile.load(k, buffer, k.add(warpRow, row), k.index(feature), MatrixOrder::ByRows, /*isTransposed=*/false));
    for (int64_t column = 0; column < strategy.getWarpColumns(); column += kLoadedColumns) {
      SmallVector<Value> w =
          weight.hasPanels()
              ? weightTile.load(k, buffer, k.index(feature), k.add(warpColumn, column), MatrixOrder::ByRows,
                                /*isTransposed=*/true)
              : weightTile.load(k, buffer, k.add(warpColumn, column), k.index(feature), MatrixOrder::ByColumns,
                                /*isTransposed=*/false);
      for (auto [row, words] : llvm::enumerate(x))
        for (int64_t part = 0; part < 2; ++part) {
          auto begin = next.begin() + getSum(row, column / kColumns + part);
          llvm::copy(k.multiplyMatrices(words, ArrayRef(w).slice(2 * part, 2), SmallVector<Value>(begin, begin + 4),
                                        weight.element),
                     begin);
        }
    }
  }
  return next;
}

/// A lane has two adjacent columns of rows lane / 4 and lane / 4 + 8 of each product.
void MatrixDenseKernel::store(ValueRange sums) {
  int64_t width = GPUKernelBuilder::hasAlignedRows(op.getInit(), 2) ? 2 : 1;
  Value laneRow = k.div(lane, 4), laneColumn = k.mul(k.rem(lane, 4), 2);
  for (int64_t row = 0; row < strategy.getWarpRows(); row += kRows / 2) {
    Value token = k.add(k.add(firstToken, warpRow), k.add(laneRow, row));
    k.ifThen(k.isBelow(token, k.dim(op.getInit(), 0)), [&] {
      for (int64_t column = 0; column < strategy.getWarpColumns(); column += kColumns) {
        int64_t sum = getSum(row / kRows, column / kColumns) + 2 * (row / (kRows / 2) % 2);
        for (int64_t i = 0; i < 2; i += width) {
          Value target = k.add(k.add(firstColumn, warpColumn), k.add(laneColumn, column + i));
          k.ifThen(k.isBelow(target, k.index(weight.columns)), [&] {
            k.store(k.fromElements(llvm::to_vector(sums.slice(sum + i, width))), op.getInit(), {token, target});
          });
        }
      }
    });
  }
}

void MatrixDenseKernel::build() {
  int64_t ahead = strategy.getStages() - 1;
  auto start = [&](Value step) {
    k.ifThen(k.isBelow(step, steps), [&] { startWeights(step); });
    k.closeCopies();
  };
  for (int64_t step = 0; step < ahead; ++step) {
    start(k.index(step));
    storeX(k.index(step), loadX(k.index(step)));
  }
  int64_t sums = strategy.getWarpRows() * strategy.getWarpColumns() / kWarpThreads;
  SmallVector<Value> zeros(sums, k.constant(0.0f));
  store(k.loop(k.index(0), steps, k.index(1), zeros, [&](Value step, ValueRange sums) {
    k.awaitCopies(ahead - 1);
    // Also: all have read the buffer that the step `ahead` from here overwrites.
    k.barrier();
    Value next = k.add(step, ahead);
    start(next);
    SmallVector<Value> x = loadX(next), added = addStep(step, sums);
    storeX(next, x);
    return added;
  }));
}

void mf::buildGPUMatrixDense(LinearOp op, GPUMatrixDenseAttr strategy, GPUKernelBuilder &k) {
  MatrixDenseKernel(op, strategy, k).build();
}
