// A block of keys against the queries of a warp. Scores: a lane per key, features ascending. Results: a lane per
// feature, keys ascending; the weights pass from one to the other through workgroup memory. Powers are of two.
#include "FlashRows.h"
#include <limits>

using namespace mlir;
using namespace mlir::mf;

static constexpr float minusInfinity = -std::numeric_limits<float>::infinity();
static constexpr double log2e = 1.4426950408889634;
/// Elements of a vector of f32.
static constexpr int64_t kVector = 4;

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

mf::FlashRows::FlashRows(const AttentionOperands &operands, GPUKernelBuilder &k, Value weights, int64_t rows)
    : operands(operands), k(k), weights(weights), rows(rows), thread(k.thread()), warp(k.div(thread, kWarpThreads)),
      lane(k.rem(thread, kWarpThreads)) {}

void mf::FlashRows::addRow(Value token, Value head, Value isValid) {
  tokens.push_back(token);
  heads.push_back(head);
  valid.push_back(isValid);
}

SmallVector<FlashState> mf::FlashRows::getEmpty() {
  Value zero = k.constant(0.0f);
  return SmallVector<FlashState>(rows, {k.constant(minusInfinity), zero, SmallVector<Value>(getLaneFeatures(), zero)});
}

/// Lanes behind the last feature take that one.
Value mf::FlashRows::getFeature(int64_t i) {
  Value feature = k.add(lane, i * kWarpThreads);
  bool isWhole = (i + 1) * kWarpThreads <= operands.valueSize;
  return isWhole ? feature : k.min(feature, k.index(operands.valueSize - 1));
}

void mf::FlashRows::forEachFeature(function_ref<void(int64_t, Value)> body) {
  for (int64_t i = 0; i < getLaneFeatures(); ++i) {
    Value feature = k.add(lane, i * kWarpThreads);
    if ((i + 1) * kWarpThreads <= operands.valueSize)
      body(i, feature);
    else
      k.ifThen(k.isBelow(feature, k.index(operands.valueSize)), [&] { body(i, feature); });
  }
}

