// Weights of attention: powers of two of scores, less their running maximum.
#include "FlashKernel.h"

using namespace mlir;
using namespace mlir::mf;

/// Turns the scores of the group into weights 2^(score - m), with the new maxima m, and takes them into the sums.
/// Returns the factors that what was summed before is scaled by.
SmallVector<Value> FlashKernel::buildWeights(const FlashGroup &group, bool isWhole) {
  SmallVector<Value> rescales;
  for (int64_t i = 0; i < group.rows; ++i) {
    Value count = isWhole ? Value() : group.counts[i];
    Value end = isWhole ? kb.index(blockKeys) : group.most;
    rescales.push_back(buildWeights(kb.addIndex(group.first, i), i, count, end));
  }
  return rescales;
}

/// The scores [0, end), rounded up to steps, of one query; those from `count` on, where it is given, have weight 0.
Value FlashKernel::buildWeights(Value row, int64_t scoreRow, Value count, Value end) {
  constexpr float minusInfinity = -std::numeric_limits<float>::infinity();
  int64_t lanes = kb.getLanes(), rowVectors = blockKeys / lanes;
  // Chains of operations that overlap.
  int64_t stepVectors = std::min<int64_t>(4, rowVectors & -rowVectors);
  auto loadScores = [&](Value key) {
    SmallVector<Value> loaded;
    for (int64_t i = 0; i < stepVectors; ++i) {
      Value score = kb.load(scores, {kb.index(scoreRow), kb.addIndex(key, i * lanes)}, lanes);
      if (count)
        score = kb.select(kb.isBelow(i * lanes, kb.subIndex(count, key), lanes), score,
                          kb.constant(minusInfinity, lanes));
      loaded.push_back(score);
    }
    return loaded;
  };
  SmallVector<Value> lowest(stepVectors, kb.constant(minusInfinity, lanes));
  SmallVector<Value> maxima =
      kb.loop(kb.index(0), end, stepVectors * lanes, lowest, [&](Value key, ValueRange maxima) {
        SmallVector<Value> next = loadScores(key);
        for (auto [value, before] : llvm::zip(next, maxima))
          value = kb.max(value, before);
        return next;
      });
  Value highest = maxima.front();
  for (Value other : ArrayRef(maxima).drop_front())
    highest = kb.max(highest, other);
  Value before = kb.load(part.maxima, row, 1), maximum = kb.max(kb.treeMax(highest), before);
  kb.store(maximum, part.maxima, row);
  Value shift = getShift(maximum), rescale = exp2(kb.sub(before, shift)).front();
  Value shifts = kb.broadcast(shift, lanes);
  Value sum = kb.mul(kb.load(part.sums, {row, kb.index(0)}, lanes), kb.broadcast(rescale, lanes));
  sum = kb.loop(kb.index(0), end, stepVectors * lanes, sum, [&](Value key, ValueRange sums) -> SmallVector<Value> {
              SmallVector<Value> differences = loadScores(key);
              for (Value &difference : differences)
                difference = kb.sub(difference, shifts);
              Value total = sums.front();
              for (auto [i, weight] : llvm::enumerate(exp2(differences))) {
                kb.store(weight, scores, {kb.index(scoreRow), kb.addIndex(key, i * lanes)});
                total = kb.add(total, weight);
              }
              return {total};
            }).front();
  kb.store(sum, part.sums, {row, kb.index(0)});
  return rescale;
}
