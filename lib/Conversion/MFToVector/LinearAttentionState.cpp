// The state of linear attention: the matrices of a head, the keys and values of the chunk that has begun, and the sums
// that whole chunks join.
#include "LinearAttention.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::mf;

static constexpr float minusInfinity = -std::numeric_limits<float>::infinity();

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
// Keys
//===----------------------------------------------------------------------===//

void LinearAttentionBuilder::appendKeys(const HeadState &state, Value head, Value token, Value count, Value column,
                                        Value position) {
  kb.loopInTiles(count, attention.strategy.getRows(), [&](Value first, int64_t size) {
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
  int64_t features = attention.state.features, most = std::min(attention.strategy.getRows(), features);
  kb.loopInTiles(kb.index(features), most, [&](Value feature, int64_t rows) {
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
  });
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
