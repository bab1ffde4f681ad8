// The lookup, straight from memory and through slices of tables in workgroup memory. Both add a row's product for each
// table in ascending order, starting from the bias, with fused products: they give the same bits.
#include "Kernels.h"
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

mf::TableTile::TableTile(LookupOp op, GPUTableTileAttr strategy) {
  auto type = cast<MemRefType>(op.getTables().front().getType());
  columns = type.getDimSize(3);
  width = kThreadBytes * 8 / type.getElementTypeBitWidth();
  lanes = columns / width;
  groups = strategy.getThreads() / lanes;
  tokens = groups * strategy.getTokens();
  bytes = 2 * strategy.getRows() * columns * type.getElementTypeBitWidth() / 8;
  parts = type.getDimSize(2) / strategy.getRows();
}

namespace {
/// Builds the kernel of one set.
struct TileKernel {
  LookupOp op;
  GPUTableTileAttr strategy;
  GPUKernelBuilder &k;
  TableTile tile;
  /// [2, rows, columns] in workgroup memory.
  Value slices;
  Value thread;
  /// The thread's tokens; behind the last one, that one again.
  SmallVector<Value> tokens;

  void startSlice(Value tables, Value step);
  Value addRow(Value step, Value token, Value sum);
  void build(unsigned set);
};
} // namespace

SmallVector<Value> mf::findTileTokens(LookupOp op, GPUTableTileAttr strategy, int64_t lanes, GPUKernelBuilder &k) {
  int64_t groups = strategy.getThreads() / lanes;
  Value last = k.sub(k.dim(op.getCodes(), 0), k.index(1));
  Value first = k.add(k.mul(k.block(gpu::Dimension::y), groups * strategy.getTokens()), k.div(k.thread(), lanes));
  SmallVector<Value> tokens;
  for (int64_t i = 0; i < strategy.getTokens(); ++i)
    tokens.push_back(k.min(k.add(first, i * groups), last));
  return tokens;
}

/// Step s is slice s % parts of table s / parts; it goes to buffer s % 2.
void TileKernel::startSlice(Value tables, Value step) {
  Value table = k.div(step, tile.parts), firstRow = k.mul(k.rem(step, tile.parts), strategy.getRows());
  k.loop(thread, k.index(strategy.getRows() * tile.lanes), k.index(strategy.getThreads()), [&](Value piece) {
    Value row = k.div(piece, tile.lanes), column = k.mul(k.rem(piece, tile.lanes), tile.width);
    k.copyAsync(tables, {k.block(gpu::Dimension::x), table, k.add(firstRow, row), column}, slices,
                {k.rem(step, 2), row, column}, tile.width);
  });
}

/// Adds the row of a token where it is in the slice.
Value TileKernel::addRow(Value step, Value token, Value sum) {
  Value table = k.div(step, tile.parts), column = k.mul(k.rem(thread, tile.lanes), tile.width);
  Value code = k.loadUnsigned(op.getCodes(), {token, table});
  auto add = [&](Value row) {
    Value score = k.load(op.getScores(), {token, table}, 1);
    Value elements = k.load(slices, {k.rem(step, 2), row, column}, tile.width);
    return k.fma(k.broadcast(score, tile.width), elements, sum);
  };
  if (tile.parts == 1)
    return add(code);
  Value row = k.sub(code, k.mul(k.rem(step, tile.parts), strategy.getRows()));
  // Rows before the slice are huge numbers.
  return k
      .choose(
          k.isBelow(row, k.index(strategy.getRows())), [&] { return SmallVector<Value>{add(row)}; }, sum)
      .front();
}

void TileKernel::build(unsigned set) {
  Value tables = op.getTables()[set], init = op.getInits()[set], steps = k.index(op.getNumTables() * tile.parts);
  Value column = k.add(k.mul(k.block(gpu::Dimension::x), tile.columns), k.mul(k.rem(thread, tile.lanes), tile.width));
  startSlice(tables, k.index(0));
  k.closeCopies();
  SmallVector<Value> sums(tokens.size(), loadBias(k, getBias(op, set), column, tile.width));
  sums = k.loop(k.index(0), steps, k.index(1), sums, [&](Value step, ValueRange sums) {
    Value next = k.add(step, 1);
    k.ifThen(k.isBelow(next, steps), [&] { startSlice(tables, next); });
    k.closeCopies();
    k.awaitCopies(1);
    k.barrier();
    SmallVector<Value> added;
    for (auto [token, sum] : llvm::zip_equal(tokens, sums))
      added.push_back(addRow(step, token, sum));
    // The next step overwrites the buffer that was just read.
    k.barrier();
    return added;
  });
  Value first = k.add(k.mul(k.block(gpu::Dimension::y), tile.tokens), k.div(thread, tile.lanes));
  for (auto [i, sum] : llvm::enumerate(sums)) {
    Value token = k.add(first, i * tile.groups);
    k.ifThen(k.isBelow(token, k.dim(init, 0)), [&, value = sum] { k.store(value, init, {token, column}); });
  }
}

void mf::buildGPUTableTile(LookupOp op, GPUTableTileAttr strategy, GPUKernelBuilder &k) {
  TableTile tile(op, strategy);
  Type element = getElementTypeOrSelf(op.getTables().front().getType());
  TileKernel kernel{op,
                    strategy,
                    k,
                    tile,
                    k.workgroupMemory({2, strategy.getRows(), tile.columns}, element),
                    k.thread(),
                    findTileTokens(op, strategy, tile.lanes, k)};
  forEachSet(op, k, [&](unsigned set) { kernel.build(set); });
}
