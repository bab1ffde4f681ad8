// Attention over tensors and over caches: queries in runs of one sequence, blocks of keys past each run.
#include "FlashKernel.h"
#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::mf;

/// Keys that are summed before they are merged with those before: long enough that merging costs nothing, short enough
/// that the keys of a long context can be shared out. A whole number of blocks.
static int64_t getPartKeys(CPUFlashAttr strategy) { return llvm::alignTo(1024, strategy.getKeys()); }

namespace {
/// Queries [first, first + count) of the op, of one sequence, and a head.
struct Run {
  Value first, count, head, keyHead;
};

/// Builds the loops around the kernel, for either op.
struct AttentionLoops {
  Operation *op;
  CPUFlashAttr strategy;
  Value q, init;
  FlashKernel kernel;
  /// The number of keys, from the first on, that a token's query sees.
  std::function<Value(Value token)> getLimit = nullptr;
  /// Where the keys and the values [key, key + count) of a run are.
  std::function<KeyBlock(const Run &, Value key, Value count)> getKeys = nullptr;
  std::function<ValueBlock(const Run &, Value key, Value count)> getValues = nullptr;

  KernelBuilder &kb() { return kernel.kb; }
  void buildGroup(const Run &run, Value row, int64_t rows, Value key, const KeyBlock &keys, const ValueBlock &values);
  void buildBlock(const Run &run, Value key, Value longest);
  void buildPart(const Run &run, Value key, Value longest);
  void buildRun(const Run &run);
  void build(int64_t keyHeads, function_ref<void(const Run &)> buildTile);
};
} // namespace

void AttentionLoops::buildGroup(const Run &run, Value row, int64_t rows, Value key, const KeyBlock &keys,
                                const ValueBlock &values) {
  FlashGroup group{row, rows, {}, Value()};
  Value most = kb().index(0);
  for (int64_t i = 0; i < rows; ++i) {
    Value limit = getLimit(kb().addIndex(run.first, kb().addIndex(row, i)));
    group.counts.push_back(kb().subIndex(limit, key));
    most = kb().maxIndex(most, group.counts.back());
  }
  group.most = kb().minIndex(most, kb().index(strategy.getKeys()));
  Value sees =
      arith::CmpIOp::create(kb().builder(), op->getLoc(), arith::CmpIPredicate::sgt, group.most, kb().index(0));
  kb().ifThen(sees, [&] { kernel.addBlock(group, keys, values); });
}

/// All queries of the run against the block from `key` on.
void AttentionLoops::buildBlock(const Run &run, Value key, Value longest) {
  Value count = kb().minIndex(kb().subIndex(longest, key), kb().index(strategy.getKeys()));
  KeyBlock keys = getKeys(run, key, count);
  ValueBlock values = getValues(run, key, count);
  kb().loopInTiles(run.count, strategy.getRows(),
                   [&](Value row, int64_t rows) { buildGroup(run, row, rows, key, keys, values); });
}

/// All queries of the run against the part from `key` on. The queries that see none of its keys have nothing to merge.
void AttentionLoops::buildPart(const Run &run, Value key, Value longest) {
  kb().loopOver(run.count, [&](Value row) { kernel.clear(kernel.part, row); });
  Value end = kb().minIndex(kb().addIndex(key, getPartKeys(strategy)), longest);
  kb().loop(key, end, strategy.getKeys(), [&](Value block) { buildBlock(run, block, longest); });
  kb().loopOver(run.count, [&](Value row) {
    Value limit = getLimit(kb().addIndex(run.first, row));
    Value sees = arith::CmpIOp::create(kb().builder(), op->getLoc(), arith::CmpIPredicate::sgt, limit, key);
    kb().ifThen(sees, [&] { kernel.merge(row); });
  });
}

void AttentionLoops::buildRun(const Run &run) {
  auto initialise = [&](Value row, ValueRange longest) -> SmallVector<Value> {
    Value token = kb().addIndex(run.first, row);
    kernel.copyQuery(q, {token, run.head}, row);
    kernel.clear(kernel.total, row);
    return {kb().maxIndex(getLimit(token), longest.front())};
  };
  Value longest = kb().loop(kb().index(0), run.count, 1, kb().index(0), initialise).front();
  kb().loop(kb().index(0), longest, getPartKeys(strategy), [&](Value key) { buildPart(run, key, longest); });
  kb().loopOver(run.count, [&](Value row) { kernel.finish(row, init, {kb().addIndex(run.first, row), run.head}); });
}

/// Calls `buildTile` for each tile of queries and head.
void AttentionLoops::build(int64_t keyHeads, function_ref<void(const Run &)> buildTile) {
  Value tokens = kb().dim(q, 0);
  kb().loopOver(kb().dim(q, 1), [&](Value head) {
    int64_t heads = cast<MemRefType>(q.getType()).getDimSize(1);
    Value keyHead = heads == keyHeads ? head : kb().divIndex(head, heads / keyHeads);
    kb().loop(kb().index(0), tokens, strategy.getQueries(), [&](Value first) {
      Value count = kb().minIndex(kb().subIndex(tokens, first), kb().index(strategy.getQueries()));
      buildTile({first, count, head, keyHead});
    });
  });
}

