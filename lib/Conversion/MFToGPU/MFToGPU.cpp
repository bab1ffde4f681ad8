// The pass `convert-mf-to-gpu`: compute ops on memrefs to launches of kernels.
#include "KernelModule.h"
#include "Kernels.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "mf/Conversion/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::mf {
#define GEN_PASS_DEF_CONVERTMFTOGPUPASS
#include "mf/Conversion/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

namespace {
/// Launches the kernels of each op.
class KernelLowering : public KernelModule {
public:
  using KernelModule::KernelModule;

  LogicalResult lower(ComputeOpInterface op);

private:
  template <typename OpT>
  LogicalResult lowerRows(OpT op, StringRef family, void (*build)(OpT, GPURowsAttr, GPUKernelBuilder &));
  LogicalResult lowerHash(HashOp op);
  LogicalResult lowerLookup(LookupOp op);
  LogicalResult lowerTopK(TopKOp op);
  void launchGather(LookupOp op, int64_t threads);
  void launchTableTile(LookupOp op, GPUTableTileAttr strategy);
};
} // namespace

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

template <typename OpT>
LogicalResult KernelLowering::lowerRows(OpT op, StringRef family, void (*build)(OpT, GPURowsAttr, GPUKernelBuilder &)) {
  auto strategy = getGPUStrategy<GPURowsAttr>(op);
  if (!strategy)
    return failure();
  Value rows = ceilDiv(op.getLoc(), getTokens(op.getLoc(), op->getOperand(0)), strategy.getWarps());
  launch(op, family, {{rows}, strategy.getWarps() * kWarpThreads},
         [&](Operation *inner, GPUKernelBuilder &k) { build(cast<OpT>(inner), strategy, k); });
  return success();
}

LogicalResult KernelLowering::lowerHash(HashOp op) {
  auto strategy = getGPUStrategy<GPUHashAttr>(op);
  if (!strategy)
    return failure();
  Value blocks = ceilDiv(op.getLoc(), getTokens(op.getLoc(), op.getX()), strategy.getWarps());
  launch(op, "hash", {{blocks}, strategy.getWarps() * kWarpThreads},
         [&](Operation *inner, GPUKernelBuilder &k) { buildGPUHash(cast<HashOp>(inner), strategy, k); });
  return success();
}

void KernelLowering::launchGather(LookupOp op, int64_t threads) {
  Location loc = op.getLoc();
  int64_t pieces = 0, width = getGatherWidth(op);
  for (Value init : op.getInits())
    pieces = std::max(pieces, cast<MemRefType>(init.getType()).getDimSize(1) / width);
  launch(op, "lookup_gather",
         {{getTokens(loc, op.getCodes()), index(loc, llvm::divideCeil(pieces, threads)),
           index(loc, op.getInits().size())},
          threads},
         [&](Operation *inner, GPUKernelBuilder &k) { buildGPURowGather(cast<LookupOp>(inner), threads, k); });
}

void KernelLowering::launchTableTile(LookupOp op, GPUTableTileAttr strategy) {
  Location loc = op.getLoc();
  TableTile tile(op, strategy);
  int64_t strips = cast<MemRefType>(op.getTables().front().getType()).getDimSize(0);
  Value tokens = getTokens(loc, op.getCodes());
  auto launchTile = [&] {
    launch(op, "lookup_tile",
           {{index(loc, strips), ceilDiv(loc, tokens, tile.tokens), index(loc, op.getInits().size())},
            strategy.getThreads(),
            tile.bytes},
           [&](Operation *inner, GPUKernelBuilder &k) { buildGPUTableTile(cast<LookupOp>(inner), strategy, k); });
  };
  chooseByTokens(
      loc, tokens, strategy.getGatherTokens(), [&] { launchGather(op, /*threads=*/128); }, launchTile);
}

LogicalResult KernelLowering::lowerTopK(TopKOp op) {
  auto strategy = getGPUStrategy<GPURowsAttr>(op);
  if (!strategy)
    return failure();
  Location loc = op.getLoc();
  int64_t runs = cast<MemRefType>(op.getValuesInit().getType()).getDimSize(1);
  launch(op, "top_k",
         {{index(loc, llvm::divideCeil(runs, strategy.getWarps())), getTokens(loc, op.getX())},
          strategy.getWarps() * kWarpThreads},
         [&](Operation *inner, GPUKernelBuilder &k) { buildGPUTopK(cast<TopKOp>(inner), strategy, k); });
  return success();
}

