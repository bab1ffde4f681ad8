// The dense layer of a quantised weight, weights straight from memory: for few tokens. The integer sums of groups of
// features are exact in any order; then groups are added in ascending order, and no product is fused: the bits are
// those of the CPU's kernels and of the kernel with tiles.
#include "IntegerWeight.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

/// Bytes of a word: features of one column that lie side by side.
static constexpr int64_t kWord = 4;
/// Threads of a block that streams, and blocks of features whose loads are on their way at the same time.
static constexpr int64_t kStreamThreads = 256, kBlocksInFlight = 4;

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

mf::IntegerDenseShape::IntegerDenseShape(LinearOp op, GPUIntegerDenseAttr strategy)
    : halves(op.getLayoutAttr().getFeaturesPerByte()), panelColumns(op.getLayoutAttr().getColumns()),
      features(cast<MemRefType>(op.getX().getType()).getDimSize(1)),
      groups(cast<MemRefType>(op.getWeightScales().getType()).getDimSize(1)), blockFeatures(kWord * halves),
      blocks(cast<MemRefType>(op.getWeight().getType()).getDimSize(1)) {
  int64_t groupFeatures = getGroupFeatures(), most = strategy.getFeatures();
  tileThreads = strategy.getRows() / kDenseThreadRows * (strategy.getColumns() / kDenseThreadColumns);
  if (groups == 1 || groupFeatures >= most) {
    stepFeatures = std::min<int64_t>(most, llvm::alignTo(groupFeatures, 16));
    steps = groups * llvm::divideCeil(groupFeatures, stepFeatures);
  } else {
    stepFeatures = most / groupFeatures * groupFeatures;
    steps = llvm::divideCeil(groups, stepFeatures / groupFeatures);
  }
  // A row has 16 bytes more, so that rows begin in different banks.
  xBytes = 2 * strategy.getRows() * (llvm::alignTo(stepFeatures, 16) + 16);
  tileBytes = xBytes + 2 * stepFeatures / blockFeatures * strategy.getColumns() * kWord;
  lanes = panelColumns / kWeightColumns;
  slices = std::max<int64_t>(1, kStreamThreads / lanes);
  streamThreads = llvm::alignTo(lanes * slices, kWarpThreads);
  splits = groups >= slices ? 1 : slices / groups;
}

bool mf::IntegerDenseShape::copiesX(LinearOp op, int64_t numTokens) const {
  constexpr int64_t most = 32 << 10;
  return numTokens * features <= most && features % kThreadBytes == 0 &&
         GPUKernelBuilder::hasAlignedRows(op.getX(), kThreadBytes);
}

int64_t mf::IntegerDenseShape::getStreamBytes(LinearOp op, int64_t numTokens) const {
  return getPartBytes(numTokens) + (copiesX(op, numTokens) ? numTokens * features : 0);
}

mf::IntegerWeight::IntegerWeight(LinearOp op, const IntegerDenseShape &shape, GPUKernelBuilder &k)
    : halves(shape.halves) {
  SmallVector<ReassociationIndices> bytesOfBlock = {{0}, {1}, {2, 3}};
  memref = memref::CollapseShapeOp::create(k.builder(), op.getWeight(), bytesOfBlock);
}

Value mf::IntegerWeight::getBytes(GPUKernelBuilder &k, Value word, int64_t half) const {
  if (halves == 2)
    word = k.andI(half == 1 ? k.shiftRight(word, 4) : word, 0x0f0f0f0f);
  return k.toBytes(word);
}

Value mf::IntegerWeight::correct(GPUKernelBuilder &k, Value x, Value correction) const {
  // Four times -8.
  return k.dot4(x, k.toBytes(k.integer(static_cast<int32_t>(0xf8f8f8f8))), correction);
}

//===----------------------------------------------------------------------===//
// Weights straight from memory
//===----------------------------------------------------------------------===//

namespace {
/// Builds the kernel that streams weights. A block takes some tokens and one panel. Its threads have 4 columns each
/// and, of the features, units: groups, or parts of a group where there are few. Units go in rounds; the sums of a
/// round are put together in workgroup memory.
class IntegerStreamKernel {
public:
  IntegerStreamKernel(LinearOp op, GPUIntegerDenseAttr strategy, int64_t numTokens, GPUKernelBuilder &k);

  void build();

private:
  int64_t getGroupBlocks() const {
    return shape.groups == 1 ? shape.blocks : shape.getGroupFeatures() / shape.blockFeatures;
  }
  int64_t getResults() const { return numTokens * shape.panelColumns; }
  int64_t getNumSums() const { return numTokens * kWeightColumns; }
  void copyX();
  SmallVector<Value> loadX(int64_t token, Value feature, int64_t count);
  SmallVector<Value> addBlocks(Value block, int64_t count, ValueRange before);
  void sumUnit(Value unit);
  SmallVector<Value> addRound(Value round, ValueRange totals);
  Value addGroup(Value round, Value i, Value result, Value total);
  void store(ArrayRef<Value> totals);

