// The pass `convert-mf-to-gpu`: compute ops on memrefs to launches of kernels.
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

static constexpr StringLiteral kKernels = "kernels";

namespace {
/// How often a kernel runs at a time.
struct Shape {
  SmallVector<Value, 3> grid; ///< x, y and z; those that are missing are 1
  int64_t threads;
  int64_t workgroupBytes = 0;
};

/// The kernels of a module and what launches them.
class KernelLowering {
public:
  explicit KernelLowering(ModuleOp module) : module(module), b(module.getContext()) {}

  LogicalResult lower(ComputeOpInterface op);
  int64_t getNumKernels() const { return kernels.size(); }

private:
  using BodyBuilder = function_ref<void(Operation *, GPUKernelBuilder &)>;

  gpu::GPUModuleOp getKernelModule();
  gpu::GPUFuncOp createKernel(Operation *op, StringRef family, int64_t threads, BodyBuilder build);
  void launch(Operation *op, StringRef family, const Shape &shape, BodyBuilder build);
  Value ceilDiv(Location loc, Value x, int64_t y);
  Value index(Location loc, int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }

  template <typename OpT>
  LogicalResult lowerRows(OpT op, StringRef family, void (*build)(OpT, GPURowsAttr, GPUKernelBuilder &));
  LogicalResult lowerHash(HashOp op);
  LogicalResult lowerLookup(LookupOp op);
  LogicalResult lowerLinear(LinearOp op);
  LogicalResult lowerAttention(Operation *op, const AttentionOperands &operands);
  LogicalResult lowerTopK(TopKOp op);
  void launchFlash(Operation *op, const AttentionOperands &operands, GPUFlashAttr strategy);
  void launchSplitFlash(CachedAttentionOp op, GPUFlashAttr strategy);
  /// Launches by `few` below `bound` tokens, by `many` from there on.
  void chooseByTokens(Location loc, Value tokens, int64_t bound, function_ref<void()> few, function_ref<void()> many);
  void launchGather(LookupOp op, int64_t threads);
  void launchTableTile(LookupOp op, GPUTableTileAttr strategy);

  ModuleOp module;
  OpBuilder b;
  gpu::GPUModuleOp kernelModule;
  /// By what a kernel depends on: family, attributes and types of the op.
  llvm::StringMap<gpu::GPUFuncOp> kernels;
};
} // namespace

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

gpu::GPUModuleOp KernelLowering::getKernelModule() {
  if (kernelModule)
    return kernelModule;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(module.getBody());
  module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(), b.getUnitAttr());
  kernelModule = gpu::GPUModuleOp::create(b, module.getLoc(), kKernels);
  b.setInsertionPointToStart(kernelModule.getBody());
  // Of no size: it becomes the memory whose size a launch gives.
  Attribute space = gpu::AddressSpaceAttr::get(b.getContext(), gpu::AddressSpace::Workgroup);
  auto type = MemRefType::get({0}, b.getI8Type(), MemRefLayoutAttrInterface(), space);
  memref::GlobalOp::create(b, module.getLoc(), kWorkgroupMemory, b.getStringAttr("public"), type,
                           /*initial_value=*/Attribute(), /*constant=*/false, b.getI64IntegerAttr(128));
  return kernelModule;
}

/// Equal layers launch one kernel.
gpu::GPUFuncOp KernelLowering::createKernel(Operation *op, StringRef family, int64_t threads, BodyBuilder build) {
  std::string key;
  llvm::raw_string_ostream(key) << family << op->getAttrDictionary() << op->getPropertiesAsAttribute()
                                << op->getOperandTypes();
  gpu::GPUFuncOp &kernel = kernels[key];
  if (kernel)
    return kernel;
  gpu::GPUModuleOp target = getKernelModule();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(target.getBody());
  Location loc = op->getLoc();
  std::string name = (family + "_" + Twine(kernels.size() - 1)).str();
  kernel = gpu::GPUFuncOp::create(b, loc, name, b.getFunctionType(op->getOperandTypes(), {}));
  kernel->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
  kernel.setKnownBlockSizeAttr(b.getDenseI32ArrayAttr({static_cast<int32_t>(threads), 1, 1}));
  b.setInsertionPointToStart(&kernel.getBody().front());
  IRMapping mapping;
  mapping.map(op->getOperands(), kernel.getBody().front().getArguments().take_front(op->getNumOperands()));
  // The op on the kernel's arguments says what to build, then it goes.
  Operation *inner = b.clone(*op, mapping);
  GPUKernelBuilder k(ImplicitLocOpBuilder(loc, inner));
  build(inner, k);
  inner->erase();
  gpu::ReturnOp::create(b, loc);
  return kernel;
}

void KernelLowering::launch(Operation *op, StringRef family, const Shape &shape, BodyBuilder build) {
  gpu::GPUFuncOp kernel = createKernel(op, family, shape.threads, build);
  Location loc = op->getLoc();
  SmallVector<Value, 3> grid(shape.grid);
  Value one = index(loc, 1);
  grid.resize(3, one);
  Value bytes = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(shape.workgroupBytes));
  gpu::LaunchFuncOp::create(b, loc, kernel, gpu::KernelDim3{grid[0], grid[1], grid[2]},
                            gpu::KernelDim3{index(loc, shape.threads), one, one}, bytes, op->getOperands());
}

