// A block of keys against 16 queries of a warp by products of matrices. Weights are rounded to the elements of the
// cache for their products with values; maxima, sums and results are f32. Powers are of two.
#include "FlashMatrices.h"
#include <limits>

using namespace mlir;
using namespace mlir::mf;

static constexpr float minusInfinity = -std::numeric_limits<float>::infinity();
static constexpr double log2e = 1.4426950408889634;
/// Queries of a lane, and features, keys and queries of the matrices that are multiplied.
static constexpr int64_t kHalves = 2, kDepth = 16, kColumns = 8;
/// Elements of a vector of f32.
static constexpr int64_t kVector = 4;
/// Features of keys that are loaded at a time, and of values.
static constexpr int64_t kLoadedFeatures = 32, kValueFeatures = 64;
/// Powers that are computed at a time.
static constexpr size_t kPowers = 4;

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

void mf::storeQueries(const AttentionOperands &operands, GPUKernelBuilder &k, const MatrixTile &tile, Value first,
                      int64_t rows, Value thread, int64_t threads, function_ref<QueryRow(Value)> getRow) {
  Type element = getElementTypeOrSelf(operands.keys.getType());
  int64_t width = GPUKernelBuilder::hasAlignedRows(operands.q, kVector) ? kVector : 1;
  SmallVector<Value> zeros(kPiece, k.constant(0.0f));
  k.loop(thread, k.index(rows * tile.getPieces()), k.index(threads), [&](Value i) {
    Value row = k.add(first, k.div(i, tile.getPieces())), piece = k.rem(i, tile.getPieces());
    QueryRow query = getRow(row);
    SmallVector<Value> loaded = k.choose(
        query.isValid,
        [&] {
          SmallVector<Value> elements;
          for (int64_t feature = 0; feature < kPiece; feature += width) {
            Value vector = k.load(operands.q, {query.token, query.head, k.add(k.mul(piece, kPiece), feature)}, width);
            llvm::append_range(elements, k.elements(vector, width));
          }
          return elements;
        },
        zeros);
    k.store(k.roundElements(loaded, element), tile.getMemRef(), tile.getPlace(k, k.index(0), row, piece));
  });
}

mf::FlashMatrices::FlashMatrices(const AttentionOperands &operands, GPUKernelBuilder &k, const KeyTiles &tiles,
                                 const MatrixTile &queries, Value firstQuery, Value lane)
    : operands(operands), k(k), tiles(tiles), queries(queries), firstQuery(firstQuery), lane(lane),
      element(getElementTypeOrSelf(operands.keys.getType())) {
  this->tiles.setLane(lane);
  this->queries.setLane(lane);
}

