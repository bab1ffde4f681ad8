// Strategies of dense layers.
#include "mf/Codegen/Strategy/Strategies.h"

using namespace mlir;
using namespace mlir::mf;

/// Columns of a task: the copy of its activations is shared by so many, and a block of their weights, 384 KiB of f32 at
/// most, stays in L2 while the rows pass.
static constexpr int64_t kTileColumns[] = {384, 256, 128};
/// Features of a block: the activations of a register tile take half of a first-level cache of 32 KiB.
static constexpr int64_t kFeatures = 256;
/// A task has about so many rows; single rows are tasks of their own anyway.
static constexpr int64_t kTileRows = 96;

namespace {
/// What is summed in registers.
struct RegisterTile {
  int64_t rows;
  int64_t columns;
};
} // namespace

/// Two vectors of columns where loads are paid by many products each; AArch64 has as many registers as AVX-512, and
/// vectors so short that four of them are wanted. Without fused products, a register is needed for the product.
static RegisterTile selectRegisterTile(CPUTargetAttr target) {
  if (target.getLanes() >= 16)
    return {14, 2 * target.getLanes()};
  bool isAArch64 = target.getTriple().starts_with("aarch64");
  return {6, (isAArch64 ? 4 : 2) * target.getLanes()};
}

/// Sums of integers take one vector of sums for one of columns where an instruction adds four products (VNNI, dot
/// products of NEON), else two, and a register for the product.
static RegisterTile selectIntegerTile(CPUTargetAttr target) {
  int64_t lanes = target.getLanes();
  if (target.getTriple().starts_with("aarch64"))
    return target.hasFeature("dotprod") ? RegisterTile{6, 4 * lanes} : RegisterTile{6, 2 * lanes};
  if (lanes >= 16)
    return target.hasFeature("avx512vnni") ? RegisterTile{14, 2 * lanes} : RegisterTile{6, 2 * lanes};
  return lanes >= 8 ? RegisterTile{6, lanes} : RegisterTile{4, lanes};
}

/// The most columns that leave no narrower task at the end.
static int64_t selectTileColumns(LinearOp op) {
  int64_t columns = cast<ShapedType>(op.getInit().getType()).getDimSize(1);
  for (int64_t tile : kTileColumns)
    if (!ShapedType::isDynamic(columns) && columns % tile == 0)
      return tile;
  return kTileColumns[1];
}

CPUPanelGemmAttr mlir::mf::selectLinearStrategy(LinearOp op, CPUTargetAttr target) {
  RegisterTile tile = op.isQuantized() ? selectIntegerTile(target) : selectRegisterTile(target);
  return CPUPanelGemmAttr::get(op.getContext(), tile.rows, tile.columns, target.getLanes(),
                               llvm::alignTo(kTileRows, tile.rows), selectTileColumns(op), kFeatures);
}

SmallVector<StrategyAttrInterface> mlir::mf::listLinearStrategies(LinearOp op, CPUTargetAttr target) {
  SmallVector<StrategyAttrInterface> strategies;
  CPUPanelGemmAttr selected = selectLinearStrategy(op, target);
  for (int64_t rows : {4, 6, 8, 12, 14})
    for (int64_t tileColumns : kTileColumns)
      strategies.push_back(CPUPanelGemmAttr::get(op.getContext(), rows, selected.getColumns(), target.getLanes(),
                                                 llvm::alignTo(kTileRows, rows), tileColumns, kFeatures));
  return strategies;
}
