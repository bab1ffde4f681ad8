// The pass `convert-mf-to-gpu`: compute ops on memrefs to launches of kernels.
#include "KernelModule.h"
#include "Kernels.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "mf/Conversion/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
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
  /// One kernel for ops that go row by row, which `mf-gpu-group-rows` put together.
  LogicalResult lowerGroup(scf::ExecuteRegionOp group);
  /// A copy of one operand of an entry point to another one, of any shape.
  LogicalResult lowerCopy(memref::CopyOp op);

private:
  LogicalResult lowerRows(ArrayRef<Operation *> ops);
  LogicalResult lowerLookup(LookupOp op);
  LogicalResult lowerLinear(LinearOp op);
  LogicalResult lowerAttention(Operation *op, const AttentionOperands &operands);
  LogicalResult lowerTopK(TopKOp op);
  void launchFlash(Operation *op, const AttentionOperands &operands, GPUFlashAttr strategy);
  void launchSplitFlash(CachedAttentionOp op, GPUFlashAttr strategy);
  void launchGather(LookupOp op, int64_t threads);
  void launchTableTile(LookupOp op, GPUTableTileAttr strategy);
};
} // namespace

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// Builds the part of a kernel that computes one op for the token of each warp.
static void buildRows(Operation *op, GPUKernelBuilder &k) {
  auto strategy = dyn_cast<GPURowsAttr>(cast<ComputeOpInterface>(op).getStrategyAttr());
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](ActivationOp activation) { buildGPUActivation(activation, strategy, k); })
      .Case([&](AddOp add) { buildGPUAdd(add, strategy, k); })
      .Case([&](EmbeddingOp embedding) { buildGPUEmbedding(embedding, strategy, k); })
      .Case([&](HashOp hash) { buildGPUHash(hash, cast<GPUHashAttr>(hash.getStrategyAttr()), k); })
      .Case([&](LayerNormOp norm) { buildGPULayerNorm(norm, strategy, k); })
      .Case([&](MapCodesOp map) { buildGPUMapCodes(map, strategy, k); })
      .Case([&](MergeTopKOp merge) { buildGPUMergeTopK(merge, strategy, k); })
      .Case([&](QuantizeRowsOp rows) { buildGPUQuantizeRows(rows, strategy, k); })
      .Case([&](RMSNormOp norm) { buildGPURMSNorm(norm, strategy, k); })
      .Case([&](RopeOp rope) { buildGPURope(rope, strategy, k); })
      .Case([&](UpdateStateOp update) { buildGPUUpdateState(update, strategy, k); });
}

LogicalResult KernelLowering::lowerRows(ArrayRef<Operation *> ops) {
  std::string family;
  for (Operation *op : ops) {
    bool hasStrategy = isa<HashOp>(op) ? static_cast<bool>(getGPUStrategy<GPUHashAttr>(cast<ComputeOpInterface>(op)))
                                       : static_cast<bool>(getGPUStrategy<GPURowsAttr>(cast<ComputeOpInterface>(op)));
    if (!hasStrategy)
      return failure();
    if (getRowWarps(op) != getRowWarps(ops.front()))
      return op->emitOpError("expects as many warps as other ops of its group");
    family += (family.empty() ? "" : "_") + op->getName().stripDialect().str();
  }
  Location loc = ops.front()->getLoc();
  int64_t warps = getRowWarps(ops.front());
  Value blocks = ceilDiv(loc, getTokens(loc, ops.front()->getOperand(0)), warps);
  launchGroup(ops, family, {{blocks}, warps * kWarpThreads}, [&](ArrayRef<Operation *> inner, GPUKernelBuilder &k) {
    for (Operation *op : inner) {
      // What the warp wrote of its token is there for the next op.
      if (op != inner.front())
        k.warpBarrier();
      buildRows(op, k);
    }
  });
  return success();
}

