// Queries of linear attention: their weights in the chunk, and their products with the sums of the chunks before.
#include "LinearAttention.h"
#include "mf/Codegen/CPU/VectorMath.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

mf::GPULinearAttentionBuilder::GPULinearAttentionBuilder(const GPULinearAttention &attention, const GPUHeadState &head,
                                                         Value headNumber, GPUKernelBuilder &k)
    : attention(attention), head(head), headNumber(headNumber), k(k), state(attention.state),
      headSize(cast<MemRefType>(attention.q.getType()).getDimSize(2)), warps(attention.strategy.getWarps()) {
  exp = [this](Value x) { return exponential(x); };
  threads = warps * kWarpThreads;
  rowSize = attention.map.hasProjection() ? state.features : headSize;
  // The state's size is a multiple of 16 elements, its first two parts are those of whole features.
  width = state.features % 4 == 0 ? 4 : state.features % 2 == 0 ? 2 : 1;
  int64_t rows = attention.strategy.getRows(), begin = 0;
  Type f32 = k.builder().getF32Type();
  auto place = [&](int64_t columns) {
    Value memory = k.workgroupMemory({rows, columns}, f32, begin);
    begin += rows * columns * 4;
    return memory;
  };
  queries = place(state.features);
  parts = place(threads);
  weights = place(state.chunk);
  sumFactors = place(1);
  resultFactors = place(1);
  thread = k.thread();
  warp = k.div(thread, kWarpThreads);
  lane = k.rem(thread, kWarpThreads);
}

