// The lookup in quantised tables, straight from memory and through slices of tables in workgroup memory. Sums are of
// integers: both give the same bits, which are those of the CPU's kernels with fused products.
#include "IntegerSums.h"
#include "Kernels.h"
#include "TableSlices.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

/// Tables whose rows a thread of a gather has on their way at the same time.
static constexpr int64_t kRowsInFlight = 4;
/// Threads that take adjacent pieces of a row: 128 bytes.
static constexpr int64_t kMostLanes = 8;

static MemRefType getTablesType(LookupOp op, unsigned set = 0) {
  return cast<MemRefType>(op.getTables()[set].getType());
}

static bool hasStrips(LookupOp op) { return getTablesType(op).getRank() == 4; }

/// Columns of a set's destination.
static int64_t getColumns(LookupOp op, unsigned set) {
  return cast<MemRefType>(op.getInits()[set].getType()).getDimSize(1);
}

/// Adjacent results that are read, computed and written together.
static int64_t getResultWidth(LookupOp op, unsigned set) {
  constexpr int64_t vector = 4;
  SmallVector<Value> memrefs = {op.getInits()[set], op.getTableScales()[set]};
  if (!op.getBiases().empty())
    memrefs.push_back(op.getBiases()[set]);
  bool isAligned = getColumns(op, set) % vector == 0 &&
                   llvm::all_of(memrefs, [](Value memref) { return GPUKernelBuilder::hasAlignedRows(memref, vector); });
  return isAligned ? vector : 1;
}

//===----------------------------------------------------------------------===//
// Rows straight from memory
//===----------------------------------------------------------------------===//

mf::IntegerGather::IntegerGather(LookupOp op, int64_t threads) : width(kThreadBytes) {
  int64_t most = 1;
  for (unsigned set = 0; set < op.getTables().size(); ++set) {
    if (!GPUKernelBuilder::hasAlignedRows(op.getTables()[set], kThreadBytes))
      width = 1;
    most = std::max(most, getTablesType(op, set).getShape().back());
  }
  int64_t pieces = llvm::divideCeil(most, width);
  lanes = std::min<int64_t>(kMostLanes, llvm::bit_ceil<uint64_t>(pieces));
  slices = threads / lanes;
  parts = llvm::divideCeil(pieces, lanes);
  bool isPaired = op.getLayoutAttr() && op.getLayoutAttr().getColumnsPerByte() == 2;
  columns = lanes * width * (isPaired ? 2 : 1);
  bytes = slices * (columns + (isPaired ? 1 : 0)) * 4;
  for (unsigned set = 0; set < op.getTables().size(); ++set)
    strips = std::max(strips, hasStrips(op) ? getTablesType(op, set).getDimSize(0) : int64_t(1));
}

namespace {
/// Builds the gather of one set: the threads of a block have `lanes` pieces of a row of one token; each sums some
/// tables, and these sums are added in the end.
struct IntegerGatherKernel {
  LookupOp op;
  GPUKernelBuilder &k;
  IntegerGather shape;
  IntegerSums sums;
  /// [slices, columns], and [slices] for the sums of scores, in workgroup memory.
  Value partial, scorePartial;
  Value thread, token, strip, firstByte;

  SmallVector<Value> addTables(unsigned set, Value firstTable, Value byte, ValueRange before);
  void sumSlice(unsigned set);
  Value addSlices(Value memref, ArrayRef<Value> place);
  void storeColumn(unsigned set, Value place);
  void build(unsigned set);
};
} // namespace

/// All rows are loaded before the first product.
SmallVector<Value> IntegerGatherKernel::addTables(unsigned set, Value firstTable, Value byte, ValueRange before) {
  bool isBounded = op.getNumTables() % kRowsInFlight != 0;
  SmallVector<Value> pieces, scores;
  SmallVector<SmallVector<Value>> rows;
  if (!isBounded)
    sums.loadTables(token, firstTable, kRowsInFlight, scores, rows);
  for (int64_t i = 0; isBounded && i < kRowsInFlight; ++i) {
    Value table = k.add(firstTable, i);
    scores.push_back(sums.loadScore(token, table, isBounded));
    rows.push_back(sums.loadRow(token, k.min(table, k.index(op.getNumTables() - 1))));
  }
  for (SmallVector<Value> &place : rows) {
    if (hasStrips(op))
      place.insert(place.begin(), k.min(strip, k.index(getTablesType(op, set).getDimSize(0) - 1)));
    place.push_back(byte);
    pieces.push_back(k.loadStored(op.getTables()[set], place, shape.width));
  }
  SmallVector<Value> next(before);
  for (size_t i = 0; i < kRowsInFlight; i += 2)
    next = sums.add(ArrayRef(pieces).slice(i, 2), ArrayRef(scores).slice(i, 2), next);
  return next;
}

