// Attention in flash form: blocks of keys pass a tile of queries; each query keeps a running maximum m, a sum l in
// lanes and an unscaled result, all on the stack. Blocks begin at multiples of the strategy's keys, whatever the query,
// and a query's operations depend on nothing but itself and its keys: its bits do not depend on its neighbours.
#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::mf;

// Keys whose scores are summed at the same time: their partial sums are added in pairs into one vector.
static constexpr int64_t keyGroup = 4;
// Vectors of the result that are summed in registers at the same time.
static constexpr int64_t resultVectors = 8;
static constexpr float minusInfinity = -std::numeric_limits<float>::infinity();

namespace {
/// The query in hand: its row of q and of the result, and which keys it sees.
struct Query {
  Value token;
  /// Its place in the tile.
  Value index;
  /// The indices of the caches before and behind that of the key; the feature's follows.
  SmallVector<Value> beforeKey, afterKey;
  /// Keys [0, limit).
  Value limit;
};

/// Builds the kernel of one op.
struct AttentionKernel {
  Operation *op;
  KernelBuilder kb;
  Value q, keys, values, init;
  float scale = 1.0f;
  int64_t tileQueries = 0, blockKeys = 0, features = 0, resultFeatures = 0;
  /// The query at a token, for a key head.
  std::function<Query(Value token, Value keyHead)> getQuery = nullptr;
  /// Buffers on the stack.
  Value scores = {}, maxima = {}, sums = {}, results = {};

  Location loc() { return op->getLoc(); }
  void allocate();
  Value loadKey(const Query &query, Value key, Piece piece);
  Value addAcross(ArrayRef<Value> partialSums);
  void buildKeyGroup(const Query &query, ArrayRef<Value> queryVectors, Value blockKey, Value first, Value lastKey);
  void buildScores(const Query &query, Value head, Value blockKey, Value count);
  Value buildWeights(const Query &query, Value count);
  void buildResults(const Query &query, Value blockKey, Value count, Value rescale);
  void buildBlock(const Query &query, Value head, Value blockKey);
  void initialise(Value index);
  void finish(const Query &query, Value head);
  void buildTile(Value firstToken, Value tokens, Value head, Value keyHead);
  void build();
};
} // namespace

void AttentionKernel::allocate() {
  scores = kb.stackBuffer({blockKeys});
  maxima = kb.stackBuffer({tileQueries});
  sums = kb.stackBuffer({tileQueries, kb.getLanes()});
  results = kb.stackBuffer({tileQueries, resultFeatures});
}

/// Where an element of a key or a value is.
static SmallVector<Value> locate(const Query &query, Value key, Value feature) {
  SmallVector<Value> indices(query.beforeKey);
  indices.push_back(key);
  indices.append(query.afterKey);
  indices.push_back(feature);
  return indices;
}

/// Elements of a key, in a whole vector that is filled up with zeros.
Value AttentionKernel::loadKey(const Query &query, Value key, Piece piece) {
  return kb.loadPadded(keys, locate(query, key, kb.index(piece.offset)), piece.width);
}

/// The sums of `keyGroup` vectors, in one vector (a scalar each where there is one lane).
Value AttentionKernel::addAcross(ArrayRef<Value> x) {
  int64_t lanes = kb.getLanes();
  if (lanes < keyGroup) {
    SmallVector<Value> totals = llvm::map_to_vector(x, [&](Value partial) { return kb.treeSum(partial); });
    return vector::FromElementsOp::create(kb.builder(), loc(), VectorType::get(keyGroup, kb.builder().getF32Type()),
                                          totals);
  }
  // Inside quarters: sums of elements two apart, then of neighbours, each quarter then holds the four keys in order.
  auto addPairs = [&](Value x, Value y) {
    return kb.add(kb.zipQuarters(x, y, {0, 4, 1, 5}), kb.zipQuarters(x, y, {2, 6, 3, 7}));
  };
  Value pair01 = addPairs(x[0], x[1]), pair23 = addPairs(x[2], x[3]);
  Value total = kb.add(kb.zipQuarters(pair01, pair23, {0, 1, 4, 5}), kb.zipQuarters(pair01, pair23, {2, 3, 6, 7}));
  for (int64_t size = lanes; size > keyGroup; size /= 2) {
    auto half = [&](int64_t begin) {
      return kb.shuffle(total, total, llvm::to_vector(llvm::seq<int64_t>(begin, begin + size / 2)));
    };
    total = kb.add(half(0), half(size / 2));
  }
  return total;
}

/// Stores q . k for the keys [first, first + keyGroup) of a block. Keys behind `lastKey`, where it is given, are not
/// read: their scores are that of `lastKey`.
void AttentionKernel::buildKeyGroup(const Query &query, ArrayRef<Value> queryVectors, Value blockKey, Value first,
                                    Value lastKey) {
  SmallVector<Piece> pieces = splitIntoPieces(features / kb.getLanes() * kb.getLanes(), kb.getLanes());
  if (int64_t rest = features % kb.getLanes())
    pieces.push_back({features - rest, rest});
  SmallVector<Value> partialSums;
  for (int64_t i = 0; i < keyGroup; ++i) {
    Value key = kb.addIndex(kb.addIndex(blockKey, first), i);
    if (lastKey)
      key = kb.minIndex(key, lastKey);
    Value sum;
    for (auto [piece, vector] : llvm::zip(pieces, queryVectors)) {
      Value elements = loadKey(query, key, piece);
      sum = sum ? kb.mulAdd(vector, elements, sum) : kb.mul(vector, elements);
    }
    partialSums.push_back(sum);
  }
  kb.store(addAcross(partialSums), scores, first);
}