  LinearOp op;
  GPUKernelBuilder &k;
  IntegerDenseShape shape;
  IntegerWeight weight;
  int64_t numTokens;
  /// [slices, tokens, columns] of i32 in workgroup memory.
  Value parts;
  /// x, or its rows of the block in workgroup memory, and where rows begin in it.
  Value x;
  SmallVector<Value> rows;
  Value thread, lane, panel, firstToken;
  SmallVector<Value> tokens;
};
} // namespace

IntegerStreamKernel::IntegerStreamKernel(LinearOp op, GPUIntegerDenseAttr strategy, int64_t numTokens,
                                         GPUKernelBuilder &k)
    : op(op), k(k), shape(op, strategy), weight(op, shape, k), numTokens(numTokens) {
  parts = k.workgroupMemory({shape.slices, numTokens, shape.panelColumns}, k.builder().getI32Type());
  thread = k.thread();
  lane = k.rem(thread, shape.lanes);
  panel = k.block(gpu::Dimension::x);
  firstToken = k.mul(k.block(gpu::Dimension::y), numTokens);
  Value last = k.sub(k.dim(op.getX(), 0), k.index(1));
  for (int64_t i = 0; i < numTokens; ++i)
    tokens.push_back(k.min(k.add(firstToken, i), last));
  x = op.getX();
  rows = tokens;
}

/// Every slice of a block reads all rows: they come from memory once where there is room for them.
void IntegerStreamKernel::copyX() {
  if (!shape.copiesX(op, numTokens))
    return;
  int64_t pieces = shape.features / kThreadBytes;
  x = k.workgroupMemory({numTokens, shape.features}, k.builder().getI8Type(), shape.getPartBytes(numTokens));
  Value last = k.sub(k.dim(op.getX(), 0), k.index(1));
  k.loop(thread, k.index(numTokens * pieces), k.index(shape.streamThreads), [&](Value i) {
    Value row = k.div(i, pieces), feature = k.mul(k.rem(i, pieces), kThreadBytes);
    k.copyAsync(op.getX(), {k.min(k.add(firstToken, row), last), feature}, x, {row, feature}, kThreadBytes);
  });
  k.closeCopies();
  k.awaitCopies(0);
  k.barrier();
  for (int64_t i = 0; i < numTokens; ++i)
    rows[i] = k.index(i);
}

/// The features of `count` blocks of a token, four at a time; those behind the last one are 0.
SmallVector<Value> IntegerStreamKernel::loadX(int64_t token, Value feature, int64_t count) {
  SmallVector<Value> words;
  int64_t bytes = count * shape.blockFeatures;
  if (shape.features % shape.blockFeatures == 0) {
    int64_t width =
        bytes % kThreadBytes == 0 && GPUKernelBuilder::hasAlignedRows(x, kThreadBytes) ? kThreadBytes : kWord;
    for (int64_t i = 0; i < bytes; i += width)
      for (Value word : k.getWords(k.loadStored(x, {rows[token], k.add(feature, i)}, width)))
        words.push_back(k.toBytes(word));
    return words;
  }
  Value zero = arith::ConstantIntOp::create(k.builder(), 0, 8), last = k.index(shape.features - 1);
  SmallVector<Value> elements;
  for (int64_t i = 0; i < bytes; ++i) {
    Value place = k.add(feature, i);
    Value byte = k.loadStored(op.getX(), {tokens[token], k.min(place, last)}, 1);
    elements.push_back(k.select(k.isBelow(place, k.index(shape.features)), byte, zero));
  }
  for (int64_t i = 0; i < bytes; i += kWord)
    words.push_back(k.fromElements(ArrayRef(elements).slice(i, kWord)));
  return words;
}

/// `count` adjacent blocks of features; all weights are loaded before the first product.
SmallVector<Value> IntegerStreamKernel::addBlocks(Value block, int64_t count, ValueRange before) {
  SmallVector<Value> next(before), loaded;
  for (int64_t i = 0; i < count; ++i)
    loaded.push_back(k.loadStored(weight.memref, {panel, k.add(block, i), k.mul(lane, kWeightColumns * kWord)},
                                  kWeightColumns * kWord));
  for (int64_t token = 0; token < numTokens; ++token) {
    SmallVector<Value> ofToken = loadX(token, k.mul(block, shape.blockFeatures), count);
    for (auto [number, ofX] : llvm::enumerate(ofToken)) {
      SmallVector<Value> words = k.getWords(loaded[number / weight.getWords()]);
      for (int64_t column = 0; column < kWeightColumns; ++column) {
        Value &sum = next[token * kWeightColumns + column];
        sum = k.dot4(weight.getBytes(k, words[column], number % weight.getWords()), ofX, sum);
      }
      if (weight.isCorrected())
        next[getNumSums() + token] = weight.correct(k, ofX, next[getNumSums() + token]);
    }
  }
  return next;
}

