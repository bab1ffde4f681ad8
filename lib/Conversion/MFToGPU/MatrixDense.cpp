// The dense layer of many tokens by products of matrices: x and the weight in tiles in workgroup memory, x split into
// two parts of tf32; sums in f32, those of a slice of features for themselves.
#include "DenseWeight.h"
#include "Kernels.h"
#include "MatrixTile.h"

using namespace mlir;
using namespace mlir::mf;

/// Tokens, columns and features of a product; columns of the weight that are loaded at once.
static constexpr int64_t kRows = 16, kColumns = 8, kDepth = 8, kLoadedColumns = 32;
/// Bytes of an element of x.
static constexpr int64_t kWideBytes = 4;

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

static MatrixTile getXTile(GPUMatrixDenseAttr strategy) {
  return {strategy.getStages(), strategy.getRows(), strategy.getFeatures(), kWideBytes};
}

static MatrixTile getWeightTile(GPUMatrixDenseAttr strategy) {
  return {strategy.getStages(), strategy.getFeatures(), strategy.getColumns()};
}

mf::MatrixDenseShape::MatrixDenseShape(GPUMatrixDenseAttr strategy)
    : threads(strategy.getWarps() * kWarpThreads),
      bytes(getXTile(strategy).getBytes() + getWeightTile(strategy).getBytes()) {}

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
  void copyTile(const MatrixTile &tile, Value source, Value buffer,
                function_ref<std::pair<Value, SmallVector<Value>>(Value, Value)> getSource);
  void startCopies(Value step);
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
      threads(MatrixDenseShape(strategy).threads), xTile(getXTile(strategy)), weightTile(getWeightTile(strategy)),
      thread(k.thread()), lane(k.rem(thread, kWarpThreads)),
      firstToken(k.mul(k.block(gpu::Dimension::x), strategy.getRows())),
      firstColumn(k.mul(k.block(gpu::Dimension::y), strategy.getColumns())),
      steps(k.index(llvm::divideCeil(features, strategy.getFeatures()))) {
  xTile.place(k, k.builder().getF32Type(), /*begin=*/0, lane);
  weightTile.place(k, weight.element, xTile.getBytes(), lane);
  Value warp = k.div(thread, kWarpThreads);
  int64_t warpsOfRow = strategy.getColumns() / strategy.getWarpColumns();
  warpRow = k.mul(k.div(warp, warpsOfRow), strategy.getWarpRows());
  warpColumn = k.mul(k.rem(warp, warpsOfRow), strategy.getWarpColumns());
}

/// `getSource` gives the feature of an element of the tile and where it lies in `source`, bounded by the last feature.
/// Features behind that are 0.
void MatrixDenseKernel::copyTile(const MatrixTile &tile, Value source, Value buffer,
                                 function_ref<std::pair<Value, SmallVector<Value>>(Value, Value)> getSource) {
  bool isWhole = features % strategy.getFeatures() == 0;
  int64_t elements = tile.getPieceElements();
  k.loop(thread, k.index(tile.getRows() * tile.getPieces()), k.index(threads), [&](Value i) {
    Value row = k.div(i, tile.getPieces()), piece = k.rem(i, tile.getPieces());
    auto [feature, place] = getSource(row, k.mul(piece, elements));
    Value counted = isWhole ? Value() : k.select(k.isBelow(feature, k.index(features)), k.index(elements), k.index(0));
    k.copyCounted(source, place, tile.getMemRef(), tile.getPlace(k, buffer, row, piece), elements, counted);
  });
}

/// Tokens and columns behind the last are others, which are not stored.
void MatrixDenseKernel::startCopies(Value step) {
  Value buffer = getBuffer(step), first = k.mul(step, strategy.getFeatures());
  Value lastToken = k.sub(k.dim(op.getX(), 0), k.index(1));
  // What is not read must have a place nevertheless.
  auto bound = [&](Value feature, int64_t elements) { return k.min(feature, k.index(features - elements)); };
  copyTile(xTile, op.getX(), buffer, [&](Value row, Value inside) {
    Value feature = k.add(first, inside), token = k.min(k.add(firstToken, row), lastToken);
    return std::pair(feature, SmallVector<Value>{token, bound(feature, xTile.getPieceElements())});
  });
  copyTile(weightTile, weight.memref, buffer, [&](Value row, Value inside) {
    Value feature = k.add(first, row);
    return std::pair(feature, weight.getPlace(k, k.add(firstColumn, inside), bound(feature, 1)));
  });
}

SmallVector<Value> MatrixDenseKernel::addStep(Value step, ValueRange sums) {
  SmallVector<Value> next(sums);
  Value buffer = getBuffer(step);
  for (int64_t feature = 0; feature < strategy.getFeatures(); feature += kDepth) {
    SmallVector<Value> w;
    for (int64_t column = 0; column < strategy.getWarpColumns(); column += kLoadedColumns)
      for (Value word : weightTile.load(k, buffer, k.index(feature), k.add(k.div(warpColumn, kPiece), column / kPiece),
                                        MatrixOrder::Halves, /*isTransposed=*/true))
        llvm::append_range(w, k.widenElements(k.getPair(word, weight.element)));
    for (int64_t row = 0; row < strategy.getWarpRows(); row += kRows) {
      SmallVector<Value> high, low;
      for (Value word : xTile.load(k, buffer, k.add(warpRow, row), k.index(feature / xTile.getPieceElements()),
                                   MatrixOrder::ByRows, /*isTransposed=*/false)) {
        auto [first, second] = k.splitWide(word);
        high.push_back(first);
        low.push_back(second);
      }
      for (ArrayRef<Value> x : {ArrayRef(high), ArrayRef(low)})
        for (int64_t column = 0; column < strategy.getWarpColumns() / kColumns; ++column) {
          auto begin = next.begin() + getSum(row / kRows, column);
          llvm::copy(k.multiplyWide(x, ArrayRef(w).slice(2 * column, 2), SmallVector<Value>(begin, begin + 4)), begin);
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
  int64_t ahead = strategy.getStages() - 1, sliceSteps = strategy.getSlice() / strategy.getFeatures();
  auto start = [&](Value step) {
    k.ifThen(k.isBelow(step, steps), [&] { startCopies(step); });
    k.closeCopies();
  };
  for (int64_t step = 0; step < ahead; ++step)
    start(k.index(step));
  int64_t sums = strategy.getWarpRows() * strategy.getWarpColumns() / kWarpThreads;
  SmallVector<Value> zeros(sums, k.constant(0.0f));
  store(k.loop(k.index(0), steps, k.index(sliceSteps), zeros, [&](Value first, ValueRange totals) {
    Value end = k.min(k.add(first, sliceSteps), steps);
    SmallVector<Value> slice = k.loop(first, end, k.index(1), zeros, [&](Value step, ValueRange sums) {
      k.awaitCopies(ahead - 1);
      // Also: all have read the buffer that the step `ahead` from here overwrites.
      k.barrier();
      start(k.add(step, ahead));
      return addStep(step, sums);
    });
    for (auto [sum, total] : llvm::zip_equal(slice, totals))
      sum = k.addF(total, sum);
    return slice;
  }));
}

void mf::buildGPUMatrixDense(LinearOp op, GPUMatrixDenseAttr strategy, GPUKernelBuilder &k) {
  MatrixDenseKernel(op, strategy, k).build();
}
