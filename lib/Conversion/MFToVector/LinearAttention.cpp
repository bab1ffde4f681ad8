// Linear attention chunk by chunk: weights inside of a chunk, sums of the chunks before, both as small products of
// matrices whose results stay in registers.
#include "LinearAttention.h"

using namespace mlir;
using namespace mlir::mf;

static constexpr float minusInfinity = -std::numeric_limits<float>::infinity();

LinearAttentionBuilder::LinearAttentionBuilder(const LinearAttention &attention)
    : attention(attention), kb(attention.op, attention.strategy.getLanes()),
      headSize(cast<MemRefType>(attention.q.getType()).getDimSize(2)) {
  exp = [this](Value x) { return kb.exp(x); };
  const RecurrentState &state = attention.state;
  int64_t rows = attention.strategy.getRows(), lanes = kb.getLanes();
  rowSize = attention.map.hasProjection() ? state.features : headSize;
  queryFeatures = kb.stackBuffer({rows, state.features});
  weights = kb.stackBuffer({rows, state.chunk});
  sumFactors = kb.stackBuffer({rows});
  resultFactors = kb.stackBuffer({rows});
  if (!attention.map.hasProjection())
    return;
  int64_t width = llvm::alignTo(rowSize, lanes);
  projected = kb.stackBuffer({rows, width});
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t feature = rowSize; feature < width; ++feature)
      kb.store(kb.constant(minusInfinity), projected, {kb.index(row), kb.index(feature)});
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// sums[row, piece] += sum over k in [from, to), ascending, of a(row, k) * b(k, piece).
SmallVector<Value> LinearAttentionBuilder::accumulate(Value from, Value to, SmallVector<Value> sums, int64_t rows,
                                                      ArrayRef<Piece> pieces,
                                                      function_ref<Value(int64_t row, Value k)> a,
                                                      function_ref<Value(Value k, Piece piece)> b) {
  return kb.loop(from, to, 1, sums, [&](Value k, ValueRange sums) {
    SmallVector<Value> columns, next;
    for (Piece piece : pieces)
      columns.push_back(b(k, piece));
    for (int64_t row = 0; row < rows; ++row) {
      Value factor = a(row, k);
      for (auto [i, piece] : llvm::enumerate(pieces))
        next.push_back(kb.mulAdd(kb.broadcast(factor, piece.width), columns[i], sums[row * pieces.size() + i]));
    }
    return next;
  });
}