/// Sums a unit of the thread's columns. The parts of a group take adjacent blocks in turn, so that a warp reads
/// adjacent memory.
void IntegerStreamKernel::sumUnit(Value unit) {
  int64_t groupBlocks = getGroupBlocks(), count = groupBlocks % kBlocksInFlight == 0 ? kBlocksInFlight : 1;
  Value begin = k.mul(k.div(unit, shape.splits), groupBlocks), end = k.add(begin, groupBlocks);
  Value first = k.add(begin, k.mul(k.rem(unit, shape.splits), count));
  SmallVector<Value> zeros(getNumSums() + (weight.isCorrected() ? numTokens : 0), k.integer(0));
  SmallVector<Value> sums = k.loop(first, end, k.index(shape.splits * count), zeros,
                                   [&](Value block, ValueRange before) { return addBlocks(block, count, before); });
  Value slice = k.div(thread, shape.lanes);
  for (int64_t token = 0; token < numTokens; ++token) {
    SmallVector<Value> columns(ArrayRef(sums).slice(token * kWeightColumns, kWeightColumns));
    if (weight.isCorrected())
      for (Value &column : columns)
        column = k.add(column, sums[getNumSums() + token]);
    k.store(k.fromElements(columns), parts, {slice, k.index(token), k.mul(lane, kWeightColumns)});
  }
}

/// Adds group i of a round to the total of a result.
Value IntegerStreamKernel::addGroup(Value round, Value i, Value result, Value total) {
  Value token = k.div(result, shape.panelColumns), column = k.rem(result, shape.panelColumns);
  Value sum = k.integer(0);
  for (int64_t split = 0; split < shape.splits; ++split)
    sum = k.add(sum, k.loadStored(parts, {k.add(k.mul(i, shape.splits), split), token, column}, 1));
  Value group = k.add(k.mul(round, shape.slices), i);
  Value scale = k.load(op.getWeightScales(), {panel, group, column}, 1);
  return k.addF(k.mulF(k.toFloat(sum), scale), total);
}

SmallVector<Value> IntegerStreamKernel::addRound(Value round, ValueRange totals) {
  int64_t units = shape.groups * shape.splits;
  Value slice = k.div(thread, shape.lanes), unit = k.add(k.mul(round, shape.slices), slice);
  k.ifThen(k.both(k.isBelow(unit, k.index(units)), k.isBelow(slice, k.index(shape.slices))), [&] { sumUnit(unit); });
  k.barrier();
  // With several rounds, a unit is a group.
  Value left = k.sub(k.index(shape.groups), k.mul(round, shape.slices));
  Value groups = k.min(left, k.index(shape.slices));
  SmallVector<Value> next;
  for (size_t i = 0; i < totals.size(); ++i) {
    Value result = k.add(thread, i * shape.streamThreads), total = totals[i];
    auto addGroups = [&] {
      return k.loop(k.index(0), groups, k.index(1), total, [&](Value group, ValueRange sums) {
        return SmallVector<Value>{addGroup(round, group, result, sums.front())};
      });
    };
    next.push_back(k.choose(k.isBelow(result, k.index(getResults())), addGroups, total).front());
  }
  // The next round overwrites the sums.
  k.barrier();
  return next;
}

void IntegerStreamKernel::store(ArrayRef<Value> totals) {
  for (auto [i, total] : llvm::enumerate(totals)) {
    Value result = k.add(thread, i * shape.streamThreads);
    Value token = k.add(firstToken, k.div(result, shape.panelColumns));
    Value column = k.add(k.mul(panel, shape.panelColumns), k.rem(result, shape.panelColumns));
    Value isThere = k.both(k.isBelow(token, k.dim(op.getInit(), 0)), k.isBelow(column, k.dim(op.getInit(), 1)));
    k.ifThen(k.both(isThere, k.isBelow(result, k.index(getResults()))), [&, total = total] {
      k.store(k.mulF(total, k.load(op.getXScales(), token, 1)), op.getInit(), {token, column});
    });
  }
}

void IntegerStreamKernel::build() {
  copyX();
  int64_t rounds = llvm::divideCeil(shape.groups * shape.splits, shape.slices);
  SmallVector<Value> totals(llvm::divideCeil(getResults(), shape.streamThreads), k.constant(0.0f));
  totals = k.loop(k.index(0), k.index(rounds), k.index(1), totals,
                  [&](Value round, ValueRange totals) { return addRound(round, totals); });
  store(totals);
}

void mf::buildGPUIntegerDenseStream(LinearOp op, GPUIntegerDenseAttr strategy, int64_t numTokens, GPUKernelBuilder &k) {
  IntegerStreamKernel(op, strategy, numTokens, k).build();
}