SmallVector<MatrixState> mf::FlashMatrices::getEmpty(const AttentionOperands &operands, GPUKernelBuilder &k) {
  Value zero = k.constant(0.0f);
  return SmallVector<MatrixState>(
      kHalves, {k.constant(minusInfinity), zero, SmallVector<Value>(operands.valueSize / kColumns * 2, zero)});
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// The products of the queries with all keys of the block, 8 keys in each. The loop is not unrolled, as its bound is no
/// constant: what is loaded ahead does not fit into registers.
SmallVector<mf::FlashMatrices::Words> mf::FlashMatrices::multiplyKeys(Value buffer) {
  int64_t step = operands.keySize % kLoadedFeatures == 0 ? kLoadedFeatures : kDepth;
  SmallVector<Value> zeros(tiles.blockKeys / kColumns * 4, k.constant(0.0f));
  Value end = k.computeHere(k.index(operands.keySize));
  SmallVector<Value> all = k.loop(k.index(0), end, k.index(step), zeros, [&](Value first, ValueRange sums) {
    SmallVector<Value> next(sums);
    for (int64_t feature = 0; feature < step; feature += kDepth)
      addFeatures(buffer, k.add(first, feature), next);
    return next;
  });
  SmallVector<Words> scores;
  for (size_t i = 0; i < all.size(); i += 4)
    scores.emplace_back(ArrayRef(all).slice(i, 4));
  return scores;
}

/// Adds the products of 16 features from `feature` on.
void mf::FlashMatrices::addFeatures(Value buffer, Value feature, MutableArrayRef<Value> scores) {
  SmallVector<Value> query = queries.load(k, k.index(0), firstQuery, k.div(feature, kPiece), MatrixOrder::ByRows,
                                          /*isTransposed=*/false);
  for (int64_t key = 0; key < tiles.blockKeys; key += kDepth) {
    SmallVector<Value> words = tiles.loadKeys(k, buffer, key, feature);
    for (int64_t pair = 0; pair < 2; ++pair) {
      MutableArrayRef<Value> sums = scores.slice(4 * (key / kColumns + pair), 4);
      llvm::copy(k.multiplyMatrices(query, ArrayRef(words).slice(2 * pair, 2), sums, element), sums.begin());
    }
  }
}

/// The value of `combine` over the four lanes that have a query.
static Value reduceQuad(GPUKernelBuilder &k, Value x, function_ref<Value(Value, Value)> combine) {
  for (int64_t mask : {1, 2})
    x = combine(x, k.shuffleXor(x, mask));
  return x;
}

/// Turns scores into weights, and returns their maxima and sums.
SmallVector<MatrixState> mf::FlashMatrices::weigh(MutableArrayRef<Words> scores, Value first, ArrayRef<Value> limits,
                                                  bool isMasked) {
  Value factor = k.constant(static_cast<float>(operands.scale * log2e)), least = k.constant(minusInfinity);
  // Lane l has the keys 2 (l % 4) and the next of every 8.
  Value laneFirst = k.toI32(k.add(first, k.mul(k.rem(lane, 4), 2)));
  SmallVector<MatrixState> states(kHalves);
  for (int64_t half = 0; half < kHalves; ++half) {
    Value seen = k.select(k.isBelow(laneFirst, limits[half]), k.sub(limits[half], laneFirst), k.integer(0));
    SmallVector<Value> exponents;
    for (auto [tile, words] : llvm::enumerate(scores))
      for (int64_t i = 0; i < 2; ++i) {
        Value score = k.mulF(words[2 * half + i], factor);
        if (isMasked)
          score = k.select(k.isBelow(k.integer(static_cast<int64_t>(tile) * kColumns + i), seen), score, least);
        exponents.push_back(score);
      }
    Value maximum = exponents.front();
    for (Value exponent : ArrayRef(exponents).drop_front())
      maximum = k.maxF(maximum, exponent);
    maximum = reduceQuad(k, maximum, [&](Value x, Value y) { return k.maxF(x, y); });
    // Without a score, nothing is subtracted from minus infinity.
    Value isNone = k.compareF(arith::CmpFPredicate::OEQ, maximum, least);
    Value base = k.select(isNone, k.constant(0.0f), maximum);
    for (Value &exponent : exponents)
      exponent = k.subF(exponent, base);
    // Few at a time: a power on its way takes several registers.
    SmallVector<Value> powers;
    for (size_t i = 0; i < exponents.size(); i += kPowers)
      llvm::append_range(powers, k.exp2OfDifference(ArrayRef(exponents).slice(i, kPowers)));
    Value sum = powers.front();
    for (Value power : ArrayRef(powers).drop_front())
      sum = k.addF(sum, power);
    states[half].maximum = maximum;
    states[half].sum = reduceQuad(k, sum, [&](Value x, Value y) { return k.addF(x, y); });
    for (auto [i, power] : llvm::enumerate(powers))
      scores[i / 2][2 * half + i % 2] = power;
  }
  return states;
}

/// Weights as left operands: the sums of two products are one operand of 16 keys.
SmallVector<mf::FlashMatrices::Words> mf::FlashMatrices::roundWeights(ArrayRef<Words> weights) {
  SmallVector<Words> rounded;
  for (size_t tile = 0; tile < weights.size(); tile += 2) {
    Words words;
    for (size_t part = 0; part < 2; ++part)
      for (size_t half = 0; half < kHalves; ++half) {
        const Words &sums = weights[tile + part];
        words.push_back(k.roundPair(sums[2 * half], sums[2 * half + 1], element));
      }
    rounded.push_back(words);
  }
  return rounded;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// The elements of a word that are finite, others as 0; and 1 for those others, 0 for finite ones.
static std::pair<Value, Value> splitFinite(GPUKernelBuilder &k, Value word, Type element) {
  ImplicitLocOpBuilder &b = k.builder();
  int64_t exponent = element.isF16() ? 0x7c00 : 0x7f80, unit = element.isF16() ? 0x400 : 0x80,
          one = element.isF16() ? 0x3c00 : 0x3f80;
  auto both = [&](int64_t half) { return k.integer(half << 16 | half); };
  auto mask = [&](Value x, Value bits) -> Value { return arith::AndIOp::create(b, x, bits); };
  // An exponent of ones, and one unit more, is the place of the sign.
  Value next = arith::AddIOp::create(b, mask(word, both(exponent)), both(unit));
  Value others = mask(arith::ShRUIOp::create(b, next, k.integer(15)), both(1));
  Value bits = arith::MulIOp::create(b, others, k.integer(0xffff));
  return {mask(word, k.exclusiveOr(bits, k.integer(-1))), arith::MulIOp::create(b, others, k.integer(one))};
}

/// The products of the weights with 8 features of all values. What later tokens have written, be it no number, must not
/// be seen in the result of an earlier one, and 0 times it is no number: where not all queries see all keys, such
/// values count as 0, and a query that gives one of them a weight gets no number.
mf::FlashMatrices::Words mf::FlashMatrices::multiplyValues(ArrayRef<Words> weights, Value buffer, int64_t feature,
                                                           bool isMasked) {
  Words sums(4, k.constant(0.0f)), others = sums;
  SmallVector<Value> words;
  for (auto [i, factor] : llvm::enumerate(weights)) {
    // Values of 32 keys are loaded at once.
    if (i % 2 == 0)
      words = tiles.loadValues(k, buffer, static_cast<int64_t>(i) * kDepth, feature);
    ArrayRef<Value> pair = ArrayRef(words).slice(2 * (i % 2), 2);
    if (!isMasked) {
      sums = k.multiplyMatrices(factor, pair, sums, element);
      continue;
    }
    auto [low, lowOthers] = splitFinite(k, pair[0], element);
    auto [high, highOthers] = splitFinite(k, pair[1], element);
    sums = k.multiplyMatrices(factor, {low, high}, sums, element);
    others = k.multiplyMatrices(factor, {lowOthers, highOthers}, others, element);
  }
  if (isMasked)
    for (auto [sum, other] : llvm::zip_equal(sums, others)) {
      Value isNone = k.compareF(arith::CmpFPredicate::OEQ, other, k.constant(0.0f));
      sum = k.select(isNone, sum, k.constant(std::numeric_limits<float>::quiet_NaN()));
    }
  return sums;
}

SmallVector<MatrixState> mf::FlashMatrices::addBlock(ArrayRef<MatrixState> states, Value buffer, Value first,
                                                     ArrayRef<Value> limits, bool isMasked) {
  SmallVector<Words> scores = multiplyKeys(buffer);
  SmallVector<MatrixState> blocks = weigh(scores, first, limits, isMasked), next;
  SmallVector<Words> weights = roundWeights(scores);
  SmallVector<SmallVector<Value>> factors;
  SmallVector<Value> isSeen;
  for (int64_t half = 0; half < kHalves; ++half) {
    const MatrixState &state = states[half], &block = blocks[half];
    Value maximum = k.maxF(state.maximum, block.maximum);
    Value isNone = k.compareF(arith::CmpFPredicate::OEQ, maximum, k.constant(minusInfinity));
    Value base = k.select(isNone, k.constant(0.0f), maximum);
    factors.push_back(k.exp2OfDifference({k.subF(state.maximum, base), k.subF(block.maximum, base)}));
    isSeen.push_back(k.isBelow(k.toI32(first), limits[half]));
    next.push_back({maximum, Value(), {}});
  }
  auto join = [&](int64_t half, Value x, Value y) {
    Value joined = k.fma(x, factors[half][0], k.mulF(y, factors[half][1]));
    return isMasked ? k.select(isSeen[half], joined, x) : joined;
  };
  for (int64_t half = 0; half < kHalves; ++half) {
    next[half].sum = join(half, states[half].sum, blocks[half].sum);
    if (isMasked)
      next[half].maximum = k.select(isSeen[half], next[half].maximum, states[half].maximum);
  }
  for (int64_t first = 0; first < operands.valueSize; first += kValueFeatures) {
    // Some query has a weight; no compiler knows, so that none loads values ahead of here, which spills.
    Value sum = k.addF(blocks[0].sum, blocks[1].sum);
    Value hasWeight = k.isAny(k.compareF(arith::CmpFPredicate::UNE, sum, k.constant(0.0f)));
    int64_t end = std::min(first + kValueFeatures, operands.valueSize);
    SmallVector<Value> before;
    for (int64_t feature = first; feature < end; feature += kColumns)
      for (const MatrixState &state : states)
        llvm::append_range(before, ArrayRef(state.result).slice(feature / kColumns * 2, 2));
    SmallVector<Value> after = k.choose(
        hasWeight,
        [&] {
          SmallVector<Value> results;
          for (int64_t feature = first; feature < end; feature += kColumns)
            for (auto [i, sum] : llvm::enumerate(multiplyValues(weights, buffer, feature, isMasked)))
              results.push_back(join(i / 2, before[results.size()], sum));
          return results;
        },
        before);
    for (size_t i = 0; i < after.size(); ++i)
      next[i / 2 % kHalves].result.push_back(after[i]);
  }
  return next;
}

void mf::FlashMatrices::forEachPair(function_ref<void(int64_t, Value)> body) {
  Value inside = k.mul(k.rem(lane, 4), 2);
  for (int64_t feature = 0; feature < operands.valueSize; feature += kColumns)
    body(feature / kColumns * 2, k.add(inside, feature));
}

void mf::FlashMatrices::store(const MatrixState &state, const QueryRow &row) {
  // A row without keys gives 0.
  Value isEmpty = k.compareF(arith::CmpFPredicate::OEQ, state.sum, k.constant(0.0f));
  Value divisor = k.select(isEmpty, k.constant(1.0f), state.sum);
  k.ifThen(row.isValid, [&] {
    forEachPair([&](int64_t i, Value feature) {
      Value pair = k.fromElements({k.divF(state.result[i], divisor), k.divF(state.result[i + 1], divisor)});
      k.store(pair, operands.init, {row.token, row.head, feature});
    });
  });
}
