// The state of linear attention on a GPU: keys and values of the chunk that has begun, and the sums that whole chunks
// join.
#include "LinearAttention.h"
#include <limits>

using namespace mlir;
using namespace mlir::mf;

static constexpr float minusInfinity = -std::numeric_limits<float>::infinity();

SmallVector<Value> mf::GPULinearAttentionBuilder::at(int64_t part, Value element) {
  SmallVector<Value> place = head.indices;
  Value offset = k.add(element, part);
  place.push_back(head.begin ? k.add(head.begin, offset) : offset);
  return place;
}

void mf::GPULinearAttentionBuilder::clearState() {
  auto clear = [&](int64_t part, int64_t size) {
    k.loop(thread, k.index(size), k.index(threads), [&](Value i) { store(k.constant(0.0f), part, i); });
  };
  clear(state.getSums(), state.features * state.valueSize);
  clear(state.getTotals(), state.features);
  k.barrier();
}

//===----------------------------------------------------------------------===//
// Maxima of exponential features
//===----------------------------------------------------------------------===//

/// What the sums were divided by: -inf while there are none.
Value mf::GPULinearAttentionBuilder::loadMaximum(Value isFirstChunk) {
  if (!state.isExponential)
    return {};
  return k.select(isFirstChunk, k.constant(minusInfinity), load(state.getMaximum(), k.index(0)));
}

/// What logarithms are reduced by: -inf - (-inf) would be NaN.
Value mf::GPULinearAttentionBuilder::buildShiftOf(Value maximum) {
  Value isNone = k.compareF(arith::CmpFPredicate::OEQ, maximum, k.constant(minusInfinity));
  return k.select(isNone, k.constant(0.0f), maximum);
}

/// The largest of `maximum` and the columns below `end`, of a warp.
Value mf::GPULinearAttentionBuilder::buildHighest(Value maximum, Value end) {
  Value own = k.loop(lane, end, k.index(kWarpThreads), k.constant(minusInfinity), [&](Value j, ValueRange highest) {
                 return SmallVector<Value>{k.maxF(load(state.getMaxima(), j), highest.front())};
               }).front();
  return k.maxF(k.warpMax(own), maximum);
}

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

void mf::GPULinearAttentionBuilder::appendKeys(Value token, Value count, Value column, Value position) {
  k.loop(warp, count, k.index(warps), [&](Value i) {
    Value own = k.add(token, i), key = k.add(column, i), first = k.mul(key, state.features);
    Value logarithm = buildFeatures(
        attention.k, own, k.add(position, i),
        [&](Value feature) { return load(state.getKeys(), k.add(first, feature)); },
        [&](Value feature, Value value) { store(value, state.getKeys(), k.add(first, feature)); });
    if (logarithm)
      k.ifThen(k.isEqual(lane, k.index(0)), [&] { store(logarithm, state.getMaxima(), key); });
    forEachLaneFeature(state.valueSize, [&](Value feature) {
      Value value = k.load(attention.v, {own, headNumber, feature}, 1);
      store(value, state.getValues(), k.add(k.mul(key, state.valueSize), feature));
    });
  });
  k.barrier();
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// The factors of the chunk's keys to `weights`, the maximum that they have in common to the state; the factor of the
/// sums.
Value mf::GPULinearAttentionBuilder::buildChunkFactors(Value count, Value isFirstChunk) {
  Value maximum = loadMaximum(isFirstChunk), highest = buildHighest(maximum, count), shift = buildShiftOf(highest);
  // All have read the maximum before it changes.
  k.barrier();
  k.ifThen(k.isEqual(thread, k.index(0)), [&] { store(highest, state.getMaximum(), k.index(0)); });
  k.loop(thread, count, k.index(threads), [&](Value j) {
    k.store(exponential(k.subF(load(state.getMaxima(), j), shift)), weights, {k.index(0), j});
  });
  k.barrier();
  return exponential(k.subF(maximum, shift));
}

/// A thread has a column of the values and `width` features at a time; keys are added in ascending order.
void mf::GPULinearAttentionBuilder::addToSums(Value count, Value scale) {
  int64_t lanes = getLanes(state.valueSize), slices = getSlices(state.valueSize);
  Value slice = k.div(thread, lanes);
  k.loop(k.mul(slice, width), k.index(state.features), k.index(slices * width), [&](Value feature) {
    k.loop(k.rem(thread, lanes), k.index(state.valueSize), k.index(lanes), [&](Value column) {
      auto place = [&](int64_t i) { return k.add(k.mul(k.add(feature, i), state.valueSize), column); };
      SmallVector<Value> sums;
      for (int64_t i = 0; i < width; ++i) {
        sums.push_back(load(state.getSums(), place(i)));
        if (scale)
          sums.back() = k.mulF(sums.back(), scale);
      }
      sums = k.loop(k.index(0), count, k.index(1), sums, [&](Value j, ValueRange sums) {
        SmallVector<Value> next;
        Value value = load(state.getValues(), k.add(k.mul(j, state.valueSize), column));
        if (scale)
          value = k.mulF(value, k.load(weights, {k.index(0), j}, 1));
        Value keys = load(state.getKeys(), k.add(k.mul(j, state.features), feature), width);
        for (auto [key, sum] : llvm::zip_equal(k.elements(keys, width), sums))
          next.push_back(k.fma(key, value, sum));
        return next;
      });
      for (auto [i, sum] : llvm::enumerate(sums))
        store(sum, state.getSums(), place(i));
    });
  });
}

void mf::GPULinearAttentionBuilder::addToTotals(Value count, Value scale) {
  k.loop(thread, k.index(state.features), k.index(threads), [&](Value feature) {
    Value total = load(state.getTotals(), feature);
    if (scale)
      total = k.mulF(total, scale);
    total = k.loop(k.index(0), count, k.index(1), total, [&](Value j, ValueRange total) {
               Value key = load(state.getKeys(), k.add(k.mul(j, state.features), feature));
               if (scale)
                 key = k.mulF(key, k.load(weights, {k.index(0), j}, 1));
               return SmallVector<Value>{k.addF(total.front(), key)};
             }).front();
    store(total, state.getTotals(), feature);
  });
}

void mf::GPULinearAttentionBuilder::addChunk(Value count, Value isFirstChunk) {
  Value scale = state.isExponential ? buildChunkFactors(count, isFirstChunk) : Value();
  addToSums(count, scale);
  addToTotals(count, scale);
  k.barrier();
}
