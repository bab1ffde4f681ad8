// The dense layer of a quantised weight for many tokens: tiles of x and of the weight through two buffers in workgroup
// memory, sums of 4 x 8 results a thread.
#include "IntegerWeight.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

static constexpr int64_t kWord = 4, kResults = kDenseThreadRows * kDenseThreadColumns;

namespace {
/// Builds the kernel. A step is a part of one group of features, or several whole groups.
class IntegerTileKernel {
public:
  IntegerTileKernel(LinearOp op, GPUIntegerDenseAttr strategy, GPUKernelBuilder &k);

  void build();

private:
  bool hasPartsOfGroups() const { return shape.groups == 1 || shape.getGroupFeatures() >= shape.stepFeatures; }
  int64_t getPartsOfGroup() const { return llvm::divideCeil(shape.getGroupFeatures(), shape.stepFeatures); }
  int64_t getStepBlocks() const { return shape.stepFeatures / shape.blockFeatures; }
  /// Features that are read from x at once.
  int64_t getChunk() const;
  bool hasAlignedFeatures();
  Value getFirstFeature(Value step);
  void startX(Value step);
  void startWeight(Value step);
  SmallVector<Value> addChunk(Value buffer, Value feature, ValueRange before);
  SmallVector<Value> addFeatures(Value buffer, Value first, int64_t count, ValueRange before);
  SmallVector<Value> close(Value group, ValueRange totals, ValueRange sums);
  SmallVector<Value> addStep(Value step, ValueRange totalsAndSums);
  Value getRow(int64_t i) { return k.add(threadRow, i * (strategy.getRows() / kDenseThreadRows)); }
  /// The first of four adjacent columns.
  Value getColumn(int64_t quad) { return k.add(k.mul(threadColumn, 4), quad * (strategy.getColumns() / 2)); }
  void store(ValueRange totals);

  LinearOp op;
  GPUIntegerDenseAttr strategy;
  GPUKernelBuilder &k;
  IntegerDenseShape shape;
  IntegerWeight weight;
  size_t numSums;
  /// [2, rows, bytes of a row] and [2, blocks of features, columns * 4].
  Value xTile, weightTile;
  Value thread, threadRow, threadColumn, firstToken, firstColumn, lastPanel;
};
} // namespace

