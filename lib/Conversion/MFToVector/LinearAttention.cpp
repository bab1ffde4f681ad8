// Linear attention chunk by chunk: weights inside of a chunk, sums of the chunks before, both as small products of
// matrices whose results stay in registers.
#include "LinearAttention.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

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
// State
//===----------------------------------------------------------------------===//

/// Row-major elements of the vector at `indices` from `offset` on.
Value LinearAttentionBuilder::viewMatrix(Value memref, ValueRange indices, int64_t offset, ArrayRef<int64_t> shape) {
  OpBuilder &b = kb.builder();
  Location loc = attention.op->getLoc();
  auto metadata = memref::ExtractStridedMetadataOp::create(b, loc, memref);
  Value start = kb.addIndex(metadata.getOffset(), offset);
  for (auto [index, stride] : llvm::zip(indices, metadata.getStrides()))
    start = kb.addIndex(start, b.createOrFold<arith::MulIOp>(loc, index, stride));
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t dim = static_cast<int64_t>(shape.size()) - 2; dim >= 0; --dim)
    strides[dim] = strides[dim + 1] * shape[dim + 1];
  auto layout = StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, strides);
  auto type = MemRefType::get(shape, b.getF32Type(), layout);
  return memref::ReinterpretCastOp::create(b, loc, type, metadata.getBaseBuffer(), start,
                                           getAsIndexOpFoldResult(b.getContext(), shape),
                                           getAsIndexOpFoldResult(b.getContext(), strides));
}

HeadState LinearAttentionBuilder::viewState(Value memref, ValueRange indices) {
  const RecurrentState &state = attention.state;
  auto view = [&](int64_t offset, ArrayRef<int64_t> shape) { return viewMatrix(memref, indices, offset, shape); };
  HeadState head;
  head.sums = view(state.getSums(), {state.features, state.valueSize});
  head.keys = view(state.getKeys(), {state.features, state.chunk});
  head.values = view(state.getValues(), {state.chunk, state.valueSize});
  head.totals = view(state.getTotals(), {state.features});
  if (!state.isExponential)
    return head;
  head.maxima = view(state.getMaxima(), {state.chunk});
  head.maximum = view(state.getMaximum(), {1});
  return head;
}

void LinearAttentionBuilder::clearState(const HeadState &state) {
  kb.loopOver(kb.index(attention.state.features), [&](Value feature) {
    kb.forEachPiece(attention.state.valueSize, [&](Value offset, int64_t width) {
      kb.store(kb.constant(0.0f, width), state.sums, {feature, offset});
    });
    kb.store(kb.constant(0.0f), state.totals, feature);
  });
}

/// What the sums were divided by: -inf while there are none.
Value LinearAttentionBuilder::loadMaximum(const HeadState &state, Value isFirstChunk) {
  if (!state.maximum)
    return {};
  return kb.select(isFirstChunk, kb.constant(minusInfinity), kb.load(state.maximum, kb.index(0), 1));
}