void IntegerGatherKernel::sumSlice(unsigned set) {
  Value slice = k.div(thread, shape.lanes), lane = k.rem(thread, shape.lanes);
  // Lanes behind the last piece sum that one again, which nobody reads.
  Value last = k.index(getTablesType(op, set).getShape().back() / shape.width - 1);
  Value byte = k.mul(k.min(k.add(k.div(firstByte, shape.width), lane), last), shape.width);
  SmallVector<Value> total =
      k.loop(k.mul(slice, kRowsInFlight), k.index(op.getNumTables()), k.index(shape.slices * kRowsInFlight),
             sums.getZeros(), [&](Value table, ValueRange before) { return addTables(set, table, byte, before); });
  int64_t together = shape.width == 1 ? 1 : 4;
  for (int64_t i = 0; i < sums.getNumColumns(); i += together) {
    Value column = k.add(k.mul(lane, shape.width), i % shape.width + i / shape.width * shape.lanes * shape.width);
    k.store(k.fromElements(ArrayRef(total).slice(i, together)), partial, {slice, column});
  }
  if (scorePartial)
    k.ifThen(k.isEqual(lane, k.index(0)), [&] { k.store(total.back(), scorePartial, slice); });
}

Value IntegerGatherKernel::addSlices(Value memref, ArrayRef<Value> place) {
  return k
      .loop(k.index(0), k.index(shape.slices), k.index(1), k.integer(0),
            [&](Value slice, ValueRange total) {
              SmallVector<Value> indices = {slice};
              llvm::append_range(indices, place);
              return SmallVector<Value>{k.add(total.front(), k.loadStored(memref, indices, 1))};
            })
      .front();
}

/// The columns of the low halves come first.
void IntegerGatherKernel::storeColumn(unsigned set, Value place) {
  int64_t bytes = shape.lanes * shape.width;
  Value byte = k.add(firstByte, k.rem(place, bytes)), column = byte;
  if (scorePartial)
    column = k.select(k.isBelow(place, k.index(bytes)), sums.getColumn(byte, false), sums.getColumn(byte, true));
  if (hasStrips(op))
    column = k.add(k.mul(strip, op.getLayoutAttr().getStripColumns()), column);
  Value isThere = k.both(k.isBelow(byte, k.index(getTablesType(op, set).getShape().back())),
                         k.isBelow(column, k.index(getColumns(op, set))));
  k.ifThen(isThere, [&] {
    Value scoreSum = scorePartial ? addSlices(scorePartial, {}) : Value();
    Value y = sums.finish(set, addSlices(partial, place), scoreSum, token, column);
    k.store(y, op.getInits()[set], {token, column});
  });
}

void IntegerGatherKernel::build(unsigned set) {
  sumSlice(set);
  k.barrier();
  k.loop(thread, k.index(shape.columns), k.index(shape.slices * shape.lanes),
         [&](Value place) { storeColumn(set, place); });
}

void mf::buildGPUIntegerGather(LookupOp op, int64_t threads, GPUKernelBuilder &k) {
  IntegerGather shape(op, threads);
  IntegerSums sums(op, k, shape.width);
  Type i32 = k.builder().getI32Type();
  Value partial = k.workgroupMemory({shape.slices, shape.columns}, i32), scorePartial;
  if (sums.getNumSums() > sums.getNumColumns())
    scorePartial = k.workgroupMemory({shape.slices}, i32, shape.slices * shape.columns * 4);
  Value block = k.block(gpu::Dimension::y);
  IntegerGatherKernel kernel{op,
                             k,
                             shape,
                             sums,
                             partial,
                             scorePartial,
                             k.thread(),
                             k.block(gpu::Dimension::x),
                             k.div(block, shape.parts),
                             k.mul(k.rem(block, shape.parts), shape.lanes * shape.width)};
  forEachSet(op, k, [&](unsigned set) { kernel.build(set); });
}

//===----------------------------------------------------------------------===//
// Slices of tables in workgroup memory
//===----------------------------------------------------------------------===//

namespace {
/// Builds the kernel of one set.
struct IntegerTileKernel {
  LookupOp op;
  GPUTableTileAttr strategy;
  GPUKernelBuilder &k;
  TableSlices slices;
  IntegerSums sums;

  bool isBounded() { return op.getNumTables() % strategy.getTables() != 0; }
  SmallVector<Value> addRows(Value step, Value token, ValueRange before);
  SmallVector<Value> addBeside(Value step, Value token, ValueRange before);
  SmallVector<Value> addPart(Value step, Value token, ValueRange before);
  SmallVector<Value> addStep(Value step, Value token, ValueRange before);
  void store(unsigned set, Value token, ArrayRef<Value> total);
  void build(unsigned set);
};
} // namespace