template <typename Op> static AttentionLoops makeLoops(Op op, CPUFlashAttr strategy, FlashPairs pairs = {}) {
  int64_t features = cast<MemRefType>(op.getQ().getType()).getDimSize(2);
  int64_t resultFeatures = cast<MemRefType>(op.getInit().getType()).getDimSize(2);
  return {op, strategy, op.getQ(), op.getInit(),
          FlashKernel(op, strategy, op.getScale().convertToDouble(), features, resultFeatures, pairs)};
}

void mf::lowerAttention(AttentionOp op, CPUFlashAttr strategy) {
  AttentionLoops loops = makeLoops(op, strategy);
  KernelBuilder &kb = loops.kb();
  Value keys = kb.dim(op.getK(), 0);
  // The last query sees all keys.
  Value offset = kb.addIndex(kb.subIndex(keys, kb.dim(op.getQ(), 0)), 1);
  loops.getLimit = [&](Value token) {
    return op.getCausal() ? kb.maxIndex(kb.addIndex(token, offset), kb.index(0)) : keys;
  };
  loops.getKeys = [&](const Run &run, Value key, Value count) {
    return loops.kernel.packKeys({op.getK(), {}, key, {run.keyHead}}, count);
  };
  loops.getValues = [&](const Run &run, Value key, Value count) {
    return loops.kernel.copyValues({op.getV(), {}, key, {run.keyHead}}, count);
  };
  loops.build(cast<MemRefType>(op.getK().getType()).getDimSize(1), [&](const Run &run) { loops.buildRun(run); });
}

/// Calls `buildRun` for each run of adjacent tokens of the tile that are of one sequence.
static void forEachSequence(KernelBuilder &kb, Value slots, const Run &tile, function_ref<void(const Run &)> buildRun) {
  auto isEqual = [&](Value x, Value y) -> Value {
    return arith::CmpIOp::create(kb.builder(), slots.getLoc(), arith::CmpIPredicate::eq, x, y);
  };
  Value end = kb.addIndex(tile.first, tile.count);
  kb.loop(tile.first, end, 1, tile.first, [&](Value token, ValueRange next) -> SmallVector<Value> {
    // Tokens before `next` belong to a run that is done.
    return kb.choose(
        isEqual(token, next.front()),
        [&]() -> SmallVector<Value> {
          Value slot = kb.loadIndex(slots, token);
          Value runEnd = kb.loop(token, end, 1, token, [&](Value other, ValueRange found) -> SmallVector<Value> {
                             Value continues = arith::AndIOp::create(kb.builder(), slots.getLoc(),
                                                                     isEqual(kb.loadIndex(slots, other), slot),
                                                                     isEqual(other, found.front()));
                             return {kb.select(continues, kb.addIndex(other, 1), found.front())};
                           }).front();
          buildRun({token, kb.subIndex(runEnd, token), tile.head, tile.keyHead});
          return {runEnd};
        },
        [&]() -> SmallVector<Value> { return {next.front()}; });
  });
}

void mf::lowerCachedAttention(CachedAttentionOp op, CPUFlashAttr strategy) {
  auto isPaired = [](CacheLayoutAttr layout) { return layout && layout.isPaired(); };
  AttentionLoops loops =
      makeLoops(op, strategy, {isPaired(op.getLayoutAttr()), isPaired(op.getValuesLayoutAttr())});
  KernelBuilder &kb = loops.kb();
  auto keysType = cast<MemRefType>(op.getKeys().getType());
  Value flat = op.getLayoutAttr() ? kb.flattenLast(op.getKeys()) : Value();
  Value values = op.getValuesLayoutAttr() ? kb.flattenLast(op.getValues()) : op.getValues();
  loops.getLimit = [&](Value token) { return kb.addIndex(kb.loadIndex(op.getPositions(), token), 1); };
  loops.getKeys = [&](const Run &run, Value key, Value count) -> KeyBlock {
    Value slot = kb.loadIndex(op.getSlots(), run.first);
    if (flat)
      return {flat, {slot, run.keyHead}, kb.mulIndex(key, keysType.getDimSize(3)), /*isCache=*/true};
    return loops.kernel.packKeys({op.getKeys(), {slot, run.keyHead}, key, {}}, count);
  };
  loops.getValues = [&](const Run &run, Value key, Value count) -> ValueBlock {
    return {values, {kb.loadIndex(op.getSlots(), run.first), run.keyHead}, key, {}, /*isCache=*/true};
  };
  loops.build(keysType.getDimSize(1), [&](const Run &tile) {
    forEachSequence(kb, op.getSlots(), tile, [&](const Run &run) { loops.buildRun(run); });
  });
}