/// What logarithms are reduced by: -inf - (-inf) would be NaN.
Value LinearAttentionBuilder::buildShiftOf(Value maximum) {
  Value isNone = kb.compare(arith::CmpFPredicate::OEQ, maximum, kb.constant(minusInfinity));
  return kb.select(isNone, kb.constant(0.0f), maximum);
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
// Keys
//===----------------------------------------------------------------------===//

void LinearAttentionBuilder::appendKeys(const HeadState &state, Value head, Value token, Value count, Value column,
                                        Value position) {
  int64_t rows = attention.strategy.getRows();
  auto append = [&](Value first, int64_t size) {
    Value firstColumn = kb.addIndex(column, first);
    SmallVector<Value> maxima(state.maxima ? size : 0);
    auto store = [&](int64_t row, Value feature, Value value) {
      auto type = dyn_cast<VectorType>(value.getType());
      for (int64_t lane = 0, e = type ? type.getNumElements() : 1; lane < e; ++lane) {
        Value element = type ? vector::ExtractOp::create(kb.builder(), attention.op->getLoc(), value, lane) : value;
        kb.store(element, state.keys, {kb.addIndex(feature, lane), kb.addIndex(firstColumn, row)});
      }
    };
    buildFeatures(attention.k, head, kb.addIndex(token, first), kb.addIndex(position, first), size, store, maxima);
    for (int64_t row = 0; row < size; ++row) {
      Value rowColumn = kb.addIndex(firstColumn, row);
      if (state.maxima)
        kb.store(maxima[row], state.maxima, rowColumn);
      Value rowToken = kb.addIndex(kb.addIndex(token, first), row);
      kb.forEachPiece(attention.state.valueSize, [&](Value offset, int64_t width) {
        kb.store(kb.load(attention.v, {rowToken, head, offset}, width), state.values, {rowColumn, offset});
      });
    }
  };
  Value whole = kb.roundDown(count, rows);
  kb.loop(kb.index(0), whole, rows, [&](Value first) { append(first, rows); });
  if (rows > 1)
    kb.loop(whole, count, 1, [&](Value first) { append(first, 1); });
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

void LinearAttentionBuilder::buildQueries(const HeadState &state, Value head, Value token, Value count, Value column,
                                          Value position, Value isFirstChunk) {
  int64_t rows = attention.strategy.getRows();
  Value maximum = column ? loadMaximum(state, isFirstChunk) : Value();
  auto tile = [&](Value first, int64_t size) {
    buildTile(state, head, kb.addIndex(token, first), size, column ? kb.addIndex(column, first) : Value(),
              kb.addIndex(position, first), maximum);
  };
  Value whole = kb.roundDown(count, rows);
  kb.loop(kb.index(0), whole, rows, [&](Value first) { tile(first, rows); });
  if (rows > 1)
    kb.loop(whole, count, 1, [&](Value first) { tile(first, 1); });
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

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// Makes the maxima of the chunk the factors of its keys, applies these to the values and returns the factor of the
/// sums.
Value LinearAttentionBuilder::buildChunkWeights(const HeadState &state, Value count, Value maximum) {
  Value highest = maximum;
  SmallVector<Piece> pieces = splitIntoPieces(attention.state.chunk, kb.getLanes());
  for (Piece piece : pieces) {
    Value logarithms = kb.load(state.maxima, kb.index(piece.offset), piece.width);
    logarithms =
        kb.select(kb.isBelow(piece.offset, count, piece.width), logarithms, kb.constant(minusInfinity, piece.width));
    highest = kb.max(kb.treeMax(logarithms), highest);
  }
  kb.store(highest, state.maximum, kb.index(0));
  Value shift = buildShiftOf(highest);
  for (Piece piece : pieces) {
    Value logarithms = kb.load(state.maxima, kb.index(piece.offset), piece.width);
    kb.store(kb.exp(kb.sub(logarithms, kb.broadcast(shift, piece.width))), state.maxima, kb.index(piece.offset));
  }
  kb.loopOver(count, [&](Value j) {
    Value factor = kb.load(state.maxima, j, 1);
    kb.forEachPiece(attention.state.valueSize, [&](Value offset, int64_t width) {
      Value value = kb.load(state.values, {j, offset}, width);
      kb.store(kb.mul(value, kb.broadcast(factor, width)), state.values, {j, offset});
    });
  });
  return kb.exp(kb.sub(maximum, shift));
}

void LinearAttentionBuilder::addToSums(const HeadState &state, Value count, Value scale) {
  int64_t features = attention.state.features;
  auto add = [&](Value feature, int64_t rows) {
    forEachColumns(attention.state.valueSize, [&](Value base, ArrayRef<Piece> pieces) {
      auto at = [&](int64_t row, Piece piece) -> SmallVector<Value> {
        return {kb.addIndex(feature, row), kb.addIndex(base, piece.offset)};
      };
      SmallVector<Value> sums;
      for (int64_t row = 0; row < rows; ++row)
        for (Piece piece : pieces) {
          Value sum = kb.load(state.sums, at(row, piece), piece.width);
          sums.push_back(scale ? kb.mul(sum, kb.broadcast(scale, piece.width)) : sum);
        }
      sums = accumulate(
          kb.index(0), count, sums, rows, pieces,
          [&](int64_t row, Value j) {
            return kb.load(state.keys, {kb.addIndex(feature, row), j}, 1);
          },
          [&](Value j, Piece piece) {
            return kb.load(state.values, {j, kb.addIndex(base, piece.offset)}, piece.width);
          });
      for (int64_t row = 0; row < rows; ++row)
        for (auto [i, piece] : llvm::enumerate(pieces))
          kb.store(sums[row * pieces.size() + i], state.sums, at(row, piece));
    });
  };
  int64_t rows = std::min(attention.strategy.getRows(), features), whole = features / rows * rows;
  kb.loop(kb.index(0), kb.index(whole), rows, [&](Value feature) { add(feature, rows); });
  if (whole < features)
    kb.loop(kb.index(whole), kb.index(features), 1, [&](Value feature) { add(feature, 1); });
}

void LinearAttentionBuilder::addToTotals(const HeadState &state, Value count, Value scale) {
  SmallVector<Piece> pieces = splitIntoPieces(attention.state.chunk, kb.getLanes());
  kb.loopOver(kb.index(attention.state.features), [&](Value feature) {
    Value total = kb.load(state.totals, feature, 1);
    if (scale)
      total = kb.mul(total, scale);
    for (Piece piece : pieces) {
      Value keys = kb.load(state.keys, {feature, kb.index(piece.offset)}, piece.width);
      if (scale)
        keys = kb.mul(keys, kb.load(state.maxima, kb.index(piece.offset), piece.width));
      keys = kb.select(kb.isBelow(piece.offset, count, piece.width), keys, kb.constant(0.0f, piece.width));
      total = kb.add(total, kb.treeSum(keys));
    }
    kb.store(total, state.totals, feature);
  });
}

void LinearAttentionBuilder::addChunk(const HeadState &state, Value count, Value isFirstChunk) {
  Value scale;
  if (state.maxima)
    scale = buildChunkWeights(state, count, loadMaximum(state, isFirstChunk));
  addToSums(state, count, scale);
  addToTotals(state, count, scale);
}