Value KernelLowering::ceilDiv(Location loc, Value x, int64_t y) {
  return b.createOrFold<arith::CeilDivUIOp>(loc, x, index(loc, y));
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// The strategy of `op`, where it is of the family that its kernel needs; null after a message.
template <typename StrategyT> static StrategyT getStrategy(ComputeOpInterface op) {
  auto strategy = dyn_cast_or_null<StrategyT>(op.getStrategyAttr());
  if (!strategy)
    op.emitOpError("expects a strategy #mf.") << StrategyT::getMnemonic() << ", found " << op.getStrategyAttr();
  return strategy;
}

static Value getTokens(OpBuilder &b, Location loc, Value memref) {
  return b.createOrFold<memref::DimOp>(loc, memref, 0);
}

template <typename OpT>
LogicalResult KernelLowering::lowerRows(OpT op, StringRef family, void (*build)(OpT, GPURowsAttr, GPUKernelBuilder &)) {
  auto strategy = getStrategy<GPURowsAttr>(op);
  if (!strategy)
    return failure();
  Value rows = ceilDiv(op.getLoc(), getTokens(b, op.getLoc(), op->getOperand(0)), strategy.getWarps());
  launch(op, family, {{rows}, strategy.getWarps() * kWarpThreads},
         [&](Operation *inner, GPUKernelBuilder &k) { build(cast<OpT>(inner), strategy, k); });
  return success();
}

LogicalResult KernelLowering::lowerHash(HashOp op) {
  auto strategy = getStrategy<GPUHashAttr>(op);
  if (!strategy)
    return failure();
  Value blocks = ceilDiv(op.getLoc(), getTokens(b, op.getLoc(), op.getX()), strategy.getWarps());
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
         {{getTokens(b, loc, op.getCodes()), index(loc, llvm::divideCeil(pieces, threads)),
           index(loc, op.getInits().size())},
          threads},
         [&](Operation *inner, GPUKernelBuilder &k) { buildGPURowGather(cast<LookupOp>(inner), threads, k); });
}

void KernelLowering::launchTableTile(LookupOp op, GPUTableTileAttr strategy) {
  Location loc = op.getLoc();
  TableTile tile(op, strategy);
  int64_t strips = cast<MemRefType>(op.getTables().front().getType()).getDimSize(0);
  Value tokens = getTokens(b, loc, op.getCodes());
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

void KernelLowering::chooseByTokens(Location loc, Value tokens, int64_t bound, function_ref<void()> few,
                                    function_ref<void()> many) {
  Value isFew = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, tokens, index(loc, bound));
  auto branch = scf::IfOp::create(b, loc, isFew, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenYield());
  few();
  b.setInsertionPoint(branch.elseYield());
  many();
}

LogicalResult KernelLowering::lowerLinear(LinearOp op) {
  if (op.isQuantized())
    return op.emitOpError("has a quantised weight, which has no kernel for GPUs");
  auto strategy = getStrategy<GPUDenseTileAttr>(op);
  if (!strategy)
    return failure();
  if (PanelLayoutAttr layout = op.getLayoutAttr(); layout && layout.getInterleave() != 1)
    return op.emitOpError("expects panels of floats without interleaved features, found ") << layout;
  Location loc = op.getLoc();
  DenseShape shape(op, strategy);
  Value tokens = getTokens(b, loc, op.getX());
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
  Value blocks = ceilDiv(loc, getTokens(b, loc, operands.q), shape.tokens * strategy.getWarps());
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
  Value tokens = getTokens(b, loc, op.getQ()), positions = b.createOrFold<memref::DimOp>(loc, op.getKeys(), 2);
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
  auto strategy = getStrategy<GPUFlashAttr>(cast<ComputeOpInterface>(op));
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
      op->getLoc(), getTokens(b, op->getLoc(), operands.q), strategy.getSplitTokens(),
      [&] { launchSplitFlash(cached, strategy); }, [&] { launchFlash(op, operands, strategy); });
  return success();
}

LogicalResult KernelLowering::lowerTopK(TopKOp op) {
  auto strategy = getStrategy<GPURowsAttr>(op);
  if (!strategy)
    return failure();
  Location loc = op.getLoc();
  int64_t runs = cast<MemRefType>(op.getValuesInit().getType()).getDimSize(1);
  launch(op, "top_k",
         {{index(loc, llvm::divideCeil(runs, strategy.getWarps())), getTokens(b, loc, op.getX())},
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
  auto strategy = getStrategy<GPUTableTileAttr>(op);
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
          .Case<AttentionOp, CachedAttentionOp>(
              [&](auto attention) { return lowerAttention(attention, AttentionOperands(attention)); })
          .Case([&](EmbeddingOp embedding) {
            if (embedding.getLayoutAttr())
              return LogicalResult(embedding.emitOpError("has a table in panels, which has no kernel for GPUs"));
            return lowerRows(embedding, "embedding", buildGPUEmbedding);
          })
          .Case([&](HashOp hash) { return lowerHash(hash); })
          .Case([&](LayerNormOp norm) { return lowerRows(norm, "layer_norm", buildGPULayerNorm); })
          .Case([&](LinearOp linear) { return lowerLinear(linear); })
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
