// Strategies of lookups.
#include "mf/Codegen/Strategy/Strategies.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

/// Accumulators held in registers while the tables pass.
static constexpr int64_t kAccumulators = 8;

static CPURowGatherAttr selectRowGather(LookupOp op, CPUTargetAttr target) {
  int64_t lanes = target.getLanes();
  int64_t widest = 1;
  for (Value init : op.getInits())
    widest = std::max(widest, cast<ShapedType>(init.getType()).getDimSize(1));
  int64_t columns = std::min<int64_t>(llvm::alignTo(widest, lanes), kAccumulators * lanes);
  return CPURowGatherAttr::get(op.getContext(), /*tokens=*/kTokenTile, columns, lanes);
}

/// Whether the strips' kernel reads the tables: strips of whole vectors, of sets that are cut at the same columns.
static bool hasStrips(LookupOp op) {
  TableLayoutAttr layout = op.getLayoutAttr();
  if (!layout || layout.isIdentity() || op.getLoopDims().size() < 2)
    return false;
  return !op.isQuantized() || (layout.getStripColumns() / layout.getColumnsPerByte()) % 16 == 0;
}

/// Bytes of a row that are added in one pass: a cache line of integers, whose sums are four bytes for each byte or half
/// byte of a row; whole rows of floats, whose sums are at most twice as much.
static int64_t getPassBytes(LookupOp op) { return op.isQuantized() ? 64 : 128; }

/// The tables of a block. Of floats, a pass takes half of the second-level cache: the next one is on its way, and sums
/// pass through. Of integers, where sums are more, a quarter, and no more tables than it takes until the rows of a
/// token are as many bytes as its sums, which are read and written.
static int64_t selectBlockTables(LookupOp op, CPUTargetAttr target) {
  int64_t tableBytes = op.getTableRows() * getPassBytes(op);
  if (!op.isQuantized())
    return std::clamp<int64_t>(target.getL2Bytes() / 2 / tableBytes / 4 * 4, 4, 16);
  int64_t sumBytes = 2 * sizeof(int32_t) * op.getLayoutAttr().getColumnsPerByte();
  return std::clamp<int64_t>(target.getL2Bytes() / 4 / tableBytes / 4 * 4, 4, sumBytes);
}

/// With how many tokens all rows of the next pass are asked for, not those that codes name: where codes name most rows.
/// Rows that take several passes are named once in each, at random places of memory.
static int64_t selectNamedTokens(LookupOp op) {
  auto type = cast<ShapedType>(op.getTables().front().getType());
  int64_t rowBytes = type.getDimSize(3) * type.getElementTypeBitWidth() / 8;
  return 2 * op.getTableRows() / llvm::divideCeil(rowBytes, getPassBytes(op));
}

/// Rows that are read once for many tokens pay from a quarter of the rows of a table on.
static CPUStripsAttr selectStrips(LookupOp op, CPUTargetAttr target) {
  return CPUStripsAttr::get(op.getContext(), /*strips=*/1, selectBlockTables(op, target), getPassBytes(op),
                            /*ahead=*/op.isQuantized() ? 2 : 1, selectNamedTokens(op),
                            /*gather_tokens=*/op.getTableRows() / 4, /*gather_ahead=*/32, target.getLanes());
}

StrategyAttrInterface mlir::mf::selectLookupStrategy(LookupOp op, CPUTargetAttr target) {
  if (hasStrips(op))
    return selectStrips(op, target);
  return selectRowGather(op, target);
}

static SmallVector<StrategyAttrInterface> listStrips(LookupOp op, CPUTargetAttr target) {
  SmallVector<StrategyAttrInterface> strategies;
  CPUStripsAttr selected = selectStrips(op, target);
  for (int64_t tables : {4, 8, 16, 32})
    for (int64_t rowBytes : {64, 128})
      for (int64_t ahead : {0, 1, 2})
        for (int64_t gatherAhead : {8, 16, 32, 64})
          strategies.push_back(CPUStripsAttr::get(op.getContext(), selected.getStrips(), tables, rowBytes, ahead,
                                                  selected.getNamedTokens(), selected.getGatherTokens(), gatherAhead,
                                                  target.getLanes()));
  return strategies;
}

SmallVector<StrategyAttrInterface> mlir::mf::listLookupStrategies(LookupOp op, CPUTargetAttr target) {
  if (hasStrips(op))
    return listStrips(op, target);
  SmallVector<StrategyAttrInterface> strategies;
  int64_t lanes = target.getLanes();
  for (int64_t vectors : {2, 4, 6, 8, 12, 16})
    strategies.push_back(CPURowGatherAttr::get(op.getContext(), kTokenTile, vectors * lanes, lanes));
  return strategies;
}
