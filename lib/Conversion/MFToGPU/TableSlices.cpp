// How slices of tables get into workgroup memory and where they lie there: rows of 128 bytes, so that 8 lanes read from
// all banks. Of strips with shorter rows, several lie behind each other, each a row further in the banks; of rows of
// which a block takes a part, those of several tables lie beside each other.
#include "TableSlices.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

static MemRefType getTablesType(LookupOp op) { return cast<MemRefType>(op.getTables().front().getType()); }

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

SliceShape::SliceShape(LookupOp op, GPUTableTileAttr strategy) {
  MemRefType type = getTablesType(op);
  int64_t elementBytes = type.getElementTypeBitWidth() / 8, rowBytes = strategy.getRowBytes();
  width = kThreadBytes / elementBytes;
  strips = getSliceStrips(op);
  rowElements = rowBytes ? rowBytes / elementBytes : type.getDimSize(3);
  cuts = type.getDimSize(3) / rowElements;
  stripLanes = rowElements / width;
  lanes = strips * stripLanes;
  groups = strategy.getThreads() / lanes;
  tokens = groups * strategy.getTokens();
  parts = type.getDimSize(2) / strategy.getRows();
  steps = llvm::divideCeil(op.getNumTables(), strategy.getTables()) * parts;
  sides = rowBytes ? strategy.getTables() : 1;
  buffers = strategy.getCluster() ? 3 : 2;
  int64_t rows = strategy.getRows() + (strips > 1 ? 1 : 0);
  sliceBytes = strategy.getTables() * strips * rows * rowElements * elementBytes;
  bytes = buffers * sliceBytes + (strategy.getCluster() ? buffers * 8 : 0);
  columnBlocks = llvm::divideCeil(type.getDimSize(0), strips) * cuts;
  clusterBlocks = std::max<int64_t>(1, strategy.getCluster());
}

LogicalResult mf::verifyTableTile(LookupOp op, GPUTableTileAttr strategy) {
  MemRefType type = getTablesType(op);
  int64_t rows = type.getDimSize(2), stripBytes = type.getDimSize(3) * type.getElementTypeBitWidth() / 8;
  if (rows % strategy.getRows() != 0)
    return op.emitOpError("expects slices to be equal parts of tables of ")
           << rows << " rows, found " << strategy.getRows() << " rows";
  if (strategy.getCluster() && strategy.getRows() % strategy.getCluster() != 0)
    return op.emitOpError("expects slices whose rows the blocks of a cluster share equally, found ") << strategy;
  if (int64_t rowBytes = strategy.getRowBytes()) {
    int64_t codeBits = getElementTypeOrSelf(op.getCodes().getType()).getIntOrFloatBitWidth();
    if (rows == strategy.getRows() && stripBytes % rowBytes == 0 && getSliceStrips(op) == 1 &&
        op.getNumTables() % strategy.getTables() == 0 && codeBits * strategy.getTables() <= 64 &&
        (op.isQuantized() || strategy.getTables() == 2))
      return success();
    return op.emitOpError("expects whole tables in strips of 128 bytes beside each other, 2 of them of floats, and a "
                          "multiple of them, found ")
           << strategy << " for " << op.getNumTables() << " tables";
  }
  if (!op.isQuantized() && strategy.getTables() != 1)
    return op.emitOpError("expects slices of one table of floats at a time, found ") << strategy;
  if (strategy.getTables() != 1 && strategy.getRows() != rows)
    return op.emitOpError("expects slices of one table at a time where a table has several, found ") << strategy;
  return success();
}