/// The scores of the first `count` keys of a block, rounded up to whole groups.
void AttentionKernel::buildScores(const Query &query, Value head, Value blockKey, Value count) {
  SmallVector<Value> queryVectors;
  for (int64_t offset = 0; offset < features; offset += kb.getLanes())
    queryVectors.push_back(
        kb.loadPadded(q, {query.token, head, kb.index(offset)}, std::min(kb.getLanes(), features - offset)));
  Value whole = kb.roundDown(count, keyGroup);
  kb.loop(kb.index(0), whole, keyGroup,
          [&](Value first) { buildKeyGroup(query, queryVectors, blockKey, first, Value()); });
  kb.loop(whole, count, keyGroup,
          [&](Value first) { buildKeyGroup(query, queryVectors, blockKey, first, kb.addIndex(query.limit, -1)); });
}

/// Turns the scores of a block into weights exp(scale * score - m), with the new maximum m, and takes them into the
/// sum. Returns the factor that what was summed before is scaled by.
Value AttentionKernel::buildWeights(const Query &query, Value count) {
  int64_t lanes = kb.getLanes();
  SmallVector<Value> scaled;
  Value blockMaximum;
  for (int64_t offset = 0; offset < blockKeys; offset += lanes) {
    Value score = kb.mul(kb.load(scores, kb.index(offset), lanes), kb.constant(scale, lanes));
    // The scores behind the last key are not defined.
    score = kb.select(kb.isBelow(offset, count, lanes), score, kb.constant(minusInfinity, lanes));
    scaled.push_back(score);
    blockMaximum = blockMaximum ? kb.max(blockMaximum, score) : score;
  }
  Value before = kb.load(maxima, query.index, 1);
  Value maximum = kb.max(kb.treeMax(blockMaximum), before);
  kb.store(maximum, maxima, query.index);
  // While all scores are -inf, the weights are 0: -inf - (-inf) would be NaN.
  Value isNone = kb.compare(arith::CmpFPredicate::OEQ, maximum, kb.constant(minusInfinity));
  Value shift = kb.select(isNone, kb.constant(0.0f), maximum);
  Value rescale = kb.exp(kb.sub(before, shift));
  Value sum = kb.mul(kb.load(sums, {query.index, kb.index(0)}, lanes), kb.broadcast(rescale, lanes));
  for (auto [i, score] : llvm::enumerate(scaled)) {
    Value weight = kb.exp(kb.sub(score, kb.broadcast(shift, lanes)));
    kb.store(weight, scores, kb.index(i * lanes));
    sum = kb.add(sum, weight);
  }
  kb.store(sum, sums, {query.index, kb.index(0)});
  return rescale;
}

/// result = result * rescale + sum over the keys of the block of weight * value, keys ascending.
void AttentionKernel::buildResults(const Query &query, Value blockKey, Value count, Value rescale) {
  SmallVector<Piece> pieces = splitIntoPieces(resultFeatures, kb.getLanes());
  for (ArrayRef<Piece> rest = pieces; !rest.empty();) {
    ArrayRef<Piece> group = rest.take_front(resultVectors);
    rest = rest.drop_front(group.size());
    SmallVector<Value> accumulators;
    for (Piece piece : group)
      accumulators.push_back(kb.mul(kb.load(results, {query.index, kb.index(piece.offset)}, piece.width),
                                    kb.broadcast(rescale, piece.width)));
    accumulators = kb.loop(kb.index(0), count, 1, accumulators, [&](Value key, ValueRange accumulators) {
      SmallVector<Value> next;
      Value weight = kb.load(scores, key, 1), row = kb.addIndex(blockKey, key);
      for (auto [piece, accumulator] : llvm::zip(group, accumulators)) {
        Value value = kb.load(values, locate(query, row, kb.index(piece.offset)), piece.width);
        next.push_back(kb.mulAdd(kb.broadcast(weight, piece.width), value, accumulator));
      }
      return next;
    });
    for (auto [piece, accumulator] : llvm::zip(group, accumulators))
      kb.store(accumulator, results, {query.index, kb.index(piece.offset)});
  }
}

/// One query against one block, where it sees any of its keys.
void AttentionKernel::buildBlock(const Query &query, Value head, Value blockKey) {
  Value count = kb.minIndex(kb.subIndex(query.limit, blockKey), kb.index(blockKeys));
  Value sees = arith::CmpIOp::create(kb.builder(), loc(), arith::CmpIPredicate::sgt, count, kb.index(0));
  kb.ifThen(sees, [&] {
    buildScores(query, head, blockKey, count);
    Value rescale = buildWeights(query, count);
    buildResults(query, blockKey, count, rescale);
  });
}