/// Adds the rows of a token in the step's tables.
SmallVector<Value> IntegerTileKernel::addRows(Value step, Value token, ValueRange before) {
  SmallVector<Value> pieces, scores;
  SmallVector<SmallVector<Value>> rows;
  Value first = k.mul(step, strategy.getTables());
  if (!isBounded())
    sums.loadTables(token, first, strategy.getTables(), scores, rows);
  for (int64_t i = 0; isBounded() && i < strategy.getTables(); ++i) {
    Value table = k.add(first, i);
    scores.push_back(sums.loadScore(token, table, /*isBounded=*/true));
    rows.push_back(sums.loadRow(token, k.min(table, k.index(op.getNumTables() - 1))));
  }
  for (auto [i, row] : llvm::enumerate(rows))
    pieces.push_back(slices.load(step, k.index(i), row.back()));
  return sums.add(pieces, scores, before);
}

/// The same for tables beside each other: sums of integers are the same in any order, so a thread begins with the table
/// whose banks are its own.
SmallVector<Value> IntegerTileKernel::addBeside(Value step, Value token, ValueRange before) {
  int64_t count = strategy.getTables();
  Value first = k.mul(step, count), side = slices.getSide();
  SmallVector<Value> place = sums.getPlace(token, first);
  SmallVector<Value> codes = k.rotate(k.loadStored(slices.getCodes(), place, count), side);
  SmallVector<Value> scores = k.rotate(k.loadStored(slices.getScores(), place, count), side);
  SmallVector<Value> next(before), pieces;
  for (int64_t i = 0; i < count; ++i) {
    Value row = arith::IndexCastUIOp::create(k.builder(), k.builder().getIndexType(), codes[i]);
    pieces.push_back(slices.load(step, k.rem(k.add(side, i), count), row));
    scores[i] = k.widen(scores[i], /*isSigned=*/false);
  }
  for (int64_t i = 0; i < count; i += 2)
    next = sums.add(ArrayRef(pieces).slice(i, 2), ArrayRef(scores).slice(i, 2), next);
  return next;
}

/// Adds the row of a token where it is in the slice.
SmallVector<Value> IntegerTileKernel::addPart(Value step, Value token, ValueRange before) {
  int64_t parts = slices.getShape().parts;
  Value table = k.div(step, parts);
  Value row = k.sub(sums.loadRow(token, table).back(), k.mul(k.rem(step, parts), strategy.getRows()));
  auto add = [&] { return sums.add(slices.load(step, k.index(0), row), sums.loadScore(token, table, false), before); };
  // Rows before the slice are huge numbers.
  return k.choose(k.isBelow(row, k.index(strategy.getRows())), add, before);
}

SmallVector<Value> IntegerTileKernel::addStep(Value step, Value token, ValueRange before) {
  if (slices.getShape().sides > 1)
    return addBeside(step, token, before);
  return slices.getShape().parts == 1 ? addRows(step, token, before) : addPart(step, token, before);
}

void IntegerTileKernel::store(unsigned set, Value token, ArrayRef<Value> total) {
  int64_t together = getResultWidth(op, set);
  Value scoreSum = sums.getNumSums() > sums.getNumColumns() ? total.back() : Value();
  for (int64_t i = 0; i < sums.getNumColumns(); i += together) {
    Value inside = sums.getColumn(k.add(slices.getElement(), i % kThreadBytes), i >= kThreadBytes);
    Value column = k.add(k.mul(slices.getStrip(), op.getLayoutAttr().getStripColumns()), inside);
    k.ifThen(k.isBelow(column, k.index(getColumns(op, set))), [&] {
      k.store(sums.finish(set, total.slice(i, together), scoreSum, token, column), op.getInits()[set], {token, column});
    });
  }
}

void IntegerTileKernel::build(unsigned set) {
  size_t size = sums.getNumSums();
  SmallVector<Value> zeros(slices.getRows().size() * size, k.integer(0));
  SmallVector<Value> totals = slices.forEachStep(set, zeros, [&](Value step, ValueRange before) {
    SmallVector<Value> added;
    for (auto [i, token] : llvm::enumerate(slices.getRows()))
      llvm::append_range(added, addStep(step, token, before.slice(i * size, size)));
    return added;
  });
  slices.forEachToken(op.getInits()[set],
                      [&](size_t i, Value token) { store(set, token, ArrayRef(totals).slice(i * size, size)); });
}

void mf::buildGPUIntegerTile(LookupOp op, GPUTableTileAttr strategy, GPUKernelBuilder &k) {
  IntegerTileKernel kernel{op, strategy, k, TableSlices(op, strategy, k), IntegerSums(op, k, kThreadBytes)};
  kernel.sums.setRows(kernel.slices.getCodes(), kernel.slices.getScores());
  forEachSet(op, k, [&](unsigned set) { kernel.build(set); });
}
