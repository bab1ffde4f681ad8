// The dense layer of many tokens in f32 arithmetic: tiles through workgroup memory. Slices of features are summed in
// the order of DenseStream.cpp, so both give the same bits.
#include "DenseWeight.h"
#include "Kernels.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

/// Elements of a vector of f32, and features that are loaded before the first product.
static constexpr int64_t kVector = 4;

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

/// A row of a tile whose features are adjacent has a vector more, so that rows begin in different banks.
static int64_t getRowSize(int64_t features, int64_t vector) { return features + vector; }

mf::DenseTileShape::DenseTileShape(LinearOp op, GPUDenseTileAttr strategy) {
  DenseWeight weight(op);
  int64_t elementBytes = weight.element.getIntOrFloatBitWidth() / 8, tileFeatures = strategy.getFeatures();
  features = op.getNumWeightFeatures();
  threads = strategy.getRows() / kDenseThreadRows * (strategy.getColumns() / kDenseThreadColumns);
  int64_t weightSize = weight.hasPanels() ? tileFeatures * strategy.getColumns()
                                          : getRowSize(tileFeatures, weight.getVector()) * strategy.getColumns();
  xBytes = 2 * strategy.getRows() * getRowSize(tileFeatures, kVector) * 4;
  bytes = xBytes + 2 * weightSize * elementBytes;
}

//===----------------------------------------------------------------------===//
// Tiles in workgroup memory
//===----------------------------------------------------------------------===//

namespace {
/// Builds the kernel with tiles.
class DenseTileKernel {
public:
  DenseTileKernel(LinearOp op, GPUDenseTileAttr strategy, GPUKernelBuilder &k);

  void build();

private:
  /// A piece of a tile: where it comes from and goes to, and the feature that it begins with.
  struct Piece {
    SmallVector<Value> from, to;
    Value feature;
  };

  void copy(Value source, Value tile, int64_t outer, int64_t inner, int64_t width,
            function_ref<Piece(Value, Value)> getPiece);
  void startTile(Value step);
  SmallVector<Value> loadX(Value buffer, Value feature);
  SmallVector<Value> loadWeights(Value buffer, Value feature);
  SmallVector<Value> addFeatures(Value buffer, Value feature, ValueRange sums);
  SmallVector<Value> addTile(Value step, ValueRange totalsAndSums);
  Value getRow(int64_t i) { return k.add(threadRow, i * (strategy.getRows() / kDenseThreadRows)); }
  Value getColumn(int64_t i);
  void store(ValueRange totals);

  LinearOp op;
  GPUDenseTileAttr strategy;
  GPUKernelBuilder &k;
  DenseTileShape shape;
  DenseWeight weight;
  /// [2, rows, features of a row] and [2, features, columns] or [2, columns, features of a row].
  Value xTile, weightTile;
  Value thread, threadRow, threadColumn, firstToken, firstColumn;
};
} // namespace

DenseTileKernel::DenseTileKernel(LinearOp op, GPUDenseTileAttr strategy, GPUKernelBuilder &k)
    : op(op), strategy(strategy), k(k), shape(op, strategy), weight(op) {
  int64_t rows = strategy.getRows(), columns = strategy.getColumns(), features = strategy.getFeatures();
  xTile = k.workgroupMemory({2, rows, getRowSize(features, kVector)}, k.builder().getF32Type());
  SmallVector<int64_t> tile = {2, features, columns};
  if (!weight.hasPanels())
    tile = {2, columns, getRowSize(features, weight.getVector())};
  weightTile = k.workgroupMemory(tile, weight.element, shape.xBytes);
  thread = k.thread();
  threadRow = k.div(thread, columns / kDenseThreadColumns);
  threadColumn = k.rem(thread, columns / kDenseThreadColumns);
  firstToken = k.mul(k.block(gpu::Dimension::y), rows);
  firstColumn = k.mul(k.block(gpu::Dimension::x), columns);
}

