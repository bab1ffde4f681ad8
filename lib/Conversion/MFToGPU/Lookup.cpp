// The lookup, straight from memory and through slices of tables in workgroup memory. Both add a row's product for each
// table in ascending order, starting from the bias, with fused products: they give the same bits.
#include "Kernels.h"
#include "TableSlices.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"

using namespace mlir;
using namespace mlir::mf;

/// Rows whose loads are on their way at the same time.
static constexpr int64_t kRowsInFlight = 4;

static bool hasStrips(LookupOp op) { return cast<MemRefType>(op.getTables().front().getType()).getRank() == 4; }

static Value getBias(LookupOp op, unsigned set) { return op.getBiases().empty() ? Value() : op.getBiases()[set]; }

static Value loadBias(GPUKernelBuilder &k, Value bias, Value column, int64_t width) {
  return bias ? k.load(bias, column, width) : k.constant(0.0f, width);
}

void mf::forEachSet(LookupOp op, GPUKernelBuilder &k, function_ref<void(unsigned)> build) {
  unsigned count = op.getInits().size();
  if (count == 1)
    return build(0);
  for (unsigned set = 0; set < count; ++set) {
    Value isSet =
        arith::CmpIOp::create(k.builder(), arith::CmpIPredicate::eq, k.block(gpu::Dimension::z), k.index(set));
    k.ifThen(isSet, [&] { build(set); });
  }
}

//===----------------------------------------------------------------------===//
// Rows straight from memory
//===----------------------------------------------------------------------===//

int64_t mf::getGatherWidth(LookupOp op) {
  int64_t width = kThreadBytes * 8 / cast<MemRefType>(op.getTables().front().getType()).getElementTypeBitWidth();
  for (auto [tables, init] : llvm::zip_equal(op.getTables(), op.getInits())) {
    int64_t tableWidth = kThreadBytes * 8 / cast<MemRefType>(tables.getType()).getElementTypeBitWidth();
    if (tableWidth != width || cast<MemRefType>(init.getType()).getDimSize(1) % width != 0 ||
        !GPUKernelBuilder::hasAlignedRows(tables, width) || !GPUKernelBuilder::hasAlignedRows(init, width))
      return 1;
  }
  for (Value bias : op.getBiases())
    if (!GPUKernelBuilder::hasAlignedRows(bias, width))
      return 1;
  return width;
}

namespace {
/// Builds the gather of one set.
struct GatherKernel {
  LookupOp op;
  GPUKernelBuilder &k;
  int64_t width;
  Value token;

  Value addRows(Value tables, Value table, int64_t count, Value column, Value sum);
  void build(unsigned set, Value piece);
};
} // namespace

/// All rows are loaded before the first product.
Value GatherKernel::addRows(Value tables, Value table, int64_t count, Value column, Value sum) {
  SmallVector<Value> rows, scores;
  for (int64_t i = 0; i < count; ++i) {
    Value at = k.add(table, i);
    SmallVector<Value> indices = {op.hasSharedRows() ? k.index(0) : at, k.loadUnsigned(op.getCodes(), {token, at}),
                                  column};
    if (hasStrips(op)) {
      int64_t columns = cast<MemRefType>(tables.getType()).getDimSize(3);
      indices.insert(indices.begin(), k.div(column, columns));
      indices.back() = k.rem(column, columns);
    }
    scores.push_back(k.load(op.getScores(), {token, at}, 1));
    rows.push_back(k.loadStored(tables, indices, width));
  }
  for (auto [row, score] : llvm::zip_equal(rows, scores))
    sum = k.fma(k.broadcast(score, width), k.extend(row), sum);
  return sum;
}

void GatherKernel::build(unsigned set, Value piece) {
  Value init = op.getInits()[set], tables = op.getTables()[set];
  int64_t pieces = cast<MemRefType>(init.getType()).getDimSize(1) / width;
  k.ifThen(k.isBelow(piece, k.index(pieces)), [&] {
    Value column = k.mul(piece, width);
    int64_t count = op.getNumTables(), whole = count / kRowsInFlight * kRowsInFlight;
    SmallVector<Value> sums =
        k.loop(k.index(0), k.index(whole), k.index(kRowsInFlight), loadBias(k, getBias(op, set), column, width),
               [&](Value table, ValueRange sums) {
                 return SmallVector<Value>{addRows(tables, table, kRowsInFlight, column, sums.front())};
               });
    k.store(addRows(tables, k.index(whole), count - whole, column, sums.front()), init, {token, column});
  });
}

