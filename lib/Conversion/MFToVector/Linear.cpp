// The dense layer on panels: a tile of rows against some columns of a panel of the weight, sums in registers, features
// ascending. More than one row go block by block of features, with the activations of a block in adjacent memory; a
// single row passes each panel in one go. Every row gets the same operations in either.
#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::mf;

/// How far ahead of its use a single row asks for a weight, in bytes.
static constexpr int64_t prefetchBytes = 4096;
static constexpr int64_t cacheLineBytes = 64;

namespace {
/// `count` rows from `row` on, and the features [from, to) of a block, as the weight numbers them.
struct RowTile {
  Value row;
  int64_t count;
  Value from, to;
  /// Where the activations are: element (i, feature), as x numbers it, at [firstRow + i, feature - firstFeature].
  Value x, firstRow, firstFeature;
};

/// Adjacent columns of one panel, whose sums are in registers together.
struct Columns {
  Value panel;
  /// Offsets are within the panel.
  SmallVector<Piece> pieces;
  /// Column of the destination where the panel begins.
  Value begin;
  /// Columns of the destination from there on; null where it has the whole panel.
  Value left;
};

/// Builds the kernel of one op.
class PanelKernel {
public:
  PanelKernel(LinearOp op, CPUPanelGemmAttr strategy);

  void build();

private:
  void forEachColumns(int64_t count, function_ref<void(const Columns &)> body);
  Value toActivations(Value feature);
  RowTile copyActivations(Value row, int64_t count, Value from, Value to);
  void buildTile(const RowTile &tile, const Columns &columns);
  SmallVector<Value> loadSums(const RowTile &tile, const Columns &columns);
  SmallVector<Value> addFeature(const RowTile &tile, const Columns &columns, Value feature, ValueRange sums);
  void storeSums(const RowTile &tile, const Columns &columns, ValueRange sums);
  void prefetch(const Columns &columns, Value feature);

  LinearOp op;
  CPUPanelGemmAttr strategy;
  KernelBuilder kb;
  int64_t panelColumns;
  /// Features of the weight, and of a block.
  int64_t features, blockFeatures;
  /// Which of them are there; null: all.
  FeaturePruningAttr pruning;
  /// Activations of a tile of rows and a block of features.
  Value block;
};
} // namespace

PanelKernel::PanelKernel(LinearOp op, CPUPanelGemmAttr strategy)
    : op(op), strategy(strategy), kb(op, strategy.getLanes()), panelColumns(op.getLayoutAttr().getColumns()),
      features(cast<MemRefType>(op.getWeight().getType()).getDimSize(1)), pruning(op.getPruningAttr()) {
  blockFeatures = std::min(features, strategy.getFeatures());
  // Whole groups; of activations a block has as many as without pruning.
  if (pruning)
    blockFeatures = std::min(
        features, pruning.getNumKept(std::max(strategy.getFeatures() / pruning.getOf(), int64_t(1)) * pruning.getOf()));
}

/// A number of features of whole groups of the weight, as x has them.
Value PanelKernel::toActivations(Value feature) {
  return pruning ? kb.mulIndex(kb.divIndex(feature, pruning.getKept()), pruning.getOf()) : feature;
}

SmallVector<RowRange> mf::splitRows(KernelBuilder &kb, Value total, int64_t most) {
  SmallVector<RowRange> ranges;
  Value begin = kb.index(0);
  for (int64_t count = most; count > 0; count /= 2) {
    Value end = count == 1 ? total : kb.addIndex(begin, kb.roundDown(kb.subIndex(total, begin), count));
    ranges.push_back({count, begin, end});
    begin = end;
  }
  return ranges;
}

/// The columns of all panels, as many at a time as have their sums for `count` rows in registers. Of the last panel the
/// destination may have only the first ones.
void PanelKernel::forEachColumns(int64_t count, function_ref<void(const Columns &)> body) {
  int64_t step = std::min(panelColumns, strategy.getColumns() * (strategy.getRows() / count));
  Value total = kb.dim(op.getInit(), 1), panels = kb.dim(op.getWeight(), 0);
  auto buildPanel = [&](Value panel, bool isWhole) {
    Value begin = kb.mulIndex(panel, panelColumns);
    for (int64_t first = 0; first < panelColumns; first += step) {
      int64_t width = std::min(step, panelColumns - first);
      Columns columns{panel, splitIntoPieces(width, kb.getLanes()), begin,
                      isWhole ? Value() : kb.subIndex(total, begin)};
      for (Piece &piece : columns.pieces)
        piece.offset += first;
      body(columns);
    }
  };
  int64_t size = cast<MemRefType>(op.getInit().getType()).getDimSize(1);
  if (!ShapedType::isDynamic(size) && size % panelColumns == 0)
    return kb.loopOver(panels, [&](Value panel) { buildPanel(panel, true); });
  Value whole = kb.divIndex(total, panelColumns);
  kb.loopOver(whole, [&](Value panel) { buildPanel(panel, true); });
  kb.loop(whole, panels, 1, [&](Value panel) { buildPanel(panel, false); });
}

/// Rows that are a multiple of 4 KiB apart would compete for the same lines of the first-level cache; copies do not.
RowTile PanelKernel::copyActivations(Value row, int64_t count, Value weightFrom, Value weightTo) {
  Value from = toActivations(weightFrom), to = toActivations(weightTo);
  Value vectorEnd = kb.addIndex(from, kb.roundDown(kb.subIndex(to, from), kb.getLanes()));
  auto copy = [&](Value feature, int64_t width) {
    for (int64_t i = 0; i < count; ++i)
      kb.store(kb.load(op.getX(), {kb.addIndex(row, i), feature}, width), block,
               {kb.index(i), kb.subIndex(feature, from)});
  };
  kb.loop(from, vectorEnd, kb.getLanes(), [&](Value feature) { copy(feature, kb.getLanes()); });
  if (kb.getLanes() > 1)
    kb.loop(vectorEnd, to, 1, [&](Value feature) { copy(feature, 1); });
  return {row, count, weightFrom, weightTo, block, kb.index(0), from};
}

