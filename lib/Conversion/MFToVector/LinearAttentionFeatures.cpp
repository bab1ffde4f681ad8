// Features of queries and keys: rows are projected where the map asks for it, then mapped a vector at a time.
#include "LinearAttention.h"

using namespace mlir;
using namespace mlir::mf;

static constexpr float minusInfinity = -std::numeric_limits<float>::infinity();

FeatureBuilder LinearAttentionBuilder::featureBuilder() { return {kb.builder(), attention.op->getLoc(), exp}; }

/// W x of `rows` tokens, feature by feature in the order of the elements of x.
void LinearAttentionBuilder::buildPanelProjections(Value x, Value head, Value token, int64_t rows) {
  int64_t columns = attention.layout.getColumns();
  SmallVector<Piece> pieces = splitIntoPieces(std::min(columns, attention.strategy.getColumns()), kb.getLanes());
  int64_t step = pieces.back().offset + pieces.back().width;
  kb.loopOver(kb.dim(attention.projection, 0), [&](Value panel) {
    Value first = kb.mulIndex(panel, columns);
    for (int64_t offset = 0; offset < columns; offset += step) {
      SmallVector<Piece> group = splitIntoPieces(std::min(step, columns - offset), kb.getLanes());
      SmallVector<Value> sums;
      for (int64_t row = 0; row < rows; ++row)
        for (Piece piece : group)
          sums.push_back(kb.constant(0.0f, piece.width));
      sums = accumulate(
          kb.index(0), kb.index(headSize), sums, rows, group,
          [&](int64_t row, Value k) {
            return kb.load(x, {kb.addIndex(token, row), head, k}, 1);
          },
          [&](Value k, Piece piece) {
            return kb.load(attention.projection, {panel, k, kb.index(offset + piece.offset)}, piece.width);
          });
      for (int64_t row = 0; row < rows; ++row)
        for (auto [i, piece] : llvm::enumerate(group))
          kb.store(sums[row * group.size() + i], projected, {kb.index(row), kb.addIndex(first, offset + piece.offset)});
    }
  });
}

void LinearAttentionBuilder::buildProjections(Value x, Value head, Value token, int64_t rows) {
  if (attention.layout)
    return buildPanelProjections(x, head, token, rows);
  kb.loopOver(kb.index(rowSize), [&](Value feature) {
    for (int64_t row = 0; row < rows; ++row) {
      Value sum = kb.constant(0.0f);
      for (Piece piece : splitIntoPieces(headSize, kb.getLanes())) {
        Value elements = kb.load(x, {kb.addIndex(token, row), head, kb.index(piece.offset)}, piece.width);
        Value factors = kb.load(attention.projection, {feature, kb.index(piece.offset)}, piece.width);
        sum = kb.add(sum, kb.treeSum(kb.mul(elements, factors)));
      }
      kb.store(sum, projected, {kb.index(row), feature});
    }
  });
}

/// The largest of a row's logarithms. The row is filled up to whole vectors with -inf.
Value LinearAttentionBuilder::buildRowMaximum(int64_t row) {
  int64_t lanes = kb.getLanes();
  SmallVector<Value> maximum =
      kb.loop(kb.index(0), kb.index(rowSize), lanes, kb.constant(minusInfinity, lanes),
              [&](Value feature, ValueRange maximum) -> SmallVector<Value> {
                return {kb.max(kb.load(projected, {kb.index(row), feature}, lanes), maximum.front())};
              });
  return kb.treeMax(maximum.front());
}

Value LinearAttentionBuilder::buildSquaredNorm(Value x, Value head, Value token) {
  Value sum = kb.constant(0.0f);
  for (Piece piece : splitIntoPieces(headSize, kb.getLanes())) {
    Value elements = kb.load(x, {token, head, kb.index(piece.offset)}, piece.width);
    sum = kb.add(sum, kb.treeSum(kb.mul(elements, elements)));
  }
  return sum;
}

/// Calls `store` for the features of `rows` tokens, a vector or scalar at a time. For exponential maps, the features of
/// a row are divided by the exponential of their largest logarithm, which with the row's shift is put into `maxima`,
/// where that is not empty.
void LinearAttentionBuilder::buildFeatures(Value x, Value head, Value token, Value position, int64_t rows,
                                           function_ref<void(int64_t row, Value feature, Value value)> store,
                                           MutableArrayRef<Value> maxima) {
  FeatureMapAttrInterface map = attention.map;
  FeatureBuilder features = featureBuilder();
  if (map.hasProjection())
    buildProjections(x, head, token, rows);
  for (int64_t row = 0; row < rows; ++row) {
    Value rowToken = kb.addIndex(token, row);
    SmallVector<Value> tokenValues = map.buildTokenValues(features, kb.addIndex(position, row));
    auto build = [&](Value offset, int64_t width) {
      Value elements = map.hasProjection() ? kb.load(projected, {kb.index(row), offset}, width)
                                           : kb.load(x, {rowToken, head, offset}, width);
      SmallVector<Value> wide = llvm::map_to_vector(tokenValues, [&](Value v) { return kb.broadcast(v, width); });
      return map.buildFeatures(features, elements, wide, headSize);
    };
    if (map.isExponential()) {
      kb.forEachPiece(rowSize, [&](Value offset, int64_t width) {
        kb.store(build(offset, width).front(), projected, {kb.index(row), offset});
      });
      Value maximum = buildRowMaximum(row);
      kb.forEachPiece(rowSize, [&](Value offset, int64_t width) {
        Value logarithm = kb.load(projected, {kb.index(row), offset}, width);
        store(row, offset, kb.exp(kb.sub(logarithm, kb.broadcast(maximum, width))));
      });
      if (!maxima.empty())
        maxima[row] = kb.add(maximum, map.buildShift(features, buildSquaredNorm(x, head, rowToken), headSize));
      continue;
    }
    kb.forEachPiece(rowSize, [&](Value offset, int64_t width) {
      for (auto [block, value] : llvm::enumerate(build(offset, width)))
        store(row, kb.addIndex(offset, block * rowSize), value);
    });
  }
}
