// Features of queries and keys of linear attention: a warp per token, whose lanes take features in turn.
#include "LinearAttention.h"
#include <limits>

using namespace mlir;
using namespace mlir::mf;

void mf::GPULinearAttentionBuilder::forEachLaneFeature(int64_t size, function_ref<void(Value)> body) {
  k.loop(lane, k.index(size), k.index(kWarpThreads), body);
}

/// A row of W x, in the order of the elements of x.
Value mf::GPULinearAttentionBuilder::buildProjection(Value x, Value token, Value feature) {
  return k
      .loop(k.index(0), k.index(headSize), k.index(1), k.constant(0.0f),
            [&](Value i, ValueRange sum) {
              SmallVector<Value> place = {feature, i};
              if (attention.layout) {
                int64_t columns = attention.layout.getColumns();
                place = {k.div(feature, columns), i, k.rem(feature, columns)};
              }
              Value element = k.load(x, {token, headNumber, i}, 1);
              return SmallVector<Value>{k.fma(element, k.load(attention.projection, place, 1), sum.front())};
            })
      .front();
}

/// Features divided by the exponential of the largest logarithm. A lane reads what it has stored itself.
Value mf::GPULinearAttentionBuilder::buildExponentials(Value x, Value token, LoadFeature load, StoreFeature store) {
  FeatureBuilder features = featureBuilder();
  Value least = k.constant(-std::numeric_limits<float>::infinity());
  Value highest = k.loop(lane, k.index(rowSize), k.index(kWarpThreads), least, [&](Value feature, ValueRange highest) {
                     Value projected = buildProjection(x, token, feature);
                     Value logarithm = attention.map.buildFeatures(features, projected, {}, headSize).front();
                     store(feature, logarithm);
                     return SmallVector<Value>{k.maxF(logarithm, highest.front())};
                   }).front();
  highest = k.warpMax(highest);
  forEachLaneFeature(rowSize, [&](Value feature) { store(feature, exponential(k.subF(load(feature), highest))); });
  Value squares =
      k.loop(lane, k.index(headSize), k.index(kWarpThreads), k.constant(0.0f), [&](Value i, ValueRange sum) {
         Value element = k.load(x, {token, headNumber, i}, 1);
         return SmallVector<Value>{k.fma(element, element, sum.front())};
       }).front();
  return k.addF(highest, attention.map.buildShift(features, k.warpSum(squares), headSize));
}

/// Stores the features of the warp's token. Of exponential ones, the result is the logarithm that they were divided by.
Value mf::GPULinearAttentionBuilder::buildFeatures(Value x, Value token, Value position, LoadFeature load,
                                                   StoreFeature store) {
  FeatureMapAttrInterface map = attention.map;
  if (map.isExponential())
    return buildExponentials(x, token, load, store);
  FeatureBuilder features = featureBuilder();
  SmallVector<Value> tokenValues = map.buildTokenValues(features, position);
  forEachLaneFeature(rowSize, [&](Value feature) {
    Value element =
        map.hasProjection() ? buildProjection(x, token, feature) : k.load(x, {token, headNumber, feature}, 1);
    for (auto [block, value] : llvm::enumerate(map.buildFeatures(features, element, tokenValues, headSize)))
      store(k.add(feature, block * rowSize), value);
  });
  return {};
}