/// The sums of the features before the block: what the destination holds, or 0 before the first feature.
SmallVector<Value> PanelKernel::loadSums(const RowTile &tile, const Columns &columns) {
  SmallVector<Value> zeros;
  for (int64_t i = 0; i < tile.count; ++i)
    for (Piece piece : columns.pieces)
      zeros.push_back(kb.constant(0.0f, piece.width));
  if (tile.count == 1 || blockFeatures == features)
    return zeros;
  auto load = [&] {
    SmallVector<Value> sums;
    for (int64_t i = 0; i < tile.count; ++i)
      for (Piece piece : columns.pieces)
        sums.push_back(kb.loadBelow(op.getInit(), {kb.addIndex(tile.row, i), kb.addIndex(columns.begin, piece.offset)},
                                    piece, columns.left));
    return sums;
  };
  Value isFirst = arith::CmpIOp::create(kb.builder(), op.getLoc(), arith::CmpIPredicate::eq, tile.from, kb.index(0));
  return kb.choose(
      isFirst, [&] { return zeros; }, load);
}

void PanelKernel::storeSums(const RowTile &tile, const Columns &columns, ValueRange sums) {
  for (int64_t i = 0; i < tile.count; ++i)
    for (auto [j, piece] : llvm::enumerate(columns.pieces))
      kb.storeBelow(sums[i * columns.pieces.size() + j], op.getInit(),
                    {kb.addIndex(tile.row, i), kb.addIndex(columns.begin, piece.offset)}, piece, columns.left);
}

void PanelKernel::prefetch(const Columns &columns, Value feature) {
  int64_t elementBytes = llvm::divideCeil(getElementTypeOrSelf(op.getWeight().getType()).getIntOrFloatBitWidth(), 8);
  int64_t ahead = llvm::divideCeil(prefetchBytes, panelColumns * elementBytes);
  int64_t line = std::max<int64_t>(cacheLineBytes / elementBytes, 1);
  int64_t begin = columns.pieces.front().offset, end = columns.pieces.back().offset + columns.pieces.back().width;
  for (int64_t offset = begin; offset < end; offset += line)
    kb.prefetch(op.getWeight(), {columns.panel, kb.addIndex(feature, ahead), kb.index(offset)});
}

SmallVector<Value> PanelKernel::addFeature(const RowTile &tile, const Columns &columns, Value feature,
                                           ValueRange sums) {
  SmallVector<Value> weights, next;
  for (Piece piece : columns.pieces)
    weights.push_back(kb.load(op.getWeight(), {columns.panel, feature, kb.index(piece.offset)}, piece.width));
  Value number = pruning ? kb.loadIndex(op.getFeatures(), {columns.panel, feature}) : feature;
  Value column = kb.subIndex(number, tile.firstFeature);
  for (int64_t i = 0; i < tile.count; ++i) {
    Value x = kb.load(tile.x, {kb.addIndex(tile.firstRow, i), column}, 1);
    for (auto [j, piece] : llvm::enumerate(columns.pieces))
      next.push_back(kb.mulAdd(kb.broadcast(x, piece.width), weights[j], sums[i * columns.pieces.size() + j]));
  }
  // The weights of one row come from memory in one stream; several rows find them in the second-level cache.
  if (tile.count == 1)
    prefetch(columns, feature);
  return next;
}

void PanelKernel::buildTile(const RowTile &tile, const Columns &columns) {
  SmallVector<Value> sums =
      kb.loop(tile.from, tile.to, 1, loadSums(tile, columns),
              [&](Value feature, ValueRange sums) { return addFeature(tile, columns, feature, sums); });
  storeSums(tile, columns, sums);
}

void PanelKernel::build() {
  Value zero = kb.index(0), end = kb.index(features);
  SmallVector<RowRange> ranges = splitRows(kb, kb.dim(op.getX(), 0), strategy.getRows());
  RowRange single = ranges.pop_back_val();
  if (!ranges.empty()) {
    // Every row is a cache line further on than the last one, so that no two begin in the same set.
    int64_t activations = pruning ? pruning.getNumFeatures(blockFeatures) : blockFeatures;
    block = kb.stackBuffer({strategy.getRows(), activations + cacheLineBytes / 4});
    kb.loop(zero, end, blockFeatures, [&](Value from) {
      Value to = kb.minIndex(kb.addIndex(from, blockFeatures), end);
      for (RowRange range : ranges)
        kb.loop(range.begin, range.end, range.count, [&](Value row) {
          RowTile tile = copyActivations(row, range.count, from, to);
          forEachColumns(range.count, [&](const Columns &columns) { buildTile(tile, columns); });
        });
    });
  }
  kb.loop(single.begin, single.end, 1, [&](Value row) {
    RowTile tile{row, 1, zero, end, op.getX(), row, zero};
    forEachColumns(1, [&](const Columns &columns) { buildTile(tile, columns); });
  });
}

void mf::lowerLinear(LinearOp op, CPUPanelGemmAttr strategy) {
  if (op.isQuantized())
    lowerLinearOfIntegers(op, strategy);
  else if (op.getLayoutAttr())
    PanelKernel(op, strategy).build();
  else
    lowerLinearOnRows(op, strategy);
}