void mf::buildGPURowGather(LookupOp op, int64_t threads, GPUKernelBuilder &k) {
  GatherKernel kernel{op, k, getGatherWidth(op), k.block(gpu::Dimension::x)};
  Value piece = k.add(k.mul(k.block(gpu::Dimension::y), threads), k.thread());
  forEachSet(op, k, [&](unsigned set) { kernel.build(set, piece); });
}

//===----------------------------------------------------------------------===//
// Slices of tables in workgroup memory
//===----------------------------------------------------------------------===//

namespace {
/// Builds the kernel of one set.
struct TileKernel {
  LookupOp op;
  GPUTableTileAttr strategy;
  GPUKernelBuilder &k;
  TableSlices slices;
  /// Whether the second one of the tables beside each other is read first; null where there is one.
  Value isTurned;

  Value addRow(Value step, Value tokenRow, Value sum);
  Value addPair(Value step, Value tokenRow, Value sum);
  void build(unsigned set);
};
} // namespace

/// Adds the row of a token where it is in the slice.
Value TileKernel::addRow(Value step, Value tokenRow, Value sum) {
  const SliceShape &shape = slices.getShape();
  Value place = k.placeInRow(tokenRow, k.div(step, shape.parts));
  Value code = k.loadUnsigned(slices.getCodes(), place);
  auto add = [&](Value row) {
    Value score = k.load(slices.getScores(), place, 1);
    return k.fma(k.broadcast(score, shape.width), k.extend(slices.load(step, k.index(0), row)), sum);
  };
  if (shape.parts == 1)
    return add(code);
  Value row = k.sub(code, k.mul(k.rem(step, shape.parts), strategy.getRows()));
  // Rows before the slice are huge numbers.
  return k
      .choose(
          k.isBelow(row, k.index(strategy.getRows())), [&] { return SmallVector<Value>{add(row)}; }, sum)
      .front();
}

/// Adds the rows of a token in two tables. Which one is read first depends on the thread, which one is added first does
/// not.
Value TileKernel::addPair(Value step, Value tokenRow, Value sum) {
  int64_t width = slices.getShape().width;
  Value place = k.placeInRow(tokenRow, k.mul(step, 2));
  SmallVector<Value> codes;
  for (Value code : k.elements(k.loadStored(slices.getCodes(), place, 2), 2))
    codes.push_back(arith::IndexCastUIOp::create(k.builder(), k.builder().getIndexType(), code));
  SmallVector<Value> scores = k.elements(k.load(slices.getScores(), place, 2), 2);
  Value first = slices.load(step, slices.getSide(), k.select(isTurned, codes[1], codes[0]));
  Value second = slices.load(step, k.sub(k.index(1), slices.getSide()), k.select(isTurned, codes[0], codes[1]));
  sum = k.fma(k.broadcast(scores[0], width), k.extend(k.select(isTurned, second, first)), sum);
  return k.fma(k.broadcast(scores[1], width), k.extend(k.select(isTurned, first, second)), sum);
}

void TileKernel::build(unsigned set) {
  Value init = op.getInits()[set];
  Value column = k.add(k.mul(slices.getStrip(), op.getLayoutAttr().getStripColumns()), slices.getElement());
  SmallVector<Value> zeros(slices.getRows().size(), loadBias(k, getBias(op, set), column, slices.getShape().width));
  SmallVector<Value> sums = slices.forEachStep(set, zeros, [&](Value step, ValueRange before) {
    SmallVector<Value> added;
    for (auto [row, sum] : llvm::zip_equal(slices.getRows(), before))
      added.push_back(isTurned ? addPair(step, row, sum) : addRow(step, row, sum));
    return added;
  });
  slices.forEachToken(init, [&](size_t i, Value token) { k.store(sums[i], init, {token, column}); });
}

void mf::buildGPUTableTile(LookupOp op, GPUTableTileAttr strategy, GPUKernelBuilder &k) {
  TableSlices slices(op, strategy, k);
  Value isTurned = slices.getShape().sides > 1 ? k.isEqual(slices.getSide(), k.index(1)) : Value();
  TileKernel kernel{op, strategy, k, slices, isTurned};
  forEachSet(op, k, [&](unsigned set) { kernel.build(set); });
}