void KernelLowering::launchGather(LookupOp op, int64_t threads) {
  Location loc = op.getLoc();
  int64_t pieces = 0, width = getGatherWidth(op);
  for (Value init : op.getInits())
    pieces = std::max(pieces, cast<MemRefType>(init.getType()).getDimSize(1) / width);
  launch(
      op, "lookup_gather",
      {{getTokens(loc, op.getCodes()), index(loc, llvm::divideCeil(pieces, threads)), index(loc, op.getInits().size())},
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

LogicalResult KernelLowering::lowerLinear(LinearOp op) {
  if (op.getPruning())
    return op.emitOpError("has a weight of pruned features, which has no kernel for GPUs");
  if (op.isQuantized())
    return lowerIntegerLinear(*this, op);
  auto strategy = getGPUStrategy<GPUDenseTileAttr>(op);
  if (!strategy)
    return failure();
  if (PanelLayoutAttr layout = op.getLayoutAttr(); layout && layout.getInterleave() != 1)
    return op.emitOpError("expects panels of floats without interleaved features, found ") << layout;
  Location loc = op.getLoc();
  DenseShape shape(op, strategy);
  Value tokens = getTokens(loc, op.getX());
  int64_t columns = cast<MemRefType>(op.getInit().getType()).getDimSize(1);
  auto stream = [&] {
    launch(op, "linear_stream",
           {{index(loc, llvm::divideCeil(columns, kStreamColumns)), ceilDiv(loc, tokens, kStreamTokens)},
            shape.lanes * shape.groups,
            shape.streamBytes},
           [&](Operation *inner, GPUKernelBuilder &k) { buildGPUDenseStream(cast<LinearOp>(inner), strategy, k); });
  };
  auto tile = [&] {
    launch(op, "linear_tile",
           {{index(loc, llvm::divideCeil(columns, strategy.getColumns())), ceilDiv(loc, tokens, strategy.getRows())},
            shape.tileThreads,
            shape.tileBytes},
           [&](Operation *inner, GPUKernelBuilder &k) { buildGPUDenseTile(cast<LinearOp>(inner), strategy, k); });
  };
  chooseByTokens(loc, tokens, strategy.getStreamTokens(), stream, tile);
  return success();
}

/// The operands of an attention in a kernel.
static AttentionOperands getAttentionOperands(Operation *op) {
  if (auto cached = dyn_cast<CachedAttentionOp>(op))
    return AttentionOperands(cached);
  return AttentionOperands(cast<AttentionOp>(op));
}

/// Bytes of workgroup memory for the weights of a block of keys.
static int64_t getWeightBytes(GPUFlashAttr strategy, int64_t rows) {
  return strategy.getWarps() * kFlashKeys * rows * 4;
}

void KernelLowering::launchFlash(Operation *op, const AttentionOperands &operands, GPUFlashAttr strategy) {
  Location loc = op->getLoc();
  FlashShape shape(operands, strategy.getRows());
  Value blocks = ceilDiv(loc, getTokens(loc, operands.q), shape.tokens * strategy.getWarps());
  launch(op, "attention",
         {{blocks, index(loc, operands.keyHeads * shape.headGroups)},
          strategy.getWarps() * kWarpThreads,
          getWeightBytes(strategy, shape.getRows())},
         [&](Operation *inner, GPUKernelBuilder &k) { buildGPUFlash(getAttentionOperands(inner), strategy, k); });
}

void KernelLowering::launchSplitFlash(CachedAttentionOp op, GPUFlashAttr strategy) {
  Location loc = op.getLoc();
  AttentionOperands operands(op);
  FlashShape shape(operands, strategy.getRows());
  int64_t warps = strategy.getWarps();
  Value tokens = getTokens(loc, op.getQ()), positions = b.createOrFold<memref::DimOp>(loc, op.getKeys(), 2);
  launch(op, "attention_blocks",
         {{ceilDiv(loc, positions, kFlashKeys * warps), index(loc, operands.keyHeads * shape.headGroups), tokens},
          warps * kWarpThreads,
          getWeightBytes(strategy, shape.heads)},
         [&](Operation *inner, GPUKernelBuilder &k) {
           auto cached = cast<CachedAttentionOp>(inner);
           buildGPUFlashBlocks(AttentionOperands(cached), cached.getScratch().front(), strategy, k);
         });
  launch(op, "attention_merge", {{index(loc, llvm::divideCeil(operands.heads, warps)), tokens}, warps * kWarpThreads},
         [&](Operation *inner, GPUKernelBuilder &k) {
           auto cached = cast<CachedAttentionOp>(inner);
           buildGPUFlashMerge(AttentionOperands(cached), cached.getScratch().front(), strategy, k);
         });
}

LogicalResult KernelLowering::lowerAttention(Operation *op, const AttentionOperands &operands) {
  auto strategy = getGPUStrategy<GPUFlashAttr>(cast<ComputeOpInterface>(op));
  if (!strategy)
    return failure();
  auto cached = dyn_cast<CachedAttentionOp>(op);
  if (!cached || strategy.getSplitTokens() == 0) {
    launchFlash(op, operands, strategy);
    return success();
  }
  if (cached.getScratch().size() != 1)
    return op->emitOpError("expects scratch for the blocks of keys, which mf-gpu-add-scratch gives");
  chooseByTokens(
      op->getLoc(), getTokens(op->getLoc(), operands.q), strategy.getSplitTokens(),
      [&] { launchSplitFlash(cached, strategy); }, [&] { launchFlash(op, operands, strategy); });
  return success();
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
  if (auto gather = dyn_cast_or_null<GPURowGatherAttr>(op.getStrategyAttr())) {
    if (op.isQuantized())
      return lowerIntegerLookup(*this, op);
    launchGather(op, gather.getThreads());
    return success();
  }
  auto strategy = getGPUStrategy<GPUTableTileAttr>(op);
  if (!strategy)
    return failure();
  if (!hasTableSlices(op))
    return op.emitOpError("has the strategy ") << strategy
                                               << ", which needs tables in strips of 16 bytes times a "
                                                  "power of two, of floats no columns besides";
  int64_t rows = cast<MemRefType>(op.getTables().front().getType()).getDimSize(2);
  if (rows % strategy.getRows() != 0)
    return op.emitOpError("expects slices to be equal parts of tables of ")
           << rows << " rows, found " << strategy.getRows() << " rows";
  if (op.isQuantized())
    return lowerIntegerLookup(*this, op);
  if (strategy.getTables() != 1)
    return op.emitOpError("expects slices of one table of floats at a time, found ") << strategy;
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
          .Case<ActivationOp, AddOp, EmbeddingOp, HashOp, LayerNormOp, MapCodesOp, MergeTopKOp, QuantizeRowsOp,
                RMSNormOp, RopeOp, UpdateStateOp>([&](auto rows) { return lowerRows(rows.getOperation()); })
          .Case<AttentionOp, CachedAttentionOp>(
              [&](auto attention) { return lowerAttention(attention, AttentionOperands(attention)); })
          .Case([&](LinearOp linear) { return lowerLinear(linear); })
          .Case([&](LookupOp lookup) { return lowerLookup(lookup); })
          .Case([&](TopKOp topK) { return lowerTopK(topK); })
          .Default([](Operation *other) { return other->emitOpError("has no kernel for GPUs"); });
  if (succeeded(result))
    op.erase();
  return result;
}

LogicalResult KernelLowering::lowerGroup(scf::ExecuteRegionOp group) {
  SmallVector<Operation *> ops;
  for (Operation &op : group.getRegion().front().without_terminator()) {
    if (getRowWarps(&op) == 0)
      return op.emitOpError("expects a group of ops that go row by row");
    if (failed(checkMemRefs(&op)))
      return failure();
    ops.push_back(&op);
  }
  b.setInsertionPoint(group);
  if (!ops.empty() && failed(lowerRows(ops)))
    return failure();
  group.erase();
  return success();
}

LogicalResult KernelLowering::lowerCopy(memref::CopyOp op) {
  static constexpr int64_t threads = 256;
  auto type = cast<MemRefType>(op.getSource().getType());
  if (type.getRank() == 0 || ShapedType::isDynamicShape(type.getShape().drop_front()))
    return op.emitOpError("of ") << type << " has no kernel for GPUs: dimensions but the first must be static";
  b.setInsertionPoint(op);
  Location loc = op.getLoc();
  Value pieces = b.createOrFold<arith::MulIOp>(loc, getTokens(loc, op.getSource()), index(loc, getCopyPieces(op)));
  launch(op, "copy", {{ceilDiv(loc, pieces, threads)}, threads}, [&](Operation *inner, GPUKernelBuilder &k) {
    buildGPUCopy(cast<memref::CopyOp>(inner), threads, k);
  });
  op.erase();
  return success();
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

namespace {
struct ConvertMFToGPUPass : public mf::impl::ConvertMFToGPUPassBase<ConvertMFToGPUPass> {
  void runOnOperation() override {
    KernelLowering lowering(getOperation());
    SmallVector<Operation *> ops;
    getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
      bool isGroup = isa<scf::ExecuteRegionOp>(op);
      if (isGroup || isa<ComputeOpInterface, memref::CopyOp>(op))
        ops.push_back(op);
      return isGroup ? WalkResult::skip() : WalkResult::advance();
    });
    for (Operation *op : ops) {
      LogicalResult result = llvm::TypeSwitch<Operation *, LogicalResult>(op)
                                 .Case([&](scf::ExecuteRegionOp group) { return lowering.lowerGroup(group); })
                                 .Case([&](memref::CopyOp copy) { return lowering.lowerCopy(copy); })
                                 .Default([&](Operation *op) { return lowering.lower(cast<ComputeOpInterface>(op)); });
      if (failed(result))
        return signalPassFailure();
    }
    numKernels += lowering.getNumKernels();
  }
};
} // namespace
