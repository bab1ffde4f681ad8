// Which kernels an attention launches: one that sees all keys, or, for few tokens of a cache, one for blocks of keys
// and one that merges them.
#include "KernelModule.h"
#include "Kernels.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

/// The operands of an attention.
static AttentionOperands getOperands(Operation *op) {
  if (auto cached = dyn_cast<CachedAttentionOp>(op))
    return AttentionOperands(cached);
  return AttentionOperands(cast<AttentionOp>(op));
}

static Value getScratch(Operation *op) { return cast<CachedAttentionOp>(op).getScratch().front(); }

/// Bytes of workgroup memory for the weights of a block of keys.
static int64_t getWeightBytes(GPUFlashAttr strategy, int64_t rows) {
  return strategy.getWarps() * kFlashKeys * rows * 4;
}

/// A thread's part where two blocks share the registers of a multiprocessor. Left to itself, the assembler has more
/// blocks share them and spills.
static int64_t getRegisters(GPUMatrixFlashAttr strategy) {
  constexpr int64_t all = 65536, most = 255, blocks = 2;
  return std::min(most, all / (blocks * strategy.getWarps() * kWarpThreads));
}

//===----------------------------------------------------------------------===//
// Kernels of many tokens
//===----------------------------------------------------------------------===//

static void launchMany(KernelModule &kernels, Operation *op, GPUFlashAttr strategy) {
  Location loc = op->getLoc();
  AttentionOperands operands = getOperands(op);
  FlashShape shape(operands, strategy.getRows());
  kernels.launch(op, "attention",
                 {{kernels.ceilDiv(loc, kernels.getTokens(loc, operands.q), shape.tokens * strategy.getWarps()),
                   kernels.index(loc, operands.keyHeads * shape.headGroups)},
                  strategy.getWarps() * kWarpThreads,
                  getWeightBytes(strategy, shape.getRows())},
                 [&](Operation *inner, GPUKernelBuilder &k) { buildGPUFlash(getOperands(inner), strategy, k); });
}

static void launchMany(KernelModule &kernels, Operation *op, GPUMatrixFlashAttr strategy) {
  Location loc = op->getLoc();
  AttentionOperands operands = getOperands(op);
  MatrixFlashShape shape(operands, strategy);
  kernels.launch(op, "attention_matrices",
                 {{kernels.ceilDiv(loc, kernels.getTokens(loc, operands.q), shape.tile.tokens),
                   kernels.index(loc, operands.keyHeads * shape.tile.headGroups)},
                  strategy.getWarps() * kWarpThreads,
                  shape.tileBytes,
                  /*cluster=*/1,
                  getRegisters(strategy)},
                 [&](Operation *inner, GPUKernelBuilder &k) { buildGPUMatrixFlash(getOperands(inner), strategy, k); });
}

//===----------------------------------------------------------------------===//
// Kernels of few tokens
//===----------------------------------------------------------------------===//

static void launchMerge(KernelModule &kernels, Operation *op, int64_t warps, int64_t blockKeys) {
  Location loc = op->getLoc();
  AttentionOperands operands = getOperands(op);
  kernels.launch(op, "attention_merge",
                 {{kernels.index(loc, llvm::divideCeil(operands.heads, warps)), kernels.getTokens(loc, operands.q)},
                  warps * kWarpThreads},
                 [&](Operation *inner, GPUKernelBuilder &k) {
                   buildGPUFlashMerge(getOperands(inner), getScratch(inner), warps, blockKeys, k);
                 });
}

/// Blocks of keys along x, parts of heads along y, tokens along z.
static LaunchShape getBlocksShape(KernelModule &kernels, Operation *op, int64_t warps, int64_t blockKeys,
                                  int64_t headGroups) {
  Location loc = op->getLoc();
  AttentionOperands operands = getOperands(op);
  Value positions = kernels.b.createOrFold<memref::DimOp>(loc, operands.keys, operands.getKeyDim());
  return {{kernels.ceilDiv(loc, positions, blockKeys * warps), kernels.index(loc, operands.keyHeads * headGroups),
           kernels.getTokens(loc, operands.q)},
          warps * kWarpThreads};
}

static void launchFew(KernelModule &kernels, Operation *op, GPUFlashAttr strategy) {
  FlashShape shape(getOperands(op), strategy.getRows());
  LaunchShape launch = getBlocksShape(kernels, op, strategy.getWarps(), kFlashKeys, shape.headGroups);
  launch.workgroupBytes = getWeightBytes(strategy, shape.heads);
  kernels.launch(op, "attention_blocks", launch, [&](Operation *inner, GPUKernelBuilder &k) {
    buildGPUFlashBlocks(getOperands(inner), getScratch(inner), strategy, k);
  });
  launchMerge(kernels, op, strategy.getWarps(), kFlashKeys);
}

static void launchFew(KernelModule &kernels, Operation *op, GPUMatrixFlashAttr strategy) {
  MatrixFlashShape shape(getOperands(op), strategy);
  LaunchShape launch = getBlocksShape(kernels, op, strategy.getWarps(), strategy.getKeys(), shape.split.headGroups);
  launch.workgroupBytes = shape.splitBytes;
  launch.registers = getRegisters(strategy);
  kernels.launch(op, "attention_matrix_blocks", launch, [&](Operation *inner, GPUKernelBuilder &k) {
    buildGPUMatrixFlashBlocks(getOperands(inner), getScratch(inner), strategy, k);
  });
  launchMerge(kernels, op, strategy.getWarps(), strategy.getKeys());
}

//===----------------------------------------------------------------------===//
// The choice
//===----------------------------------------------------------------------===//

template <typename StrategyT>
static LogicalResult launchByTokens(KernelModule &kernels, ComputeOpInterface op, StrategyT strategy) {
  auto cached = dyn_cast<CachedAttentionOp>(op.getOperation());
  if (!cached || strategy.getSplitTokens() == 0) {
    launchMany(kernels, op, strategy);
    return success();
  }
  if (cached.getScratch().size() != 1)
    return op.emitOpError("expects scratch for the blocks of keys, which mf-gpu-add-scratch gives");
  kernels.chooseByTokens(
      op.getLoc(), kernels.getTokens(op.getLoc(), cached.getQ()), strategy.getSplitTokens(),
      [&] { launchFew(kernels, op, strategy); }, [&] { launchMany(kernels, op, strategy); });
  return success();
}

LogicalResult mf::lowerAttention(KernelModule &kernels, ComputeOpInterface op) {
  if (auto matrices = dyn_cast_or_null<GPUMatrixFlashAttr>(op.getStrategyAttr())) {
    auto cached = dyn_cast<CachedAttentionOp>(op.getOperation());
    if (!cached || !hasAttentionMatrices(cached))
      return op.emitOpError("has the strategy ")
             << matrices << ", which needs caches of f16 or of bf16 with multiples of 16 features, 128 at most";
    return launchByTokens(kernels, op, matrices);
  }
  auto strategy = getGPUStrategy<GPUFlashAttr>(op);
  return strategy ? launchByTokens(kernels, op, strategy) : failure();
}