void AttentionKernel::initialise(Value index) {
  kb.store(kb.constant(minusInfinity), maxima, index);
  kb.store(kb.constant(0.0f, kb.getLanes()), sums, {index, kb.index(0)});
  kb.forEachPiece(resultFeatures, [&](Value offset, int64_t width) {
    kb.store(kb.constant(0.0f, width), results, {index, offset});
  });
}

/// A query without any key has sum 0 and gives 0.
void AttentionKernel::finish(const Query &query, Value head) {
  Value sum = kb.treeSum(kb.load(sums, {query.index, kb.index(0)}, kb.getLanes()));
  Value isNone = kb.compare(arith::CmpFPredicate::OEQ, sum, kb.constant(0.0f));
  Value factor = kb.select(isNone, kb.constant(0.0f), kb.div(kb.constant(1.0f), sum));
  kb.forEachPiece(resultFeatures, [&](Value offset, int64_t width) {
    Value result = kb.load(results, {query.index, offset}, width);
    kb.store(kb.mul(result, kb.broadcast(factor, width)), init, {query.token, head, offset});
  });
}

/// Blocks of keys outside, queries inside: queries of one sequence find a block in the first-level cache.
void AttentionKernel::buildTile(Value firstToken, Value tokens, Value head, Value keyHead) {
  auto makeQuery = [&](Value index) {
    Query query = getQuery(kb.addIndex(firstToken, index), keyHead);
    query.index = index;
    return query;
  };
  SmallVector<Value> longest =
      kb.loop(kb.index(0), tokens, 1, kb.index(0), [&](Value index, ValueRange longest) -> SmallVector<Value> {
        initialise(index);
        return {kb.maxIndex(makeQuery(index).limit, longest.front())};
      });
  kb.loop(kb.index(0), longest.front(), blockKeys, [&](Value blockKey) {
    kb.loopOver(tokens, [&](Value index) { buildBlock(makeQuery(index), head, blockKey); });
  });
  kb.loopOver(tokens, [&](Value index) { finish(makeQuery(index), head); });
}

void AttentionKernel::build() {
  allocate();
  int64_t heads = cast<MemRefType>(q.getType()).getDimSize(1);
  auto keyType = cast<MemRefType>(keys.getType());
  int64_t keyHeads = keyType.getDimSize(1);
  Value tokens = kb.dim(q, 0);
  kb.loopOver(kb.dim(q, 1), [&](Value head) {
    Value keyHead = head;
    if (heads != keyHeads || ShapedType::isDynamic(heads)) {
      Value ratio = arith::DivUIOp::create(kb.builder(), loc(), kb.dim(q, 1), kb.dim(keys, 1));
      keyHead = arith::DivUIOp::create(kb.builder(), loc(), head, ratio);
    }
    kb.loop(kb.index(0), tokens, tileQueries, [&](Value first) {
      Value count = kb.minIndex(kb.subIndex(tokens, first), kb.index(tileQueries));
      buildTile(first, count, head, keyHead);
    });
  });
}

template <typename Op> static AttentionKernel makeKernel(Op op, CPUFlashAttr strategy, Value keys, Value values) {
  auto resultType = cast<MemRefType>(op.getInit().getType());
  AttentionKernel kernel{op, KernelBuilder(op, strategy.getLanes()), op.getQ(), keys, values, op.getInit()};
  kernel.scale = static_cast<float>(op.getScale().convertToDouble());
  kernel.tileQueries = strategy.getQueries();
  kernel.blockKeys = llvm::alignTo(strategy.getKeys(), std::max(strategy.getLanes(), keyGroup));
  kernel.features = cast<MemRefType>(op.getQ().getType()).getDimSize(2);
  kernel.resultFeatures = resultType.getDimSize(2);
  return kernel;
}

void mf::lowerAttention(AttentionOp op, CPUFlashAttr strategy) {
  AttentionKernel kernel = makeKernel(op, strategy, op.getK(), op.getV());
  KernelBuilder &kb = kernel.kb;
  Value keys = kb.dim(op.getK(), 0);
  // The last query sees all keys.
  Value offset = kb.addIndex(kb.subIndex(keys, kb.dim(op.getQ(), 0)), 1);
  kernel.getQuery = [&](Value token, Value keyHead) {
    Query query;
    query.token = token;
    query.afterKey = {keyHead};
    query.limit = op.getCausal() ? kb.maxIndex(kb.addIndex(token, offset), kb.index(0)) : keys;
    return query;
  };
  kernel.build();
}

void mf::lowerCachedAttention(CachedAttentionOp op, CPUFlashAttr strategy) {
  AttentionKernel kernel = makeKernel(op, strategy, op.getKeys(), op.getValues());
  KernelBuilder &kb = kernel.kb;
  kernel.getQuery = [&](Value token, Value keyHead) {
    Query query;
    query.token = token;
    query.beforeKey = {kb.loadIndex(op.getSlots(), token), keyHead};
    query.limit = kb.addIndex(kb.loadIndex(op.getPositions(), token), 1);
    return query;
  };
  kernel.build();
}
