// The dense layer of a quantised weight: a few rows against one panel, sums of integers in registers, a product with
// the scales at the end of each group of features. Every row gets the same operations, however many go together.
#include "Kernels.h"
#include "mf/Codegen/CPU/IntegerDot.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::mf;

/// How far ahead of its use a weight is asked for, in bytes.
static constexpr int64_t prefetchBytes = 2048;
static constexpr int64_t cacheLineBytes = 64;
/// Features of one column that lie side by side.
static constexpr int64_t interleave = 4;
/// Rows that share the loads of weights.
static constexpr int64_t tileRows = 4;

namespace {
/// Builds the kernel of one op.
struct IntegerKernel {
  LinearOp op;
  KernelBuilder kb;
  bool isPaired;
  int64_t panelColumns, features, groups;
  /// [panels, blocks of features, bytes of a block].
  Value weight = {};
  /// Columns of one panel whose sums are in registers together.
  SmallVector<Piece> pieces = {};
  Value panel = {};
  /// Columns of the destination from the panel's first on; null where it has the whole panel.
  Value columnsLeft = {};

  int64_t getBlockFeatures() const { return interleave * (isPaired ? 2 : 1); }
  Value loadFour(Value row, Value feature, int64_t count);
  SmallVector<Value> addBlock(Value row, int64_t rows, Value block, int64_t count, ValueRange sums);
  SmallVector<Value> sumGroup(Value row, int64_t rows, Value group);
  void buildRows(Value row, int64_t rows);
  void buildPanel();
  void build();
};
} // namespace

/// Four features of a row from `feature` on as one i32; only `count` of them exist.
Value IntegerKernel::loadFour(Value row, Value feature, int64_t count) {
  OpBuilder &b = kb.builder();
  Value bytes;
  if (count >= interleave) {
    bytes = kb.loadStored(op.getX(), {row, feature}, interleave);
  } else {
    SmallVector<Value> elements(interleave, arith::ConstantIntOp::create(b, op.getLoc(), b.getI8Type(), 0));
    for (int64_t i = 0; i < count; ++i)
      elements[i] = kb.loadStored(op.getX(), {row, kb.addIndex(feature, i)}, 1);
    bytes = vector::FromElementsOp::create(b, op.getLoc(), VectorType::get(interleave, b.getI8Type()), elements);
  }
  return vector::ExtractOp::create(b, op.getLoc(), kb.bitcast(bytes, b.getI32Type()), 0);
}

/// A block of features, of which `count` exist, for `rows` rows: a sum of integers per row and piece.
SmallVector<Value> IntegerKernel::addBlock(Value row, int64_t rows, Value block, int64_t count, ValueRange sums) {
  OpBuilder &b = kb.builder();
  Type i8 = b.getI8Type();
  Value later = kb.addIndex(block, prefetchBytes / (panelColumns * interleave));
  int64_t end = (pieces.back().offset + pieces.back().width) * interleave;
  for (int64_t byte = pieces.front().offset * interleave; byte < end; byte += cacheLineBytes)
    kb.prefetch(weight, {panel, later, kb.index(byte)});
  auto loadWeights = [&](Piece piece) {
    return kb.loadStored(weight, {panel, block, kb.index(piece.offset * interleave)}, piece.width * interleave);
  };
  auto spread = [&](Value four, Piece piece) { return kb.bitcast(kb.broadcast(four, piece.width), i8); };
  SmallVector<Value> weights = llvm::map_to_vector(pieces, loadWeights), next(sums);
  Value feature = kb.mulIndex(block, getBlockFeatures());
  for (int64_t half = 0; half < (isPaired ? 2 : 1); ++half)
    for (int64_t r = 0; r < rows; ++r) {
      Value four = loadFour(kb.addIndex(row, r), kb.addIndex(feature, half * interleave), count - half * interleave);
      for (auto [i, piece] : llvm::enumerate(pieces)) {
        Value x = spread(four, piece), &sum = next[r * pieces.size() + i];
        if (!isPaired) {
          sum = buildSignedDot4(kb, sum, x, weights[i]);
          continue;
        }
        sum = buildDot4(kb, sum, buildNibbles(kb, weights[i], half == 1), x);
        // Halves are stored with 8 added.
        auto type = cast<ShapedType>(x.getType());
        Value eight = arith::ConstantOp::create(b, op.getLoc(), DenseElementsAttr::get(type, b.getI8IntegerAttr(8)));
        Value eights = buildDot4(kb, kb.integer(0, piece.width), eight, x);
        sum = arith::SubIOp::create(b, op.getLoc(), sum, eights);
      }
    }
  return next;
}

