// Which kernels ops of quantised tables and weights launch.
#include "KernelModule.h"
#include "Kernels.h"
#include "TableSlices.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Lookups
//===----------------------------------------------------------------------===//

static void launchGather(KernelModule &kernels, LookupOp op, int64_t threads) {
  Location loc = op.getLoc();
  IntegerGather gather(op, threads);
  kernels.launch(
      op, "lookup_integer_gather",
      {{kernels.getTokens(loc, op.getCodes()), kernels.index(loc, gather.strips * gather.parts),
        kernels.index(loc, op.getInits().size())},
       threads,
       gather.bytes},
      [&](Operation *inner, GPUKernelBuilder &k) { buildGPUIntegerGather(cast<LookupOp>(inner), threads, k); });
}

static void launchTile(KernelModule &kernels, LookupOp op, GPUTableTileAttr strategy) {
  kernels.launch(
      op, "lookup_integer_tile", getTableTileShape(kernels, op, strategy),
      [&](Operation *inner, GPUKernelBuilder &k) { buildGPUIntegerTile(cast<LookupOp>(inner), strategy, k); });
}

LogicalResult mf::lowerIntegerLookup(KernelModule &kernels, LookupOp op) {
  if (auto gather = dyn_cast_or_null<GPURowGatherAttr>(op.getStrategyAttr())) {
    launchGather(kernels, op, gather.getThreads());
    return success();
  }
  auto strategy = getGPUStrategy<GPUTableTileAttr>(op);
  if (!strategy)
    return failure();
  kernels.chooseByTokens(
      op.getLoc(), kernels.getTokens(op.getLoc(), op.getCodes()), strategy.getGatherTokens(),
      [&] { launchGather(kernels, op, /*threads=*/128); }, [&] { launchTile(kernels, op, strategy); });
  return success();
}

//===----------------------------------------------------------------------===//
// Dense layers
//===----------------------------------------------------------------------===//

/// Kernels read words of four features of four adjacent columns.
static LogicalResult verifyWeight(LinearOp op) {
  PanelLayoutAttr layout = op.getLayoutAttr();
  if (!layout || layout.getInterleave() != 4 || layout.getColumns() % 4 != 0)
    return op.emitOpError("has a quantised weight, whose kernel for GPUs needs panels of a multiple of 4 columns that "
                          "interleave 4 features, found ")
           << op.getWeight().getType();
  int64_t groups = cast<MemRefType>(op.getWeightScales().getType()).getDimSize(1);
  int64_t features = cast<MemRefType>(op.getX().getType()).getDimSize(1), block = 4 * layout.getFeaturesPerByte();
  if (groups > 1 && features / groups % block != 0)
    return op.emitOpError("has groups of ")
           << features / groups << " features; its kernel needs multiples of " << block;
  return success();
}

LogicalResult mf::lowerIntegerLinear(KernelModule &kernels, LinearOp op) {
  auto strategy = getGPUStrategy<GPUIntegerDenseAttr>(op);
  if (!strategy || failed(verifyWeight(op)))
    return failure();
  Location loc = op.getLoc();
  IntegerDenseShape shape(op, strategy);
  Value tokens = kernels.getTokens(loc, op.getX());
  int64_t columns = cast<MemRefType>(op.getInit().getType()).getDimSize(1);
  auto stream = [&](int64_t numTokens) {
    kernels.launch(
        op, numTokens == 1 ? "linear_integer_row" : "linear_integer_stream",
        {{kernels.index(loc, llvm::divideCeil(columns, shape.panelColumns)), kernels.ceilDiv(loc, tokens, numTokens)},
         shape.streamThreads,
         shape.getStreamBytes(op, numTokens)},
        [&](Operation *inner, GPUKernelBuilder &k) {
          buildGPUIntegerDenseStream(cast<LinearOp>(inner), strategy, numTokens, k);
        });
  };
  // A single token reads x once for each panel, and not for tokens that are not there.
  auto few = [&] {
    kernels.chooseByTokens(
        loc, tokens, 2, [&] { stream(1); }, [&] { stream(kStreamTokens); });
  };
  auto tile = [&] {
    kernels.launch(
        op, "linear_integer_tile",
        {{kernels.index(loc, llvm::divideCeil(columns, strategy.getColumns())),
          kernels.ceilDiv(loc, tokens, strategy.getRows())},
         shape.tileThreads,
         shape.tileBytes},
        [&](Operation *inner, GPUKernelBuilder &k) { buildGPUIntegerDenseTile(cast<LinearOp>(inner), strategy, k); });
  };
  kernels.chooseByTokens(loc, tokens, strategy.getStreamTokens(), few, tile);
  return success();
}