LaunchShape mf::getTableTileShape(KernelModule &kernels, LookupOp op, GPUTableTileAttr strategy) {
  Location loc = op.getLoc();
  SliceShape shape(op, strategy);
  Value clusters = kernels.ceilDiv(loc, kernels.getTokens(loc, op.getCodes()), shape.tokens * shape.clusterBlocks);
  Value blocks = kernels.b.createOrFold<arith::MulIOp>(loc, clusters, kernels.index(loc, shape.clusterBlocks));
  return {{kernels.index(loc, shape.columnBlocks), blocks, kernels.index(loc, op.getInits().size())},
          strategy.getThreads(),
          shape.bytes,
          shape.clusterBlocks};
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

TableSlices::TableSlices(LookupOp op, GPUTableTileAttr strategy, GPUKernelBuilder &k)
    : op(op), strategy(strategy), k(k), shape(op, strategy) {
  int64_t tables = strategy.getTables(), sliceRows = strategy.getRows(), row = shape.rowElements;
  Type type = getTablesType(op).getElementType();
  SmallVector<int64_t> sizes = {shape.buffers, sliceRows, tables, row};
  if (shape.sides == 1)
    sizes = {shape.buffers, tables, shape.strips, sliceRows + (shape.strips > 1 ? 1 : 0), row};
  slices = k.workgroupMemory(sizes, type);
  if (strategy.getCluster())
    barriers = k.workgroupMemory({shape.buffers}, k.builder().getI64Type(), shape.buffers * shape.sliceBytes);
  thread = k.thread();
  Value block = k.block(gpu::Dimension::x), lane = k.rem(thread, shape.lanes);
  firstStrip = k.mul(k.div(block, shape.cuts), shape.strips);
  firstElement = k.mul(k.rem(block, shape.cuts), shape.rowElements);
  strip = k.add(firstStrip, k.div(lane, shape.stripLanes));
  element = k.add(firstElement, k.mul(k.rem(lane, shape.stripLanes), shape.width));
  side = k.rem(k.div(thread, shape.lanes), shape.sides);
  Value last = k.sub(k.dim(op.getCodes(), 0), k.index(1));
  Value first = k.add(k.mul(k.block(gpu::Dimension::y), shape.tokens), k.div(thread, shape.lanes));
  // Places of 32 bits take half the registers of addresses. More elements than that are more than a device has tokens
  // for.
  for (int64_t i = 0; i < strategy.getTokens(); ++i)
    // A shuffle hides that they are multiples of a power of two, from which the back end would make addresses again.
    rows.push_back(k.shuffleXor(k.toI32(k.mul(k.min(k.add(first, i * shape.groups), last), op.getNumTables())), 0));
  codes = memref::CollapseShapeOp::create(k.builder(), op.getCodes(), ArrayRef<ReassociationIndices>{{0, 1}});
  scores = memref::CollapseShapeOp::create(k.builder(), op.getScores(), ArrayRef<ReassociationIndices>{{0, 1}});
}

void TableSlices::forEachToken(Value init, function_ref<void(size_t, Value)> store) {
  Value first = k.add(k.mul(k.block(gpu::Dimension::y), shape.tokens), k.div(thread, shape.lanes));
  for (size_t i = 0; i < rows.size(); ++i) {
    Value token = k.add(first, i * shape.groups);
    k.ifThen(k.isBelow(token, k.dim(init, 0)), [&] { store(i, token); });
  }
}

SmallVector<Value> TableSlices::getPlace(Value step, Value table, Value stripOfSlice, Value row, Value at) {
  Value buffer = k.rem(step, shape.buffers);
  if (shape.sides > 1)
    return {buffer, row, table, at};
  return {buffer, table, stripOfSlice, row, at};
}

/// Strips and tables behind the last one are that one again, which nobody reads.
Value TableSlices::getStripOf(Value stripOfSlice) {
  return k.min(k.add(firstStrip, stripOfSlice), k.index(getTablesType(op).getDimSize(0) - 1));
}

Value TableSlices::getTable(Value step, Value table) {
  Value place = k.add(k.mul(k.div(step, shape.parts), strategy.getTables()), table);
  return op.getNumTables() % strategy.getTables() ? k.min(place, k.index(op.getNumTables() - 1)) : place;
}

Value TableSlices::load(Value step, Value table, Value row) {
  Value lane = k.rem(thread, shape.lanes);
  Value at = k.mul(k.rem(lane, shape.stripLanes), shape.width);
  return k.loadStored(slices, getPlace(step, table, k.div(lane, shape.stripLanes), row, at), shape.width);
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

/// Adjacent threads copy what lies beside each other in workgroup memory.
void TableSlices::copyByThreads(Value tables, Value step) {
  int64_t across = shape.sides * shape.lanes, pieces = strategy.getRows() * across;
  int64_t rounds = shape.sides == 1 ? strategy.getTables() : 1;
  Value firstRow = k.mul(k.rem(step, shape.parts), strategy.getRows());
  k.loop(thread, k.index(rounds * pieces), k.index(strategy.getThreads()), [&](Value i) {
    Value row = k.div(k.rem(i, pieces), across), piece = k.rem(i, across);
    Value table = shape.sides == 1 ? k.div(i, pieces) : k.div(piece, shape.lanes);
    Value lane = k.rem(piece, shape.lanes), inSlice = k.div(lane, shape.stripLanes);
    Value at = k.mul(k.rem(lane, shape.stripLanes), shape.width);
    k.copyAsync(tables, {getStripOf(inSlice), getTable(step, table), k.add(firstRow, row), k.add(firstElement, at)},
                slices, getPlace(step, table, inSlice, row, at), shape.width);
  });
}

/// One thread has its share of the rows of each table and strip copied to all blocks of the cluster; its own block gets
/// all rows from all of them.
void TableSlices::copyByBlocks(Value tables, Value step) {
  int64_t share = strategy.getRows() / shape.clusterBlocks, stripRows = strategy.getTables() * shape.strips;
  int64_t rowBytes = shape.rowElements * getTablesType(op).getElementTypeBitWidth() / 8;
  Value buffer = k.rem(step, shape.buffers), zero = k.index(0);
  k.expectBytes(barriers, buffer, stripRows * strategy.getRows() * rowBytes);
  Value own = k.mul(k.rem(k.block(gpu::Dimension::y), shape.clusterBlocks), share);
  Value row = k.add(k.mul(k.rem(step, shape.parts), strategy.getRows()), own);
  for (int64_t table = 0; table < strategy.getTables(); ++table)
    for (int64_t i = 0; i < shape.strips; ++i)
      k.copyBulk(tables, {getStripOf(k.index(i)), getTable(step, k.index(table)), row, zero}, slices,
                 getPlace(step, k.index(table), k.index(i), own, zero), share * shape.rowElements, barriers, buffer,
                 shape.clusterBlocks);
}

SmallVector<Value> TableSlices::passByThreads(Value tables, ValueRange initial,
                                              function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  Value steps = k.index(shape.steps);
  copyByThreads(tables, k.index(0));
  k.closeCopies();
  return k.loop(k.index(0), steps, k.index(1), initial, [&](Value step, ValueRange carried) {
    Value next = k.add(step, 1);
    k.ifThen(k.isBelow(next, steps), [&] { copyByThreads(tables, next); });
    k.closeCopies();
    k.awaitCopies(1);
    k.barrier();
    SmallVector<Value> results = body(step, carried);
    // The next step overwrites the buffer that was just read.
    k.barrier();
    return results;
  });
}

/// Blocks of a cluster arrive when they have read a slice, and wait for each other a step later, before its buffer is
/// overwritten: none waits for one that is less than a step behind. A copy starts with its step's predecessor, not
/// where blocks wait: a branch there would keep what a thread has loaded from being added before it.
SmallVector<Value> TableSlices::passByBlocks(Value tables, ValueRange initial,
                                             function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  bool isShared = shape.clusterBlocks > 1;
  auto arrive = [&] { isShared ? k.clusterArrive() : void(); };
  auto wait = [&] { isShared ? k.clusterWait() : k.barrier(); };
  Value isFirst = k.isEqual(thread, k.index(0)), steps = k.index(shape.steps);
  k.ifThen(isFirst, [&] {
    for (int64_t i = 0; i < shape.buffers; ++i)
      k.initBarrier(barriers, k.index(i), /*count=*/1);
  });
  arrive();
  wait();
  k.ifThen(isFirst, [&] { copyByBlocks(tables, k.index(0)); });
  arrive();
  SmallVector<Value> results = k.loop(k.index(0), steps, k.index(1), initial, [&](Value step, ValueRange carried) {
    Value next = k.add(step, 1);
    k.ifThen(k.both(isFirst, k.isBelow(next, steps)), [&] { copyByBlocks(tables, next); });
    k.awaitBarrier(barriers, k.rem(step, shape.buffers), k.rem(k.div(step, shape.buffers), 2));
    SmallVector<Value> sums = body(step, carried);
    wait();
    arrive();
    return sums;
  });
  if (isShared)
    wait();
  return results;
}

SmallVector<Value> TableSlices::forEachStep(unsigned set, ValueRange initial,
                                            function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  Value tables = op.getTables()[set];
  return strategy.getCluster() ? passByBlocks(tables, initial, body) : passByThreads(tables, initial, body);
}