/// Copies [outer, inner] elements. With `width` 1 they pass through registers, those behind the last feature as 0.
void DenseTileKernel::copy(Value source, Value tile, int64_t outer, int64_t inner, int64_t width,
                           function_ref<Piece(Value, Value)> getPiece) {
  int64_t pieces = inner / width;
  k.loop(thread, k.index(outer * pieces), k.index(shape.threads), [&](Value i) {
    Piece piece = getPiece(k.div(i, pieces), k.mul(k.rem(i, pieces), width));
    if (width > 1)
      return k.copyAsync(source, piece.from, tile, piece.to, width);
    Value element = k.loadStored(source, piece.from, 1);
    Value zero = arith::ConstantOp::create(k.builder(), k.builder().getZeroAttr(element.getType()));
    k.store(k.select(k.isBelow(piece.feature, k.index(shape.features)), element, zero), tile, piece.to);
  });
}

/// Step s goes to buffer s % 2.
void DenseTileKernel::startTile(Value step) {
  int64_t rows = strategy.getRows(), columns = strategy.getColumns(), features = strategy.getFeatures();
  bool isWhole = shape.features % features == 0;
  Value buffer = k.rem(step, 2), first = k.mul(step, features),
        last = k.index(std::max<int64_t>(shape.features, 1) - 1);
  auto bound = [&](Value feature) { return isWhole ? feature : k.min(feature, last); };
  // What pruning left of x is not adjacent.
  bool isAdjacent = !weight.kept && isWhole && GPUKernelBuilder::hasAlignedRows(op.getX(), kVector);
  int64_t width = isAdjacent ? kVector : 1;
  Value lastToken = k.sub(k.dim(op.getX(), 0), k.index(1));
  copy(op.getX(), xTile, rows, features, width, [&](Value row, Value i) {
    Value feature = k.add(first, i);
    Value place = weight.getActivation(k, firstColumn, bound(feature));
    return Piece{{k.min(k.add(firstToken, row), lastToken), place}, {buffer, row, i}, feature};
  });
  width = isWhole && GPUKernelBuilder::hasAlignedRows(weight.memref, weight.getVector()) ? weight.getVector() : 1;
  if (weight.hasPanels())
    return copy(weight.memref, weightTile, features, columns, width, [&](Value i, Value column) {
      Value feature = k.add(first, i);
      return Piece{weight.getPlace(k, k.add(firstColumn, column), bound(feature)), {buffer, i, column}, feature};
    });
  copy(weight.memref, weightTile, columns, features, width, [&](Value column, Value i) {
    Value feature = k.add(first, i);
    return Piece{weight.getPlace(k, k.add(firstColumn, column), bound(feature)), {buffer, column, i}, feature};
  });
}

/// The thread's columns: of panels two vectors, of rows one in each eighth, so that lanes read different banks.
Value DenseTileKernel::getColumn(int64_t i) {
  int64_t columns = strategy.getColumns();
  if (!weight.hasPanels())
    return k.add(threadColumn, i * (columns / kDenseThreadColumns));
  return k.add(k.mul(threadColumn, kVector), i / kVector * (columns / 2) + i % kVector);
}

/// Four features of each row of the thread, row by row.
SmallVector<Value> DenseTileKernel::loadX(Value buffer, Value feature) {
  SmallVector<Value> elements;
  for (int64_t i = 0; i < kDenseThreadRows; ++i)
    llvm::append_range(elements, k.elements(k.load(xTile, {buffer, getRow(i), feature}, kVector), kVector));
  return elements;
}

/// Four features of each column of the thread, column by column.
SmallVector<Value> DenseTileKernel::loadWeights(Value buffer, Value feature) {
  SmallVector<Value> elements(kDenseThreadColumns * kVector);
  if (!weight.hasPanels()) {
    for (int64_t i = 0; i < kDenseThreadColumns; ++i)
      llvm::copy(k.elements(k.load(weightTile, {buffer, getColumn(i), feature}, kVector), kVector),
                 elements.begin() + i * kVector);
    return elements;
  }
  for (int64_t f = 0; f < kVector; ++f)
    for (int64_t i = 0; i < kDenseThreadColumns; i += kVector) {
      Value loaded = k.load(weightTile, {buffer, k.add(feature, f), getColumn(i)}, kVector);
      for (auto [c, element] : llvm::enumerate(k.elements(loaded, kVector)))
        elements[(i + c) * kVector + f] = element;
    }
  return elements;
}