/// The integer sums of a group. Only a single group may end within a block.
SmallVector<Value> IntegerKernel::sumGroup(Value row, int64_t rows, Value group) {
  int64_t size = features / groups, blockFeatures = getBlockFeatures();
  SmallVector<Value> sums;
  for (int64_t r = 0; r < rows; ++r)
    for (Piece piece : pieces)
      sums.push_back(kb.integer(0, piece.width));
  int64_t whole = size / blockFeatures, rest = size % blockFeatures;
  Value first = kb.mulIndex(group, whole), end = kb.addIndex(first, whole);
  sums = kb.loop(first, end, 1, sums,
                 [&](Value block, ValueRange sums) { return addBlock(row, rows, block, blockFeatures, sums); });
  return rest ? addBlock(row, rows, end, rest, sums) : sums;
}

/// `rows` rows against the pieces of a panel.
void IntegerKernel::buildRows(Value row, int64_t rows) {
  OpBuilder &b = kb.builder();
  Value column = kb.mulIndex(panel, panelColumns);
  SmallVector<Value> totals;
  for (int64_t r = 0; r < rows; ++r)
    for (Piece piece : pieces)
      totals.push_back(kb.constant(0.0f, piece.width));
  totals = kb.loop(kb.index(0), kb.index(groups), 1, totals, [&](Value group, ValueRange totals) {
    SmallVector<Value> next;
    for (auto [i, sum] : llvm::enumerate(sumGroup(row, rows, group))) {
      Piece piece = pieces[i % pieces.size()];
      Value floats = arith::SIToFPOp::create(b, op.getLoc(), VectorType::get(piece.width, b.getF32Type()), sum);
      Value scales = kb.loadBelow(op.getWeightScales(), {group, kb.addIndex(column, piece.offset)}, piece, columnsLeft);
      // Not fused, so that all variants give the same bits.
      next.push_back(kb.add(kb.mul(floats, scales), totals[i]));
    }
    return next;
  });
  for (auto [i, total] : llvm::enumerate(totals)) {
    Piece piece = pieces[i % pieces.size()];
    Value at = kb.addIndex(row, i / pieces.size());
    Value y = kb.mul(total, kb.broadcast(kb.load(op.getXScales(), at, 1), piece.width));
    kb.storeBelow(y, op.getInit(), {at, kb.addIndex(column, piece.offset)}, piece, columnsLeft);
  }
}

void IntegerKernel::buildPanel() {
  int64_t columns = kb.getLanes() * 2;
  SmallVector<Piece> all = splitIntoPieces(panelColumns, kb.getLanes());
  for (ArrayRef<Piece> rest = all; !rest.empty(); rest = rest.drop_front(pieces.size())) {
    pieces.assign(rest.begin(), rest.begin() + std::min<size_t>(rest.size(), columns / kb.getLanes()));
    Value rows = kb.dim(op.getX(), 0), whole = kb.roundDown(rows, tileRows);
    kb.loop(kb.index(0), whole, tileRows, [&](Value row) { buildRows(row, tileRows); });
    kb.loop(whole, rows, 1, [&](Value row) { buildRows(row, 1); });
  }
}

void IntegerKernel::build() {
  SmallVector<ReassociationIndices> bytesOfBlock = {{0}, {1}, {2, 3}};
  weight = memref::CollapseShapeOp::create(kb.builder(), op.getLoc(), op.getWeight(), bytesOfBlock);
  int64_t columns = cast<MemRefType>(op.getInit().getType()).getDimSize(1);
  bool hasWholePanels = !ShapedType::isDynamic(columns) && columns % panelColumns == 0;
  kb.loopOver(kb.dim(op.getWeight(), 0), [&](Value number) {
    panel = number;
    if (!hasWholePanels)
      columnsLeft = kb.subIndex(kb.dim(op.getInit(), 1), kb.mulIndex(panel, panelColumns));
    buildPanel();
  });
}

void mf::lowerLinearOfIntegers(LinearOp op, CPUPanelGemmAttr strategy) {
  PanelLayoutAttr layout = op.getLayoutAttr();
  IntegerKernel kernel{op,
                       KernelBuilder(op, strategy.getLanes()),
                       layout.getFeaturesPerByte() == 2,
                       layout.getColumns(),
                       cast<MemRefType>(op.getX().getType()).getDimSize(1),
                       cast<MemRefType>(op.getWeightScales().getType()).getDimSize(0)};
  kernel.build();
}