/// [0, size) in groups of as many columns as are summed in registers together; offsets of pieces are from `base` on.
void LinearAttentionBuilder::forEachColumns(int64_t size, function_ref<void(Value base, ArrayRef<Piece> pieces)> body) {
  int64_t step = attention.strategy.getColumns(), whole = size / step * step;
  if (whole > 0)
    kb.loop(kb.index(0), kb.index(whole), step, [&](Value base) { body(base, splitIntoPieces(step, kb.getLanes())); });
  if (size > whole)
    body(kb.index(whole), splitIntoPieces(size - whole, kb.getLanes()));
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

void LinearAttentionBuilder::buildQueries(const HeadState &state, Value head, Value token, Value count, Value column,
                                          Value position, Value isFirstChunk) {
  Value maximum = column ? loadMaximum(state, isFirstChunk) : Value();
  kb.loopInTiles(count, attention.strategy.getRows(), [&](Value first, int64_t rows) {
    buildTile(state, head, kb.addIndex(token, first), rows, column ? kb.addIndex(column, first) : Value(),
              kb.addIndex(position, first), maximum);
  });
}

void LinearAttentionBuilder::buildTile(const HeadState &state, Value head, Value token, int64_t rows, Value column,
                                       Value position, Value maximum) {
  // A query's own factor cancels in the ratio.
  buildFeatures(attention.q, head, token, position, rows,
                [&](int64_t row, Value feature, Value value) {
                  kb.store(value, queryFeatures, {kb.index(row), feature});
                },
                {});
  if (column)
    buildChunkProducts(state, rows, column);
  for (int64_t row = 0; row < rows; ++row)
    buildWeights(state, row, column, maximum);
  buildResults(state, head, token, rows, column);
}

/// weights[row, j] = phi(q) . phi(k_j) for the columns j of the chunk that any of the rows sees, and for some behind.
void LinearAttentionBuilder::buildChunkProducts(const HeadState &state, int64_t rows, Value column) {
  Value end = kb.addIndex(column, rows);
  forEachColumns(attention.state.chunk, [&](Value base, ArrayRef<Piece> pieces) {
    Value sees = arith::CmpIOp::create(kb.builder(), attention.op->getLoc(), arith::CmpIPredicate::slt, base, end);
    kb.ifThen(sees, [&] {
      SmallVector<Value> sums;
      for (int64_t row = 0; row < rows; ++row)
        for (Piece piece : pieces)
          sums.push_back(kb.constant(0.0f, piece.width));
      sums = accumulate(
          kb.index(0), kb.index(attention.state.features), sums, rows, pieces,
          [&](int64_t row, Value k) {
            return kb.load(queryFeatures, {kb.index(row), k}, 1);
          },
          [&](Value k, Piece piece) {
            return kb.load(state.keys, {k, kb.addIndex(base, piece.offset)}, piece.width);
          });
      for (int64_t row = 0; row < rows; ++row)
        for (auto [i, piece] : llvm::enumerate(pieces))
          kb.store(sums[row * pieces.size() + i], weights, {kb.index(row), kb.addIndex(base, piece.offset)});
    });
  });
}

/// phi(q) . z.
Value LinearAttentionBuilder::buildTotal(const HeadState &state, int64_t row) {
  int64_t features = attention.state.features, lanes = kb.getLanes(), whole = features / lanes * lanes;
  auto load = [&](Value at, int64_t width, Value &query, Value &total) {
    query = kb.load(queryFeatures, {kb.index(row), at}, width);
    total = kb.load(state.totals, at, width);
  };
  Value sum = kb.constant(0.0f), query, total;
  if (whole > 0) {
    SmallVector<Value> sums = kb.loop(kb.index(0), kb.index(whole), lanes, kb.constant(0.0f, lanes),
                                      [&](Value at, ValueRange sums) -> SmallVector<Value> {
                                        load(at, lanes, query, total);
                                        return {kb.mulAdd(query, total, sums.front())};
                                      });
    sum = kb.treeSum(sums.front());
  }
  for (Piece piece : splitIntoPieces(features - whole, lanes)) {
    load(kb.index(whole + piece.offset), piece.width, query, total);
    sum = kb.add(sum, kb.treeSum(kb.mul(query, total)));
  }
  return sum;
}

/// Turns a row's products into weights: 0 behind its own key, and of exponential features all relative to one maximum.
/// Stores the factors of the sums and of the result.
void LinearAttentionBuilder::buildWeights(const HeadState &state, int64_t row, Value column, Value maximum) {
  SmallVector<Piece> pieces;
  Value limit;
  if (column) {
    pieces = splitIntoPieces(attention.state.chunk, kb.getLanes());
    limit = kb.addIndex(column, row + 1);
  }
  auto sees = [&](Piece piece) { return kb.isBelow(piece.offset, limit, piece.width); };
  Value shift;
  if (state.maxima && column) {
    Value highest = maximum;
    for (Piece piece : pieces) {
      Value logarithms = kb.load(state.maxima, kb.index(piece.offset), piece.width);
      logarithms = kb.select(sees(piece), logarithms, kb.constant(minusInfinity, piece.width));
      highest = kb.max(kb.treeMax(logarithms), highest);
    }
    shift = buildShiftOf(highest);
  }
  Value total = buildTotal(state, row);
  if (shift) {
    Value factor = kb.exp(kb.sub(maximum, shift));
    kb.store(factor, sumFactors, kb.index(row));
    total = kb.mul(total, factor);
  }
  for (Piece piece : pieces) {
    Value weight = kb.load(weights, {kb.index(row), kb.index(piece.offset)}, piece.width);
    if (shift) {
      Value logarithms = kb.load(state.maxima, kb.index(piece.offset), piece.width);
      weight = kb.mul(weight, kb.exp(kb.sub(logarithms, kb.broadcast(shift, piece.width))));
    }
    weight = kb.select(sees(piece), weight, kb.constant(0.0f, piece.width));
    kb.store(weight, weights, {kb.index(row), kb.index(piece.offset)});
    total = kb.add(total, kb.treeSum(weight));
  }
  FeatureBuilder features = featureBuilder();
  Value denominator = attention.map.buildDenominator(features, total);
  Value isNone = kb.compare(arith::CmpFPredicate::OEQ, denominator, kb.constant(0.0f));
  Value factor = kb.select(isNone, kb.constant(0.0f), kb.div(kb.constant(1.0f), denominator));
  kb.store(factor, resultFactors, kb.index(row));
}

void LinearAttentionBuilder::buildResultColumns(const HeadState &state, Value head, Value token, int64_t rows,
                                                Value column, Value base, ArrayRef<Piece> pieces) {
  SmallVector<Value> sums;
  for (int64_t row = 0; row < rows; ++row)
    for (Piece piece : pieces)
      sums.push_back(kb.constant(0.0f, piece.width));
  auto scale = [&](Value factors) {
    for (int64_t row = 0; row < rows; ++row) {
      Value factor = kb.load(factors, kb.index(row), 1);
      for (auto [i, piece] : llvm::enumerate(pieces)) {
        Value &sum = sums[row * pieces.size() + i];
        sum = kb.mul(sum, kb.broadcast(factor, piece.width));
      }
    }
  };
  sums = accumulate(
      kb.index(0), kb.index(attention.state.features), sums, rows, pieces,
      [&](int64_t row, Value k) {
        return kb.load(queryFeatures, {kb.index(row), k}, 1);
      },
      [&](Value k, Piece piece) {
        return kb.load(state.sums, {k, kb.addIndex(base, piece.offset)}, piece.width);
      });
  if (column) {
    if (state.maxima)
      scale(sumFactors);
    auto loadValue = [&](Value j, Piece piece) {
      return kb.load(state.values, {j, kb.addIndex(base, piece.offset)}, piece.width);
    };
    auto loadWeight = [&](int64_t row, Value j) { return kb.load(weights, {kb.index(row), j}, 1); };
    // All rows see the first row's key; each further key is seen by one row less.
    sums = accumulate(kb.index(0), kb.addIndex(column, 1), sums, rows, pieces, loadWeight, loadValue);
    for (int64_t behind = 1; behind < rows; ++behind) {
      Value j = kb.addIndex(column, behind);
      for (auto [i, piece] : llvm::enumerate(pieces)) {
        Value value = loadValue(j, piece);
        for (int64_t row = behind; row < rows; ++row) {
          Value &sum = sums[row * pieces.size() + i];
          sum = kb.mulAdd(kb.broadcast(loadWeight(row, j), piece.width), value, sum);
        }
      }
    }
  }
  scale(resultFactors);
  for (int64_t row = 0; row < rows; ++row)
    for (auto [i, piece] : llvm::enumerate(pieces))
      kb.store(sums[row * pieces.size() + i], attention.init,
               {kb.addIndex(token, row), head, kb.addIndex(base, piece.offset)});
}

void LinearAttentionBuilder::buildResults(const HeadState &state, Value head, Value token, int64_t rows, Value column) {
  forEachColumns(attention.state.valueSize, [&](Value base, ArrayRef<Piece> pieces) {
    buildResultColumns(state, head, token, rows, column, base, pieces);
  });
}