SmallVector<Value> DenseTileKernel::addFeatures(Value buffer, Value feature, ValueRange sums) {
  SmallVector<Value> next(sums), x = loadX(buffer, feature), w = loadWeights(buffer, feature);
  for (int64_t f = 0; f < kVector; ++f)
    for (int64_t row = 0; row < kDenseThreadRows; ++row)
      for (int64_t column = 0; column < kDenseThreadColumns; ++column) {
        Value &sum = next[row * kDenseThreadColumns + column];
        sum = k.fma(x[row * kVector + f], w[column * kVector + f], sum);
      }
  return next;
}

/// Adds a tile to the sums of the slice, and those to the totals where the slice ends.
SmallVector<Value> DenseTileKernel::addTile(Value step, ValueRange totalsAndSums) {
  size_t results = kDenseThreadRows * kDenseThreadColumns;
  ValueRange totals = totalsAndSums.take_front(results), sums = totalsAndSums.drop_front(results);
  int64_t tilesOfSlice = strategy.getSlice() / strategy.getFeatures();
  SmallVector<Value> added =
      k.loop(k.index(0), k.index(strategy.getFeatures()), k.index(kVector), sums,
             [&](Value feature, ValueRange sums) { return addFeatures(k.rem(step, 2), feature, sums); });
  Value isLast = k.isEqual(step, k.index(llvm::divideCeil(shape.features, strategy.getFeatures()) - 1));
  Value ends = k.either(isLast, k.isEqual(k.rem(step, tilesOfSlice), k.index(tilesOfSlice - 1)));
  SmallVector<Value> kept(totals);
  llvm::append_range(kept, added);
  auto close = [&] {
    SmallVector<Value> closed;
    for (auto [total, sum] : llvm::zip_equal(totals, added))
      closed.push_back(k.addF(total, sum));
    closed.append(results, k.constant(0.0f));
    return closed;
  };
  return k.choose(ends, close, kept);
}

void DenseTileKernel::store(ValueRange totals) {
  int64_t width = weight.hasPanels() && GPUKernelBuilder::hasAlignedRows(op.getInit(), kVector) ? kVector : 1;
  for (int64_t row = 0; row < kDenseThreadRows; ++row) {
    Value token = k.add(firstToken, getRow(row)), isToken = k.isBelow(token, k.dim(op.getInit(), 0));
    for (int64_t i = 0; i < kDenseThreadColumns; i += width) {
      Value column = k.add(firstColumn, getColumn(i));
      k.ifThen(k.both(isToken, k.isBelow(column, k.index(weight.columns))), [&] {
        k.store(k.fromElements(llvm::to_vector(totals.slice(row * kDenseThreadColumns + i, width))), op.getInit(),
                {token, column});
      });
    }
  }
}

void DenseTileKernel::build() {
  Value steps = k.index(llvm::divideCeil(shape.features, strategy.getFeatures()));
  startTile(k.index(0));
  k.closeCopies();
  SmallVector<Value> zeros(2 * kDenseThreadRows * kDenseThreadColumns, k.constant(0.0f));
  SmallVector<Value> totals = k.loop(k.index(0), steps, k.index(1), zeros, [&](Value step, ValueRange sums) {
    Value next = k.add(step, 1);
    k.ifThen(k.isBelow(next, steps), [&] { startTile(next); });
    k.closeCopies();
    k.awaitCopies(1);
    k.barrier();
    SmallVector<Value> added = addTile(step, sums);
    // The next step overwrites the buffer that was just read.
    k.barrier();
    return added;
  });
  store(ValueRange(totals).take_front(kDenseThreadRows * kDenseThreadColumns));
}

void mf::buildGPUDenseTile(LinearOp op, GPUDenseTileAttr strategy, GPUKernelBuilder &k) {
  DenseTileKernel(op, strategy, k).build();
}
