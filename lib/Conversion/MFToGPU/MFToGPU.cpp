// The pass `convert-mf-to-gpu`: compute ops on memrefs to launches of kernels.
#include "KernelModule.h"
#include "Kernels.h"
#include "TableSlices.h"
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
  LogicalResult lowerTopK(TopKOp op);
  LogicalResult lowerProjection(ProjectSequenceOp op);
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
  Value tokens = getTokens(loc, op.getCodes());
  auto launchTile = [&] {
    launch(op, "lookup_tile", getTableTileShape(*this, op, strategy),
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

LogicalResult KernelLowering::lowerProjection(ProjectSequenceOp op) {
  auto strategy = getGPUStrategy<GPULinearAttentionAttr>(op);
  if (!strategy)
    return failure();
  Location loc = op.getLoc();
  auto type = cast<MemRefType>(op.getInit().getType());
  int64_t threads = strategy.getWarps() * kWarpThreads, places = type.getDimSize(1) * type.getDimSize(2);
  launch(
      op, "project_sequence",
      {{index(loc, llvm::divideCeil(places, threads)), ceilDiv(loc, getTokens(loc, op.getInit()), strategy.getRows())},
       threads},
      [&](Operation *inner, GPUKernelBuilder &k) {
        buildGPUProjectSequence(cast<ProjectSequenceOp>(inner), strategy, k);
      });
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
  if (failed(verifyTableTile(op, strategy)))
    return failure();
  if (op.isQuantized())
    return lowerIntegerLookup(*this, op);
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
          .Case<AttentionOp, CachedAttentionOp>([&](auto) { return lowerAttention(*this, op); })
          .Case([&](LinearOp linear) { return lowerDense(*this, linear); })
          .Case([&](LinearAttentionOp attention) { return lowerLinearAttention(*this, attention); })
          .Case([&](ProjectSequenceOp projection) { return lowerProjection(projection); })
          .Case([&](RecurrentAttentionOp attention) { return lowerRecurrentAttention(*this, attention); })
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
  launch(op, "copy", {{ceilDiv(loc, pieces, threads)}, threads},
         [&](Operation *inner, GPUKernelBuilder &k) { buildGPUCopy(cast<memref::CopyOp>(inner), threads, k); });
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
