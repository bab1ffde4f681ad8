// Register tiles of attention: scores of a group of queries against keys, and sums of values.
#include "FlashKernel.h"
#include "mf/Codegen/CPU/PairDot.h"

using namespace mlir;
using namespace mlir::mf;

/// Features that an iteration of the loop over them takes.
static int64_t getUnroll(int64_t features) { return features % 4 == 0 ? 4 : 1; }

/// Elements of a line of the caches.
static int64_t getLineElements(Value memref) {
  return 64 * 8 / cast<MemRefType>(memref.getType()).getElementTypeBitWidth();
}

/// A single query has few sums: it takes more vectors, so that products wait for each other less.
int64_t FlashKernel::getTileVectors(const FlashGroup &group) const {
  return group.rows == 1 ? std::max<int64_t>(vectors, 8) : vectors;
}

void FlashKernel::addBlock(const FlashGroup &group, const KeyBlock &keys, const ValueBlock &values) {
  buildScores(group, keys);
  Value least = group.counts.front();
  for (Value count : ArrayRef(group.counts).drop_front())
    least = kb.minIndex(least, count);
  Value isWhole =
      arith::CmpIOp::create(kb.builder(), least.getLoc(), arith::CmpIPredicate::sge, least, kb.index(blockKeys));
  auto addWeighted = [&](bool isWhole) {
    SmallVector<Value> rescales = buildWeights(group, isWhole);
    buildResults(group, values, rescales, isWhole);
  };
  kb.ifThenElse(
      isWhole, [&] { addWeighted(true); }, [&] { addWeighted(false); });
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// The scores of `vectors` vectors of keys, from `offset` behind `firstKey` on, a multiple of kCacheKeys. Features are
/// added in ascending order. A single query waits for memory: it asks for the same lines of the next block, because the
/// streams are too short for the hardware to find them.
void FlashKernel::buildScoreTile(const FlashGroup &group, const KeyBlock &keys, Value firstKey, int64_t offset,
                                 int64_t vectors) {
  int64_t lanes = kb.getLanes(), width = pairs.keys ? kCachePair : 1, unroll = std::max(getUnroll(features), width);
  PairDot dot(kb);
  Value base = kb.addIndex(keys.base, kb.mulIndex(firstKey, features));
  SmallVector<Value> zeros(group.rows * vectors, kb.constant(0.0f, lanes));
  SmallVector<Value> indices(keys.before);
  indices.emplace_back();
  auto addFeature = [&](Value feature, int64_t step, ValueRange sums) {
    Value row = kb.addIndex(base, kb.mulIndex(kb.addIndex(feature, step), kCacheKeys));
    SmallVector<Value> vectorsOfKeys, next;
    for (int64_t i = 0; i < vectors; ++i) {
      int64_t key = offset + i * lanes;
      indices.back() = kb.addIndex(row, key / kCacheKeys * features * kCacheKeys + key % kCacheKeys * width);
      vectorsOfKeys.push_back(pairs.keys ? dot.loadPairs(keys.memref, indices, lanes)
                                         : kb.load(keys.memref, indices, lanes));
      if (group.rows > 1 || !keys.isCache || (step * kCacheKeys + key * width) % getLineElements(keys.memref) != 0)
        continue;
      indices.back() = kb.addIndex(indices.back(), blockKeys * features);
      kb.prefetch(keys.memref, indices, /*toFirstLevel=*/false);
    }
    for (int64_t i = 0; i < group.rows; ++i) {
      SmallVector<Value> place = {kb.addIndex(group.first, i), kb.addIndex(feature, step)};
      SmallVector<Value> element =
          pairs.keys ? dot.loadPair(scaledQueries, place) : SmallVector<Value>{kb.load(scaledQueries, place, 1)};
      for (auto [j, vector] : llvm::enumerate(vectorsOfKeys)) {
        Value sum = sums[i * vectors + j];
        next.push_back(pairs.keys ? dot.add(sum, vector, element)
                                  : kb.mulAdd(kb.broadcast(element.front(), lanes), vector, sum));
      }
    }
    return next;
  };
  SmallVector<Value> sums =
      kb.loop(kb.index(0), kb.index(features), unroll, zeros, [&](Value feature, ValueRange sums) {
        SmallVector<Value> next(sums);
        for (int64_t step = 0; step < unroll; step += width)
          next = addFeature(feature, step, next);
        return next;
      });
  for (int64_t i = 0; i < group.rows; ++i)
    for (int64_t j = 0; j < vectors; ++j)
      kb.store(sums[i * vectors + j], scores, {kb.index(i), kb.addIndex(firstKey, offset + j * lanes)});
}

/// Scores of all keys that a query of the group sees, rounded up to whole rows of the layout. The scores behind the
/// last key are not defined.
void FlashKernel::buildScores(const FlashGroup &group, const KeyBlock &keys) {
  int64_t lanes = kb.getLanes(), tileVectors = getTileVectors(group);
  int64_t tileKeys = std::max(tileVectors * lanes / kCacheKeys * kCacheKeys, kCacheKeys);
  auto buildKeys = [&](Value firstKey, int64_t count) {
    for (int64_t offset = 0; offset < count; offset += tileVectors * lanes)
      buildScoreTile(group, keys, firstKey, offset, std::min(tileVectors, (count - offset) / lanes));
  };
  Value whole = kb.index(0);
  if (tileKeys > kCacheKeys) {
    whole = kb.roundDown(group.most, tileKeys);
    kb.loop(kb.index(0), whole, tileKeys, [&](Value key) { buildKeys(key, tileKeys); });
  }
  kb.loop(whole, group.most, kCacheKeys, [&](Value key) { buildKeys(key, kCacheKeys); });
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// One value, or those of a pair of keys. `asksAhead`: for the same row of the next block, too.
Value FlashKernel::loadValue(const ValueBlock &values, Value key, Piece piece, bool asksAhead) {
  SmallVector<Value> indices(values.before);
  if (pairs.values) {
    Value row = kb.mulIndex(kb.addIndex(values.firstKey, key), resultFeatures);
    indices.push_back(kb.addIndex(row, piece.offset * kCachePair));
    Value pairsOfKeys = PairDot(kb).loadPairs(values.memref, indices, piece.width);
    if (asksAhead && values.isCache && piece.offset * kCachePair % getLineElements(values.memref) == 0) {
      indices.back() = kb.addIndex(indices.back(), blockKeys * resultFeatures);
      kb.prefetch(values.memref, indices, /*toFirstLevel=*/false);
    }
    return pairsOfKeys;
  }
  indices.push_back(kb.addIndex(values.firstKey, key));
  indices.append(values.after);
  indices.push_back(kb.index(piece.offset));
  Value value = kb.load(values.memref, indices, piece.width);
  if (asksAhead && values.isCache && piece.offset % getLineElements(values.memref) == 0) {
    indices[values.before.size()] = kb.addIndex(indices[values.before.size()], blockKeys);
    kb.prefetch(values.memref, indices, /*toFirstLevel=*/false);
  }
  return value;
}

/// Adds weight * value for one key or a pair of them to the sums, which are by row, then by piece.
SmallVector<Value> FlashKernel::multiply(ArrayRef<int64_t> rows, ArrayRef<Value> loaded, Value key, ValueRange sums) {
  PairDot dot(kb);
  SmallVector<Value> next;
  for (auto [i, row] : llvm::enumerate(rows)) {
    SmallVector<Value> place = {kb.index(row), key};
    SmallVector<Value> weight =
        pairs.values ? dot.loadPair(weights, place) : SmallVector<Value>{kb.load(weights, place, 1)};
    for (auto [j, value] : llvm::enumerate(loaded)) {
      Value sum = sums[i * loaded.size() + j];
      auto type = dyn_cast<VectorType>(sum.getType());
      next.push_back(pairs.values ? dot.add(sum, value, weight)
                                  : kb.mulAdd(kb.broadcast(weight.front(), type ? type.getNumElements() : 1), value, sum));
    }
  }
  return next;
}

/// Does so for the keys [from, to) of the block; in pairs, both are even.
SmallVector<Value> FlashKernel::addValues(ArrayRef<int64_t> rows, ArrayRef<Piece> pieces, const ValueBlock &values,
                                          Value from, Value to, ValueRange sums, bool asksAhead) {
  return kb.loop(from, to, pairs.values ? kCachePair : 1, sums, [&](Value key, ValueRange sums) {
    SmallVector<Value> loaded;
    for (Piece piece : pieces)
      loaded.push_back(loadValue(values, key, piece, asksAhead));
    return multiply(rows, loaded, key, sums);
  });
}

/// The same for the last of an odd number `count` of keys in pairs. Its neighbour, which the query does not see, may be
/// no number: it is taken as 0, and its weight is 0.
SmallVector<Value> FlashKernel::addLastValue(int64_t row, ArrayRef<Piece> pieces, const ValueBlock &values, Value count,
                                             ValueRange sums) {
  Value last = kb.roundDown(count, kCachePair);
  Value isOdd = arith::CmpIOp::create(kb.builder(), count.getLoc(), arith::CmpIPredicate::ne, count, last);
  return kb.choose(
      isOdd,
      [&] {
        SmallVector<Value> loaded;
        for (Piece piece : pieces)
          loaded.push_back(PairDot(kb).dropSecond(loadValue(values, last, piece, /*asksAhead=*/false)));
        return multiply(row, loaded, last, sums);
      },
      [&] { return SmallVector<Value>(sums); });
}

/// result = result * rescale + sum over the keys of the block of weight * value, keys ascending. Values of keys that a
/// query does not see are not touched by it: they may be no numbers.
void FlashKernel::buildResults(const FlashGroup &group, const ValueBlock &values, ValueRange rescales, bool isWhole) {
  SmallVector<Piece> pieces = splitIntoPieces(resultFeatures, kb.getLanes());
  SmallVector<int64_t> all = llvm::to_vector(llvm::seq<int64_t>(0, group.rows));
  int64_t width = pairs.values ? kCachePair : 1;
  Value common = kb.index(blockKeys);
  SmallVector<Value> counts;
  if (!isWhole) {
    for (Value count : group.counts) {
      counts.push_back(kb.minIndex(kb.maxIndex(count, kb.index(0)), kb.index(blockKeys)));
      common = kb.minIndex(common, counts.back());
    }
    common = kb.roundDown(common, width);
  }
  for (ArrayRef<Piece> rest = pieces; !rest.empty();) {
    ArrayRef<Piece> tile = rest.take_front(getTileVectors(group));
    rest = rest.drop_front(tile.size());
    SmallVector<Value> sums;
    for (int64_t row : all)
      for (Piece piece : tile) {
        Value result = kb.load(part.results, {kb.addIndex(group.first, row), kb.index(piece.offset)}, piece.width);
        sums.push_back(kb.mul(result, kb.broadcast(rescales[row], piece.width)));
      }
    sums = addValues(all, tile, values, kb.index(0), common, sums, group.rows == 1);
    for (int64_t row : all) {
      SmallVector<Value> own(ArrayRef(sums).slice(row * tile.size(), tile.size()));
      if (!isWhole && group.rows > 1)
        own = addValues(row, tile, values, common, kb.roundDown(counts[row], width), own, /*asksAhead=*/false);
      if (!isWhole && pairs.values)
        own = addLastValue(row, tile, values, counts[row], own);
      for (auto [piece, sum] : llvm::zip(tile, own))
        kb.store(sum, part.results, {kb.addIndex(group.first, row), kb.index(piece.offset)});
    }
  }
}