Value mf::GPULinearAttentionBuilder::exponential(Value x) {
  return buildExp(k.builder(), k.builder().getLoc(), x, /*fma=*/true);
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Threads that take adjacent columns, and slices of the rows of a matrix with so many columns.
int64_t mf::GPULinearAttentionBuilder::getLanes(int64_t columns) const {
  return std::min<int64_t>(llvm::bit_ceil<uint64_t>(columns), llvm::bit_floor<uint64_t>(threads));
}
int64_t mf::GPULinearAttentionBuilder::getSlices(int64_t columns) const { return threads / getLanes(columns); }

/// For `rows` queries and the columns below `end` of a matrix of `columns`: finish(row, column, total) for the sum over
/// all slices of what sum(slice, column) gives for each row.
void mf::GPULinearAttentionBuilder::buildProducts(int64_t rows, int64_t columns, Value end,
                                                  function_ref<SmallVector<Value>(Value slice, Value column)> sum,
                                                  function_ref<void(Value row, Value column, Value total)> finish) {
  int64_t lanes = getLanes(columns), slices = getSlices(columns);
  Value slice = k.div(thread, lanes), place = k.rem(thread, lanes);
  k.loop(k.index(0), end, k.index(lanes), [&](Value base) {
    k.ifThen(k.isBelow(slice, k.index(slices)), [&] {
      Value column = k.min(k.add(base, place), k.sub(end, k.index(1)));
      for (auto [row, part] : llvm::enumerate(sum(slice, column)))
        k.store(part, parts, {k.index(row), thread});
    });
    k.barrier();
    k.loop(thread, k.index(rows * lanes), k.index(threads), [&](Value i) {
      Value row = k.div(i, lanes), inside = k.rem(i, lanes), column = k.add(base, inside);
      Value total = k.load(parts, {row, inside}, 1);
      for (int64_t s = 1; s < slices; ++s)
        total = k.addF(total, k.load(parts, {row, k.add(inside, s * lanes)}, 1));
      k.ifThen(k.isBelow(column, end), [&] { finish(row, column, total); });
    });
    // The next columns overwrite the slices that were read.
    k.barrier();
  });
}

/// A slice of the products of the queries' features with load(feature, count), `count` adjacent ones of a column.
SmallVector<Value>
mf::GPULinearAttentionBuilder::sumFeatures(int64_t rows, Value slice, int64_t slices,
                                           function_ref<SmallVector<Value>(Value feature, int64_t count)> loadColumn) {
  int64_t size = llvm::alignTo(llvm::divideCeil(state.features, slices), width);
  Value first = k.mul(slice, size), end = k.min(k.add(first, size), k.index(state.features));
  SmallVector<Value> zeros(rows, k.constant(0.0f));
  return k.loop(first, end, k.index(width), zeros, [&](Value feature, ValueRange sums) {
    SmallVector<Value> next(sums), column = loadColumn(feature, width);
    for (int64_t row = 0; row < rows; ++row) {
      SmallVector<Value> query = k.elements(k.load(queries, {k.index(row), feature}, width), width);
      for (auto [x, y] : llvm::zip_equal(query, column))
        next[row] = k.fma(x, y, next[row]);
    }
    return next;
  });
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

void mf::GPULinearAttentionBuilder::buildQueries(Value token, Value count, Value column, Value position,
                                                 Value isFirstChunk) {
  Value maximum = column ? loadMaximum(isFirstChunk) : Value();
  int64_t rows = attention.strategy.getRows();
  auto build = [&](int64_t rows, Value first, Value count) {
    buildTile(
        {rows, k.add(token, first), count, column ? k.add(column, first) : Value(), k.add(position, first), maximum});
  };
  if (rows == 1)
    return k.loop(k.index(0), count, k.index(1), [&](Value first) { build(1, first, k.index(1)); });
  Value isOne = k.isEqual(count, k.index(1));
  k.choose(
      isOne,
      [&] {
        build(1, k.index(0), count);
        return SmallVector<Value>();
      },
      [&] {
        k.loop(k.index(0), count, k.index(rows),
               [&](Value first) { build(rows, first, k.min(k.sub(count, first), k.index(rows))); });
        return SmallVector<Value>();
      });
}

void mf::GPULinearAttentionBuilder::buildTile(const Tile &tile) {
  auto forEachRow = [&](function_ref<void(Value)> body) {
    k.loop(warp, k.index(tile.rows), k.index(warps), body);
    k.barrier();
  };
  // A query's own factor cancels in the ratio.
  forEachRow([&](Value row) {
    Value present = tile.getRow(k, row);
    buildFeatures(
        attention.q, k.add(tile.token, present), k.add(tile.position, present),
        [&](Value feature) {
          return k.load(queries, {row, feature}, 1);
        },
        [&](Value feature, Value value) {
          k.store(value, queries, {row, feature});
        });
  });
  if (tile.column)
    buildChunkProducts(tile);
  forEachRow([&](Value row) { buildWeights(tile, row); });
  buildResults(tile);
}

/// weights[row, j] = phi(q) . phi(k_j) for the columns j that any row sees.
void mf::GPULinearAttentionBuilder::buildChunkProducts(const Tile &tile) {
  int64_t slices = getSlices(state.chunk);
  buildProducts(
      tile.rows, state.chunk, tile.getEnd(k),
      [&](Value slice, Value column) {
        return sumFeatures(tile.rows, slice, slices, [&](Value feature, int64_t count) {
          return k.elements(load(state.getKeys(), k.add(k.mul(column, state.features), feature), count), count);
        });
      },
      [&](Value row, Value column, Value total) {
        k.store(total, weights, {row, column});
      });
}

/// Of a warp: turns a row's products into weights, 0 behind its own key, and of exponential features all relative to
/// one maximum. Stores the factors of the sums and of the result.
void mf::GPULinearAttentionBuilder::buildWeights(const Tile &tile, Value row) {
  Value zero = k.constant(0.0f), shift;
  Value own = tile.column ? k.add(k.add(tile.column, tile.getRow(k, row)), 1) : Value();
  if (state.isExponential && tile.column)
    shift = buildShiftOf(buildHighest(tile.maximum, own));
  Value sum = k.loop(lane, k.index(state.features), k.index(kWarpThreads), zero, [&](Value feature, ValueRange sums) {
                 Value query = k.load(queries, {row, feature}, 1);
                 return SmallVector<Value>{k.fma(query, load(state.getTotals(), feature), sums.front())};
               }).front();
  Value total = k.warpSum(sum), sumFactor;
  if (shift) {
    sumFactor = exponential(k.subF(tile.maximum, shift));
    total = k.mulF(total, sumFactor);
  }
  if (tile.column) {
    Value inside = k.loop(lane, tile.getEnd(k), k.index(kWarpThreads), zero, [&](Value j, ValueRange sums) {
                      Value weight = k.load(weights, {row, j}, 1);
                      if (shift)
                        weight = k.mulF(weight, exponential(k.subF(load(state.getMaxima(), j), shift)));
                      weight = k.select(k.isBelow(j, own), weight, zero);
                      k.store(weight, weights, {row, j});
                      return SmallVector<Value>{k.addF(sums.front(), weight)};
                    }).front();
    total = k.addF(total, k.warpSum(inside));
  }
  FeatureBuilder features = featureBuilder();
  Value denominator = attention.map.buildDenominator(features, total);
  Value isNone = k.compareF(arith::CmpFPredicate::OEQ, denominator, zero);
  Value factor = k.select(isNone, zero, k.divF(k.constant(1.0f), denominator));
  k.ifThen(k.isEqual(lane, k.index(0)), [&] {
    if (sumFactor)
      k.store(sumFactor, sumFactors, {row, k.index(0)});
    k.store(factor, resultFactors, {row, k.index(0)});
  });
}

/// A slice of the features, then of the keys of the chunk, of each row. What keys behind a row's own hold, be it no
/// number, must not be seen in its result: their products are left out, not multiplied by 0.
SmallVector<Value> mf::GPULinearAttentionBuilder::sumResults(const Tile &tile, Value slice, Value column) {
  int64_t slices = getSlices(state.valueSize);
  SmallVector<Value> sums = sumFeatures(tile.rows, slice, slices, [&](Value feature, int64_t count) {
    SmallVector<Value> elements;
    for (int64_t i = 0; i < count; ++i)
      elements.push_back(load(state.getSums(), k.add(k.mul(k.add(feature, i), state.valueSize), column)));
    return elements;
  });
  if (!tile.column)
    return sums;
  if (state.isExponential)
    for (auto [row, sum] : llvm::enumerate(sums))
      sum = k.mulF(sum, k.load(sumFactors, {k.index(row), k.index(0)}, 1));
  int64_t size = llvm::divideCeil(state.chunk, slices);
  Value first = k.mul(slice, size), end = k.min(k.add(first, size), tile.getEnd(k));
  return k.loop(first, end, k.index(1), sums, [&](Value j, ValueRange sums) {
    SmallVector<Value> next(sums);
    Value value = load(state.getValues(), k.add(k.mul(j, state.valueSize), column));
    for (int64_t row = 0; row < tile.rows; ++row) {
      Value added = k.fma(k.load(weights, {k.index(row), j}, 1), value, next[row]);
      Value isSeen = k.isBelow(j, k.add(tile.column, row + 1));
      next[row] = tile.rows == 1 ? added : k.select(isSeen, added, next[row]);
    }
    return next;
  });
}

void mf::GPULinearAttentionBuilder::buildResults(const Tile &tile) {
  buildProducts(
      tile.rows, state.valueSize, k.index(state.valueSize),
      [&](Value slice, Value column) { return sumResults(tile, slice, column); },
      [&](Value row, Value column, Value total) {
        k.ifThen(k.isBelow(row, tile.count), [&] {
          Value result = k.mulF(total, k.load(resultFactors, {row, k.index(0)}, 1));
          k.store(result, attention.init, {k.add(tile.token, row), headNumber, column});
        });
      });
}