LogicalResult KernelLowering::lowerLookup(LookupOp op) {
  if (op.isQuantized())
    return op.emitOpError("has quantised tables, which have no kernel for GPUs");
  if (op.hasSharedRows() && op.getNumTables() > 1)
    return op.emitOpError("has pruned tables, which have no kernel for GPUs");
  if (auto gather = dyn_cast_or_null<GPURowGatherAttr>(op.getStrategyAttr())) {
    launchGather(op, gather.getThreads());
    return success();
  }
  auto strategy = getGPUStrategy<GPUTableTileAttr>(op);
  if (!strategy)
    return failure();
  if (!hasTableSlices(op))
    return op.emitOpError("has the strategy ") << strategy
                                               << ", which needs tables of floats in strips of 16 bytes "
                                                  "times a power of two, and no columns besides";
  int64_t rows = cast<MemRefType>(op.getTables().front().getType()).getDimSize(2);
  if (rows % strategy.getRows() != 0)
    return op.emitOpError("expects slices to be equal parts of tables of ")
           << rows << " rows, found " << strategy.getRows() << " rows";
  launchTableTile(op, strategy);
  return success();
}

/// Kernels index features by adjacent elements whose number they know.
static LogicalResult checkMemRefs(Operation *op) {
  for (auto [position, type] : llvm::enumerate(op->getOperandTypes())) {
    auto memref = dyn_cast<MemRefType>(type);
    if (!memref)
      return op->emitOpError("operand #") << position << " is a tensor; kernels are built on memrefs";
    // Caches have as many positions as a session asks for.
    int64_t cacheDim = memref.getRank() == 4 ? 2 : 0;
    for (auto [dim, extent] : llvm::enumerate(memref.getShape()))
      if (dim > 0 && static_cast<int64_t>(dim) != cacheDim && ShapedType::isDynamic(extent))
        return op->emitOpError("dimension ") << dim << " of " << type << " must be static";
  }
  return success();
}

LogicalResult KernelLowering::lower(ComputeOpInterface op) {
  if (failed(checkMemRefs(op)))
    return failure();
  b.setInsertionPoint(op);
  LogicalResult result =
      llvm::TypeSwitch<Operation *, LogicalResult>(op)
          .Case([&](ActivationOp activation) { return lowerRows(activation, "activation", buildGPUActivation); })
          .Case([&](AddOp add) { return lowerRows(add, "add", buildGPUAdd); })
          .Case<AttentionOp, CachedAttentionOp>([&](auto) { return lowerAttention(*this, op); })
          .Case([&](EmbeddingOp embedding) {
            if (embedding.getLayoutAttr())
              return LogicalResult(embedding.emitOpError("has a table in panels, which has no kernel for GPUs"));
            return lowerRows(embedding, "embedding", buildGPUEmbedding);
          })
          .Case([&](HashOp hash) { return lowerHash(hash); })
          .Case([&](LayerNormOp norm) { return lowerRows(norm, "layer_norm", buildGPULayerNorm); })
          .Case([&](LinearOp linear) { return lowerDense(*this, linear); })
          .Case([&](LookupOp lookup) { return lowerLookup(lookup); })
          .Case([&](MergeTopKOp merge) { return lowerRows(merge, "merge_top_k", buildGPUMergeTopK); })
          .Case([&](RMSNormOp norm) { return lowerRows(norm, "rms_norm", buildGPURMSNorm); })
          .Case([&](RopeOp rope) { return lowerRows(rope, "rope", buildGPURope); })
          .Case([&](TopKOp topK) { return lowerTopK(topK); })
          .Case([&](UpdateStateOp update) { return lowerRows(update, "update_state", buildGPUUpdateState); })
          .Default([](Operation *other) { return other->emitOpError("has no kernel for GPUs"); });
  if (succeeded(result))
    op.erase();
  return result;
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

namespace {
struct ConvertMFToGPUPass : public mf::impl::ConvertMFToGPUPassBase<ConvertMFToGPUPass> {
  void runOnOperation() override {
    KernelLowering lowering(getOperation());
    SmallVector<ComputeOpInterface> ops;
    getOperation().walk([&](ComputeOpInterface op) { ops.push_back(op); });
    for (ComputeOpInterface op : ops)
      if (failed(lowering.lower(op)))
        return signalPassFailure();
    numKernels += lowering.getNumKernels();
  }
};
} // namespace
