// The dense layer of a quantised weight: a few rows against some columns of a panel, sums of integers in registers, a
// product with the scales at the end of each group of features. Every row gets the same operations, however many go
// together. Weights and scales are two streams in ascending order, which caches foresee: asking for them ahead, 1 to 8
// KiB, was no faster on a Zen 4.
#include "Kernels.h"
#include "mf/Codegen/CPU/WeightDot.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::mf;

/// Features of one column that lie side by side.
static constexpr int64_t interleave = 4;
/// Blocks of features that a single row takes at once: 16 features, 32 in pairs, which is the usual group.
static constexpr int64_t unrolledBlocks = 4;

namespace {
/// Some rows against some columns of a panel.
struct IntegerTile {
  Value row;
  int64_t rows;
  Value panel;
  /// Offsets are within the panel.
  SmallVector<Piece> pieces;
  /// Columns of the destination from the panel's first on; null where it has the whole panel.
  Value columnsLeft;

  size_t getNumPieces() const { return pieces.size(); }
};

/// Builds the kernel of one op.
class IntegerKernel {
public:
  IntegerKernel(LinearOp op, CPUPanelGemmAttr strategy);

  void build();

private:
  int64_t getBlockFeatures() const { return interleave * halves; }
  void storeCorrections(Value row, int64_t rows);
  Value sumFeatures(Value row, Value first);
  void forEachColumns(Value row, int64_t rows);
  void buildTile(const IntegerTile &tile);
  SmallVector<Value> addGroup(const IntegerTile &tile, Value group, ValueRange totals);
  SmallVector<Value> sumGroup(const IntegerTile &tile, Value group);
  SmallVector<Value> addBlocks(const IntegerTile &tile, Value block, int64_t count, ValueRange sums);
  void addBlock(const IntegerTile &tile, Value block, int64_t features,
                SmallVectorImpl<SmallVector<WeightDot::Product>> &products);
  Value loadFour(Value row, Value feature, int64_t count);

  LinearOp op;
  CPUPanelGemmAttr strategy;
  KernelBuilder kb;
  /// Features of a byte.
  int64_t halves;
  WeightDot dot;
  int64_t panelColumns, features, groups;
  /// [panels, blocks of features, bytes of a block].
  Value weight;
  /// What is added to the sums of a row and a group; null where nothing is.
  Value corrections;
};
} // namespace

IntegerKernel::IntegerKernel(LinearOp op, CPUPanelGemmAttr strategy)
    : op(op), strategy(strategy), kb(op, strategy.getLanes()), halves(op.getLayoutAttr().getFeaturesPerByte()),
      dot(kb, kb.getLanes(), halves == 2), panelColumns(op.getLayoutAttr().getColumns()),
      features(cast<MemRefType>(op.getX().getType()).getDimSize(1)),
      groups(cast<MemRefType>(op.getWeightScales().getType()).getDimSize(1)) {}

//===----------------------------------------------------------------------===//
// Corrections
//===----------------------------------------------------------------------===//

/// The sum of a row's features of the group that begins at `first`.
Value IntegerKernel::sumFeatures(Value row, Value first) {
  OpBuilder &b = kb.builder();
  int64_t size = features / groups, lanes = kb.getLanes(), whole = size / lanes * lanes;
  auto add = [&](Value x, Value y) -> Value { return arith::AddIOp::create(b, op.getLoc(), x, y); };
  auto load = [&](Value feature, int64_t width) -> Value {
    Value bytes = kb.loadStored(op.getX(), {row, feature}, width);
    return arith::ExtSIOp::create(b, op.getLoc(), kb.integer(0, width).getType(), bytes);
  };
  SmallVector<Value> sums = kb.loop(
      first, kb.addIndex(first, whole), lanes, kb.integer(0, lanes),
      [&](Value feature, ValueRange sums) -> SmallVector<Value> { return {add(sums.front(), load(feature, lanes))}; });
  Value total = kb.treeReduce(sums.front(), add);
  for (Piece piece : splitIntoPieces(size - whole, lanes))
    total = add(total, kb.treeReduce(load(kb.addIndex(first, whole + piece.offset), piece.width), add));
  return total;
}

