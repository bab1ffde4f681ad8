// Which kernels a dense layer launches.
#include "KernelModule.h"
#include "Kernels.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

static int64_t getColumns(LinearOp op) { return cast<MemRefType>(op.getInit().getType()).getDimSize(1); }

static void launchStream(KernelModule &kernels, LinearOp op, GPUDenseTileAttr strategy) {
  Location loc = op.getLoc();
  int64_t slice = strategy.getSlice();
  DenseStreamShape shape(op, slice);
  kernels.launch(op, "linear_stream",
                 {{kernels.index(loc, llvm::divideCeil(getColumns(op), kStreamColumns)),
                   kernels.ceilDiv(loc, kernels.getTokens(loc, op.getX()), kStreamTokens)},
                  shape.lanes * shape.groups,
                  shape.bytes},
                 [&](Operation *inner, GPUKernelBuilder &k) { buildGPUDenseStream(cast<LinearOp>(inner), slice, k); });
}

static void launchTile(KernelModule &kernels, LinearOp op, GPUDenseTileAttr strategy) {
  Location loc = op.getLoc();
  DenseTileShape shape(op, strategy);
  kernels.launch(op, "linear_tile",
                 {{kernels.index(loc, llvm::divideCeil(getColumns(op), strategy.getColumns())),
                   kernels.ceilDiv(loc, kernels.getTokens(loc, op.getX()), strategy.getRows())},
                  shape.threads,
                  shape.bytes},
                 [&](Operation *inner, GPUKernelBuilder &k) { buildGPUDenseTile(cast<LinearOp>(inner), strategy, k); });
}

static void launchStream(KernelModule &kernels, LinearOp op, GPUMatrixDenseAttr strategy) {
  Location loc = op.getLoc();
  MatrixStreamShape shape(op, strategy.getSlice());
  kernels.launch(op, "linear_matrix_stream",
                 {{kernels.index(loc, llvm::divideCeil(getColumns(op), kMatrixStreamColumns)),
                   kernels.ceilDiv(loc, kernels.getTokens(loc, op.getX()), kMatrixStreamTokens)},
                  shape.warps * kWarpThreads,
                  shape.bytes},
                 [&](Operation *inner, GPUKernelBuilder &k) {
                   buildGPUMatrixStream(cast<LinearOp>(inner), strategy.getSlice(), k);
                 });
}

static void launchMatrices(KernelModule &kernels, LinearOp op, GPUMatrixDenseAttr strategy) {
  Location loc = op.getLoc();
  MatrixDenseShape shape(strategy);
  kernels.launch(
      op, "linear_matrices",
      {{kernels.ceilDiv(loc, kernels.getTokens(loc, op.getX()), strategy.getRows()),
        kernels.index(loc, llvm::divideCeil(getColumns(op), strategy.getColumns()))},
       shape.threads,
       shape.bytes},
      [&](Operation *inner, GPUKernelBuilder &k) { buildGPUMatrixDense(cast<LinearOp>(inner), strategy, k); });
}

LogicalResult mf::lowerDense(KernelModule &kernels, LinearOp op) {
  if (op.isQuantized())
    return lowerIntegerLinear(kernels, op);
  Value tokens = kernels.getTokens(op.getLoc(), op.getX());
  auto lower = [&](auto strategy, function_ref<void()> launchMany) {
    kernels.chooseByTokens(
        op.getLoc(), tokens, strategy.getStreamTokens(), [&] { launchStream(kernels, op, strategy); }, launchMany);
    return success();
  };
  if (auto matrices = dyn_cast_or_null<GPUMatrixDenseAttr>(op.getStrategyAttr())) {
    if (!hasDenseMatrices(op))
      return op.emitOpError("has the strategy ")
             << matrices
             << ", which needs panels of f16 or bf16 with multiples of 8 columns, and multiples of 8 features";
    return lower(matrices, [&] { launchMatrices(kernels, op, matrices); });
  }
  auto strategy = getGPUStrategy<GPUDenseTileAttr>(op);
  if (!strategy)
    return failure();
  if (PanelLayoutAttr layout = op.getLayoutAttr(); layout && layout.getInterleave() != 1)
    return op.emitOpError("expects panels of floats without interleaved features, found ") << layout;
  if (FeaturePruningAttr pruning = op.getPruningAttr();
      pruning && (!op.getLayoutAttr() || strategy.getColumns() != pruning.getColumns()))
    return op.emitOpError("expects panels, and tiles of the ")
           << pruning.getColumns() << " columns that keep the same features, found " << strategy;
  return lower(strategy, [&] { launchTile(kernels, op, strategy); });
}
