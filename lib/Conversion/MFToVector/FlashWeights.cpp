// Weights of attention: powers of two of scores, less their running maximum.
#include "FlashKernel.h"
#include "mf/Codegen/CPU/PairDot.h"

using namespace mlir;
using namespace mlir::mf;

static constexpr float minusInfinity = -std::numeric_limits<float>::infinity();

/// Vectors of a query's scores that are in hand at the same time, so that their chains of operations overlap.
static int64_t getStepVectors(int64_t rowVectors) { return std::min<int64_t>(4, rowVectors & -rowVectors); }

/// Scores of row `row` of the group from `key` on; those from `count` on, where it is given, are -inf.
SmallVector<Value> FlashKernel::loadScores(int64_t row, Value key, Value count) {
  int64_t lanes = kb.getLanes();
  SmallVector<Value> loaded;
  for (int64_t i = 0; i < getStepVectors(blockKeys / lanes); ++i) {
    Value score = kb.load(scores, {kb.index(row), kb.addIndex(key, i * lanes)}, lanes);
    if (count)
      score =
          kb.select(kb.isBelow(i * lanes, kb.subIndex(count, key), lanes), score, kb.constant(minusInfinity, lanes));
    loaded.push_back(score);
  }
  return loaded;
}

/// The greatest of the scores [0, end) of a row, where `end` is rounded up to steps.
Value FlashKernel::findMaximum(int64_t row, Value count, Value end) {
  int64_t lanes = kb.getLanes(), stepVectors = getStepVectors(blockKeys / lanes);
  SmallVector<Value> lowest(stepVectors, kb.constant(minusInfinity, lanes));
  SmallVector<Value> maxima = kb.loop(kb.index(0), end, stepVectors * lanes, lowest, [&](Value key, ValueRange maxima) {
    SmallVector<Value> next = loadScores(row, key, count);
    for (auto [value, before] : llvm::zip(next, maxima))
      value = kb.max(value, before);
    return next;
  });
  Value highest = maxima.front();
  for (Value other : ArrayRef(maxima).drop_front())
    highest = kb.max(highest, other);
  return kb.treeMax(highest);
}

/// Stores the weights of the keys [0, end) of a row. Returns `sum` and all of them, by lane.
Value FlashKernel::storeWeights(int64_t row, Value count, Value end, Value shift, Value sum) {
  int64_t lanes = kb.getLanes();
  Value shifts = kb.broadcast(shift, lanes);
  auto weigh = [&](Value key, ValueRange sums) -> SmallVector<Value> {
    SmallVector<Value> differences = loadScores(row, key, count);
    for (Value &difference : differences)
      difference = kb.sub(difference, shifts);
    Value total = sums.front();
    bool isRounded = weights != scores;
    for (auto [i, weight] : llvm::enumerate(exp2(differences, /*forBF16=*/isRounded))) {
      kb.store(isRounded ? PairDot(kb).round(weight) : weight, weights, {kb.index(row), kb.addIndex(key, i * lanes)});
      total = kb.add(total, weight);
    }
    return {total};
  };
  return kb.loop(kb.index(0), end, getStepVectors(blockKeys / lanes) * lanes, sum, weigh).front();
}

/// Turns the scores of the group into weights 2^(score - m), with the new maxima m, and takes them into the sums.
/// Returns the factors that what was summed before is scaled by.
SmallVector<Value> FlashKernel::buildWeights(const FlashGroup &group, bool isWhole) {
  int64_t lanes = kb.getLanes();
  Value end = isWhole ? kb.index(blockKeys) : group.most;
  auto getCount = [&](int64_t row) { return isWhole ? Value() : group.counts[row]; };
  SmallVector<Value> shifts, differences;
  for (int64_t i = 0; i < group.rows; ++i) {
    Value row = kb.addIndex(group.first, i);
    Value before = kb.load(part.maxima, row, 1), maximum = kb.max(findMaximum(i, getCount(i), end), before);
    kb.store(maximum, part.maxima, row);
    shifts.push_back(getShift(maximum));
    differences.push_back(kb.sub(before, shifts.back()));
  }
  SmallVector<Value> rescales = exp2(differences);
  for (int64_t i = 0; i < group.rows; ++i) {
    Value row = kb.addIndex(group.first, i);
    Value sum = kb.mul(kb.load(part.sums, {row, kb.index(0)}, lanes), kb.broadcast(rescales[i], lanes));
    kb.store(storeWeights(i, getCount(i), end, shifts[i], sum), part.sums, {row, kb.index(0)});
  }
  return rescales;
}