IntegerTileKernel::IntegerTileKernel(LinearOp op, GPUIntegerDenseAttr strategy, GPUKernelBuilder &k)
    : op(op), strategy(strategy), k(k), shape(op, strategy), weight(op, shape, k),
      numSums(kResults + (weight.isCorrected() ? kDenseThreadRows : 0)) {
  int64_t rows = strategy.getRows(), columns = strategy.getColumns();
  Type byte = k.builder().getI8Type();
  xTile = k.workgroupMemory({2, rows, shape.xBytes / 2 / rows}, byte);
  weightTile = k.workgroupMemory({2, getStepBlocks(), columns * kWord}, byte, shape.xBytes);
  thread = k.thread();
  threadRow = k.div(thread, columns / kDenseThreadColumns);
  threadColumn = k.rem(thread, columns / kDenseThreadColumns);
  firstToken = k.mul(k.block(gpu::Dimension::y), rows);
  firstColumn = k.mul(k.block(gpu::Dimension::x), columns);
  lastPanel = k.sub(k.dim(op.getWeight(), 0), k.index(1));
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

int64_t IntegerTileKernel::getChunk() const {
  return shape.groups == 1 || shape.getGroupFeatures() % kThreadBytes == 0 ? kThreadBytes : shape.blockFeatures;
}

/// Whether steps begin and end at multiples of 16 features, and none of them behind the last feature of its group.
bool IntegerTileKernel::hasAlignedFeatures() {
  int64_t whole = hasPartsOfGroups() ? shape.getGroupFeatures() : shape.features;
  return whole % shape.stepFeatures == 0 && shape.stepFeatures % kThreadBytes == 0 &&
         GPUKernelBuilder::hasAlignedRows(op.getX(), kThreadBytes);
}

Value IntegerTileKernel::getFirstFeature(Value step) {
  if (!hasPartsOfGroups())
    return k.mul(step, shape.stepFeatures);
  return k.add(k.mul(k.div(step, getPartsOfGroup()), shape.getGroupFeatures()),
               k.mul(k.rem(step, getPartsOfGroup()), shape.stepFeatures));
}

/// Features behind the group's last one are 0: they pass through registers.
void IntegerTileKernel::startX(Value step) {
  Value first = getFirstFeature(step), end = k.index(shape.features), buffer = k.rem(step, 2);
  if (hasPartsOfGroups())
    end = k.mul(k.add(k.div(step, getPartsOfGroup()), 1), shape.getGroupFeatures());
  Value lastToken = k.sub(k.dim(op.getX(), 0), k.index(1)), zero = arith::ConstantIntOp::create(k.builder(), 0, 8);
  int64_t width = hasAlignedFeatures() ? kThreadBytes : 1, pieces = shape.stepFeatures / width;
  k.loop(thread, k.index(strategy.getRows() * pieces), k.index(shape.tileThreads), [&](Value i) {
    Value row = k.div(i, pieces), inside = k.mul(k.rem(i, pieces), width), feature = k.add(first, inside);
    Value token = k.min(k.add(firstToken, row), lastToken);
    if (width > 1)
      return k.copyAsync(op.getX(), {token, feature}, xTile, {buffer, row, inside}, width);
    Value byte = k.loadStored(op.getX(), {token, k.min(feature, k.index(shape.features - 1))}, 1);
    k.store(k.select(k.isBelow(feature, end), byte, zero), xTile, {buffer, row, inside});
  });
}

/// What lies behind the last block or panel is that one again: it meets zeros, or nobody stores its results.
void IntegerTileKernel::startWeight(Value step) {
  int64_t pieces = strategy.getColumns() / kWeightColumns;
  Value firstBlock = k.div(getFirstFeature(step), shape.blockFeatures), last = k.index(shape.blocks - 1);
  k.loop(thread, k.index(getStepBlocks() * pieces), k.index(shape.tileThreads), [&](Value i) {
    Value block = k.div(i, pieces), inside = k.mul(k.rem(i, pieces), kWeightColumns);
    Value column = k.add(firstColumn, inside), panel = k.min(k.div(column, shape.panelColumns), lastPanel);
    k.copyAsync(weight.memref,
                {panel, k.min(k.add(firstBlock, block), last), k.mul(k.rem(column, shape.panelColumns), kWord)},
                weightTile, {k.rem(step, 2), block, k.mul(inside, kWord)}, kThreadBytes);
  });
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// Adds the features of a chunk of all rows and columns of the thread.
SmallVector<Value> IntegerTileKernel::addChunk(Value buffer, Value feature, ValueRange before) {
  SmallVector<Value> next(before);
  SmallVector<SmallVector<Value>> x;
  for (int64_t row = 0; row < kDenseThreadRows; ++row)
    x.push_back(k.getWords(k.loadStored(xTile, {buffer, getRow(row), feature}, getChunk())));
  for (int64_t block = 0; block < getChunk() / shape.blockFeatures; ++block) {
    Value place = k.add(k.div(feature, shape.blockFeatures), block);
    SmallVector<Value> words;
    for (int64_t quad = 0; quad < kDenseThreadColumns / kWeightColumns; ++quad)
      llvm::append_range(
          words, k.getWords(k.loadStored(weightTile, {buffer, place, k.mul(getColumn(quad), kWord)}, kThreadBytes)));
    for (int64_t half = 0; half < weight.getWords(); ++half) {
      SmallVector<Value> bytes;
      for (Value word : words)
        bytes.push_back(weight.getBytes(k, word, half));
      for (int64_t row = 0; row < kDenseThreadRows; ++row) {
        Value ofRow = k.toBytes(x[row][block * weight.getWords() + half]);
        for (int64_t column = 0; column < kDenseThreadColumns; ++column) {
          Value &sum = next[row * kDenseThreadColumns + column];
          sum = k.dot4(bytes[column], ofRow, sum);
        }
        if (weight.isCorrected())
          next[kResults + row] = weight.correct(k, ofRow, next[kResults + row]);
      }
    }
  }
  return next;
}

SmallVector<Value> IntegerTileKernel::addFeatures(Value buffer, Value first, int64_t count, ValueRange before) {
  return k.loop(first, k.add(first, count), k.index(getChunk()), before,
                [&](Value feature, ValueRange before) { return addChunk(buffer, feature, before); });
}

/// Adds the sums of a group to the totals.
SmallVector<Value> IntegerTileKernel::close(Value group, ValueRange totals, ValueRange sums) {
  SmallVector<Value> scales, next;
  for (int64_t quad = 0; quad < kDenseThreadColumns / kWeightColumns; ++quad) {
    Value column = k.add(firstColumn, getColumn(quad)), panel = k.min(k.div(column, shape.panelColumns), lastPanel);
    llvm::append_range(scales, k.elements(k.load(op.getWeightScales(),
                                                 {panel, group, k.rem(column, shape.panelColumns)}, kWeightColumns),
                                          kWeightColumns));
  }
  for (int64_t i = 0; i < kResults; ++i) {
    Value sum = sums[i];
    if (weight.isCorrected())
      sum = k.add(sum, sums[kResults + i / kDenseThreadColumns]);
    next.push_back(k.addF(k.mulF(k.toFloat(sum), scales[i % kDenseThreadColumns]), totals[i]));
  }
  return next;
}

SmallVector<Value> IntegerTileKernel::addStep(Value step, ValueRange totalsAndSums) {
  ValueRange totals = totalsAndSums.take_front(kResults), sums = totalsAndSums.drop_front(kResults);
  SmallVector<Value> zeros(numSums, k.integer(0));
  Value buffer = k.rem(step, 2);
  if (!hasPartsOfGroups()) {
    int64_t groups = shape.getStepGroups(), size = shape.getGroupFeatures();
    return k.loop(k.index(0), k.index(groups), k.index(1), totals, [&](Value i, ValueRange totals) {
      // Groups behind the last one have sums of 0.
      Value group = k.min(k.add(k.mul(step, groups), i), k.index(shape.groups - 1));
      return close(group, totals, addFeatures(buffer, k.mul(i, size), size, zeros));
    });
  }
  SmallVector<Value> added = addFeatures(buffer, k.index(0), shape.stepFeatures, sums), kept(totals);
  llvm::append_range(kept, added);
  int64_t parts = getPartsOfGroup();
  Value ends = k.isEqual(k.rem(step, parts), k.index(parts - 1));
  return k.choose(
      ends,
      [&] {
        SmallVector<Value> closed = close(k.div(step, parts), totals, added);
        llvm::append_range(closed, zeros);
        return closed;
      },
      kept);
}

void IntegerTileKernel::store(ValueRange totals) {
  int64_t width = GPUKernelBuilder::hasAlignedRows(op.getInit(), kWeightColumns) ? kWeightColumns : 1;
  for (int64_t row = 0; row < kDenseThreadRows; ++row) {
    Value token = k.add(firstToken, getRow(row)), isToken = k.isBelow(token, k.dim(op.getInit(), 0));
    k.ifThen(isToken, [&] {
      Value scale = k.broadcast(k.load(op.getXScales(), token, 1), width);
      for (int64_t i = 0; i < kDenseThreadColumns; i += width) {
        Value column = k.add(k.add(firstColumn, getColumn(i / kWeightColumns)), i % kWeightColumns);
        k.ifThen(k.isBelow(column, k.dim(op.getInit(), 1)), [&] {
          Value y = k.fromElements(llvm::to_vector(totals.slice(row * kDenseThreadColumns + i, width)));
          k.store(k.mulF(y, scale), op.getInit(), {token, column});
        });
      }
    });
  }
}

void IntegerTileKernel::build() {
  Value steps = k.index(shape.steps);
  auto start = [&](Value step) {
    startX(step);
    startWeight(step);
  };
  start(k.index(0));
  k.closeCopies();
  SmallVector<Value> initial(kResults, k.constant(0.0f));
  if (hasPartsOfGroups())
    initial.append(numSums, k.integer(0));
  SmallVector<Value> totals = k.loop(k.index(0), steps, k.index(1), initial, [&](Value step, ValueRange before) {
    Value next = k.add(step, 1);
    k.ifThen(k.isBelow(next, steps), [&] { start(next); });
    k.closeCopies();
    k.awaitCopies(1);
    k.barrier();
    SmallVector<Value> added = addStep(step, before);
    // The next step overwrites the buffer that was just read.
    k.barrier();
    return added;
  });
  store(ValueRange(totals).take_front(kResults));
}

void mf::buildGPUIntegerDenseTile(LinearOp op, GPUIntegerDenseAttr strategy, GPUKernelBuilder &k) {
  IntegerTileKernel(op, strategy, k).build();
}