void mf::FlashRows::store(const FlashState &state, Value token, Value head) {
  // A row without keys gives 0.
  Value isEmpty = k.compareF(arith::CmpFPredicate::OEQ, state.sum, k.constant(0.0f));
  Value divisor = k.select(isEmpty, k.constant(1.0f), state.sum);
  forEachFeature([&](int64_t i, Value feature) {
    k.store(k.divF(state.result[i], divisor), operands.init, {token, head, feature});
  });
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// `width` features of the lane's key.
SmallVector<Value> mf::FlashRows::loadKeys(Value slot, Value keyHead, Value key, Value feature, int64_t width) {
  if (!operands.layout && GPUKernelBuilder::hasAlignedRows(operands.keys, width))
    return k.elements(k.load(operands.keys, operands.getKeyPlace(k, slot, keyHead, key, feature), width), width);
  SmallVector<Value> elements;
  for (int64_t i = 0; i < width; ++i)
    elements.push_back(k.load(operands.keys, operands.getKeyPlace(k, slot, keyHead, key, k.add(feature, i)), 1));
  return elements;
}

/// Products of all rows with the lane's key.
SmallVector<Value> mf::FlashRows::sumScores(Value slot, Value keyHead, Value key) {
  bool hasVectors = operands.keySize % kVector == 0 && GPUKernelBuilder::hasAlignedRows(operands.q, kVector);
  int64_t width = hasVectors ? kVector : 1;
  SmallVector<Value> zeros(rows, k.constant(0.0f));
  return k.loop(k.index(0), k.index(operands.keySize), k.index(width), zeros, [&](Value feature, ValueRange sums) {
    SmallVector<Value> next(sums), elements = loadKeys(slot, keyHead, key, feature, width);
    for (int64_t r = 0; r < rows; ++r) {
      SmallVector<Value> query = k.elements(k.load(operands.q, {tokens[r], heads[r], feature}, width), width);
      for (auto [x, y] : llvm::zip_equal(query, elements))
        next[r] = k.fma(x, y, next[r]);
    }
    return next;
  });
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

void mf::FlashRows::storeWeights(ArrayRef<Value> values) {
  int64_t width = rows % kVector == 0 ? kVector : 1;
  for (int64_t r = 0; r < rows; r += width)
    k.store(k.fromElements(values.slice(r, width)), weights, {warp, lane, k.index(r)});
}

SmallVector<Value> mf::FlashRows::loadWeights(Value j) {
  int64_t width = rows % kVector == 0 ? kVector : 1;
  SmallVector<Value> values;
  for (int64_t r = 0; r < rows; r += width)
    llvm::append_range(values, k.elements(k.load(weights, {warp, j, k.index(r)}, width), width));
  return values;
}

/// Adds the products of key first + j to the results of the rows that see it.
SmallVector<Value> mf::FlashRows::addValues(Value slot, Value keyHead, Value first, Value j, ArrayRef<Value> limits,
                                            bool isMasked, ValueRange sums) {
  Value key = k.add(first, j);
  SmallVector<Value> next(sums), factors = loadWeights(j), elements;
  for (int64_t i = 0; i < getLaneFeatures(); ++i)
    elements.push_back(k.load(operands.values, operands.getValuePlace(k, slot, keyHead, key, getFeature(i)), 1));
  for (int64_t r = 0; r < rows; ++r) {
    Value isSeen = isMasked ? k.isBelow(key, limits[r]) : Value();
    for (auto [i, element] : llvm::enumerate(elements)) {
      Value &sum = next[r * getLaneFeatures() + i];
      Value added = k.fma(factors[r], element, sum);
      sum = isMasked ? k.select(isSeen, added, sum) : added;
    }
  }
  return next;
}

/// What later tokens have written, be it no number, must not be seen in the result of an earlier one: where not all
/// rows see the same keys, products are chosen one by one.
SmallVector<Value> mf::FlashRows::sumValues(Value slot, Value keyHead, Value first, ArrayRef<Value> limits) {
  Value most = limits.front(), least = limits.front();
  for (Value limit : limits.drop_front()) {
    most = k.max(most, limit);
    least = k.min(least, limit);
  }
  Value end = k.min(k.sub(most, first), k.index(kFlashKeys));
  SmallVector<Value> zeros(rows * getLaneFeatures(), k.constant(0.0f));
  auto sum = [&](bool isMasked) {
    return k.loop(k.index(0), end, k.index(1), zeros,
                  [&](Value j, ValueRange sums) { return addValues(slot, keyHead, first, j, limits, isMasked, sums); });
  };
  if (rows == 1)
    return sum(/*isMasked=*/false);
  Value isMasked = k.isBelow(least, k.add(first, end));
  return k.choose(
      isMasked, [&] { return sum(true); }, [&] { return sum(false); });
}

SmallVector<FlashState> mf::FlashRows::buildBlock(Value slot, Value keyHead, Value first, ArrayRef<Value> limits) {
  Value key = k.add(first, lane), lastKey = k.sub(k.dim(operands.keys, operands.getKeyDim()), k.index(1));
  SmallVector<Value> scores = sumScores(slot, keyHead, k.min(key, lastKey)), exponents;
  SmallVector<FlashState> states(rows);
  Value factor = k.constant(static_cast<float>(operands.scale * log2e)), least = k.constant(minusInfinity);
  for (int64_t r = 0; r < rows; ++r) {
    Value score = k.select(k.isBelow(key, limits[r]), k.mulF(scores[r], factor), least);
    states[r].maximum = k.warpMax(score);
    // Without a score, nothing is subtracted from minus infinity.
    Value isNone = k.compareF(arith::CmpFPredicate::OEQ, states[r].maximum, least);
    exponents.push_back(k.subF(score, k.select(isNone, k.constant(0.0f), states[r].maximum)));
  }
  SmallVector<Value> powers = k.exp2OfDifference(exponents);
  storeWeights(powers);
  for (int64_t r = 0; r < rows; ++r)
    states[r].sum = k.warpSum(powers[r]);
  k.warpBarrier();
  SmallVector<Value> results = sumValues(slot, keyHead, first, limits);
  // The next block's weights overwrite those that were read.
  k.warpBarrier();
  for (int64_t r = 0; r < rows; ++r)
    states[r].result.assign(results.begin() + r * getLaneFeatures(), results.begin() + (r + 1) * getLaneFeatures());
  return states;
}

FlashState mf::FlashRows::merge(const FlashState &state, const FlashState &block, Value isSeen) {
  Value maximum = k.maxF(state.maximum, block.maximum);
  Value isNone = k.compareF(arith::CmpFPredicate::OEQ, maximum, k.constant(minusInfinity));
  Value base = k.select(isNone, k.constant(0.0f), maximum);
  SmallVector<Value> factors = k.exp2OfDifference({k.subF(state.maximum, base), k.subF(block.maximum, base)});
  auto join = [&](Value x, Value y) { return k.select(isSeen, k.fma(x, factors[0], k.mulF(y, factors[1])), x); };
  FlashState merged{k.select(isSeen, maximum, state.maximum), join(state.sum, block.sum), {}};
  for (auto [x, y] : llvm::zip_equal(state.result, block.result))
    merged.result.push_back(join(x, y));
  return merged;
}