/// Weights are multiplied with an offset added, so every sum is too large by the offset times the sum of the features.
void IntegerKernel::storeCorrections(Value row, int64_t rows) {
  for (int64_t r = 0; r < rows; ++r)
    kb.loopOver(kb.index(groups), [&](Value group) {
      Value sum = sumFeatures(kb.addIndex(row, r), kb.mulIndex(group, features / groups));
      Value correction = arith::MulIOp::create(kb.builder(), op.getLoc(), sum, kb.integer(-dot.getOffset()));
      kb.store(correction, corrections, {kb.index(r), group});
    });
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// Four features of a row from `feature` on; only `count` of them exist.
Value IntegerKernel::loadFour(Value row, Value feature, int64_t count) {
  OpBuilder &b = kb.builder();
  if (count >= interleave)
    return kb.loadStored(op.getX(), {row, feature}, interleave);
  SmallVector<Value> elements(interleave, arith::ConstantIntOp::create(b, op.getLoc(), b.getI8Type(), 0));
  for (int64_t i = 0; i < count; ++i)
    elements[i] = kb.loadStored(op.getX(), {row, kb.addIndex(feature, i)}, 1);
  return vector::FromElementsOp::create(b, op.getLoc(), VectorType::get(interleave, b.getI8Type()), elements);
}

/// Appends the products of a block, of which `features` exist, to those of each row and piece.
void IntegerKernel::addBlock(const IntegerTile &tile, Value block, int64_t features,
                             SmallVectorImpl<SmallVector<WeightDot::Product>> &products) {
  SmallVector<Value> bytes;
  for (Piece piece : tile.pieces)
    bytes.push_back(
        kb.loadStored(weight, {tile.panel, block, kb.index(piece.offset * interleave)}, piece.width * interleave));
  Value feature = kb.mulIndex(block, getBlockFeatures());
  for (int64_t half = 0; half < halves; ++half) {
    int64_t first = half * interleave;
    SmallVector<SmallVector<Value>> weights;
    for (Value stored : bytes)
      weights.push_back(dot.prepareWeights(stored, half == 1));
    for (int64_t r = 0; r < tile.rows; ++r) {
      Value x = dot.prepareFeatures(loadFour(kb.addIndex(tile.row, r), kb.addIndex(feature, first), features - first));
      for (size_t i = 0; i < tile.getNumPieces(); ++i)
        products[r * tile.getNumPieces() + i].push_back({weights[i], x});
    }
  }
}

/// Adds `count` whole blocks to the sums of every row and piece; with `count` 0 the features that are no whole block.
SmallVector<Value> IntegerKernel::addBlocks(const IntegerTile &tile, Value block, int64_t count, ValueRange sums) {
  SmallVector<Value> next(sums);
  SmallVector<SmallVector<WeightDot::Product>> products(tile.rows * tile.getNumPieces());
  if (count == 0)
    addBlock(tile, block, features % getBlockFeatures(), products);
  for (int64_t i = 0; i < count; ++i)
    addBlock(tile, kb.addIndex(block, i), getBlockFeatures(), products);
  for (auto [i, list] : llvm::enumerate(products))
    dot.add(MutableArrayRef(next).slice(i * dot.getNumSums(), dot.getNumSums()), list);
  return next;
}

/// The integer sums of a group: one per row and piece. Only a single group may end within a block.
SmallVector<Value> IntegerKernel::sumGroup(const IntegerTile &tile, Value group) {
  int64_t whole = features / groups / getBlockFeatures(), atOnce = tile.rows == 1 ? unrolledBlocks : 1;
  SmallVector<Value> sums(tile.rows * tile.getNumPieces() * dot.getNumSums(), kb.integer(0, kb.getLanes()));
  Value first = kb.mulIndex(group, whole), end = kb.addIndex(first, whole / atOnce * atOnce);
  if (whole == atOnce)
    sums = addBlocks(tile, first, atOnce, sums);
  else
    sums = kb.loop(first, end, atOnce, sums,
                   [&](Value block, ValueRange sums) { return addBlocks(tile, block, atOnce, sums); });
  if (whole % atOnce != 0)
    sums = addBlocks(tile, end, whole % atOnce, sums);
  if (features / groups % getBlockFeatures() != 0)
    sums = addBlocks(tile, kb.addIndex(first, whole), 0, sums);
  SmallVector<Value> finished;
  for (ValueRange rest = sums; !rest.empty(); rest = rest.drop_front(dot.getNumSums()))
    finished.push_back(dot.finish(rest.take_front(dot.getNumSums())));
  return finished;
}

/// The totals of every row and piece with those of a group added.
SmallVector<Value> IntegerKernel::addGroup(const IntegerTile &tile, Value group, ValueRange totals) {
  OpBuilder &b = kb.builder();
  SmallVector<Value> scales, next;
  SmallVector<Value> sums = sumGroup(tile, group);
  for (Piece piece : tile.pieces)
    scales.push_back(kb.load(op.getWeightScales(), {tile.panel, group, kb.index(piece.offset)}, piece.width));
  for (auto [i, sum] : llvm::enumerate(sums)) {
    if (corrections) {
      Value correction = kb.loadStored(corrections, {kb.index(i / tile.getNumPieces()), group}, 1);
      sum = arith::AddIOp::create(b, op.getLoc(), sum, kb.broadcast(correction, kb.getLanes()));
    }
    Value floats = arith::SIToFPOp::create(b, op.getLoc(), kb.constant(0.0f, kb.getLanes()).getType(), sum);
    // Not fused, so that all variants give the same bits.
    next.push_back(kb.add(kb.mul(floats, scales[i % tile.getNumPieces()]), totals[i]));
  }
  return next;
}

void IntegerKernel::buildTile(const IntegerTile &tile) {
  SmallVector<Value> totals(tile.rows * tile.getNumPieces(), kb.constant(0.0f, kb.getLanes()));
  auto add = [&](Value group, ValueRange totals) { return addGroup(tile, group, totals); };
  totals = groups == 1 ? add(kb.index(0), totals) : kb.loop(kb.index(0), kb.index(groups), 1, totals, add);
  Value column = kb.mulIndex(tile.panel, panelColumns);
  for (auto [i, total] : llvm::enumerate(totals)) {
    Piece piece = tile.pieces[i % tile.getNumPieces()];
    Value at = kb.addIndex(tile.row, i / tile.getNumPieces());
    Value y = kb.mul(total, kb.broadcast(kb.load(op.getXScales(), at, 1), piece.width));
    kb.storeBelow(y, op.getInit(), {at, kb.addIndex(column, piece.offset)}, piece, tile.columnsLeft);
  }
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// The columns of all panels, as many at a time as have their sums for `rows` rows in registers.
void IntegerKernel::forEachColumns(Value row, int64_t rows) {
  int64_t columns = cast<MemRefType>(op.getInit().getType()).getDimSize(1);
  bool hasWholePanels = !ShapedType::isDynamic(columns) && columns % panelColumns == 0;
  int64_t step = std::min(panelColumns, strategy.getColumns() * (strategy.getRows() / rows));
  kb.loopOver(kb.dim(op.getWeight(), 0), [&](Value panel) {
    Value left = hasWholePanels ? Value() : kb.subIndex(kb.dim(op.getInit(), 1), kb.mulIndex(panel, panelColumns));
    for (int64_t first = 0; first < panelColumns; first += step) {
      IntegerTile tile{row, rows, panel, splitIntoPieces(std::min(step, panelColumns - first), kb.getLanes()), left};
      for (Piece &piece : tile.pieces)
        piece.offset += first;
      buildTile(tile);
    }
  });
}

void IntegerKernel::build() {
  SmallVector<ReassociationIndices> bytesOfBlock = {{0}, {1}, {2, 3}};
  weight = memref::CollapseShapeOp::create(kb.builder(), op.getLoc(), op.getWeight(), bytesOfBlock);
  if (dot.getOffset() != 0)
    corrections = kb.stackBuffer({strategy.getRows(), groups}, kb.builder().getI32Type());
  for (RowRange range : splitRows(kb, kb.dim(op.getX(), 0), strategy.getRows()))
    kb.loop(range.begin, range.end, range.count, [&](Value row) {
      if (corrections)
        storeCorrections(row, range.count);
      forEachColumns(row, range.count);
    });
}

void mf::lowerLinearOfIntegers(LinearOp op, CPUPanelGemmAttr strategy) { IntegerKernel(op, strategy).build(); }
