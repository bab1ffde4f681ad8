// Compute ops to parallel loops: row-wise neighbours share one over tokens, all others have their own.
#include "TokenLoop.h"
#include "mf/Codegen/Common/Passes.h"
#include "mf/Codegen/Strategy/Strategies.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/SCF/Utils/Utils.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::mf {
#define GEN_PASS_DEF_TILEANDFUSEPASS
#include "mf/Codegen/Common/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Extents
//===----------------------------------------------------------------------===//

/// Takes each extent of the arguments that has a name from the first argument with that name, so that equal extents are
/// equal values.
static void shareNamedExtents(func::FuncOp func, IRRewriter &rewriter) {
  llvm::StringMap<std::pair<Value, int64_t>> firsts;
  for (BlockArgument arg : func.getArguments()) {
    auto names = func.getArgAttrOfType<ArrayAttr>(arg.getArgNumber(), "mf.dims");
    if (!names || !isa<RankedTensorType>(arg.getType()))
      continue;
    for (auto [dim, name] : llvm::enumerate(names.getAsRange<StringAttr>())) {
      std::pair<Value, int64_t> first = firsts.try_emplace(name, arg, dim).first->second;
      if (name.empty() || first == std::pair<Value, int64_t>(arg, dim))
        continue;
      for (Operation *user : llvm::make_early_inc_range(arg.getUsers())) {
        auto dimOp = dyn_cast<tensor::DimOp>(user);
        if (!dimOp || dimOp.getConstantIndex() != static_cast<int64_t>(dim))
          continue;
        rewriter.setInsertionPoint(dimOp);
        rewriter.replaceOpWithNewOp<tensor::DimOp>(dimOp, first.first, first.second);
      }
    }
  }
}

/// Expresses extents of results by extents of arguments: an op that asks for an extent must not close a loop.
static LogicalResult resolveExtents(func::FuncOp func) {
  RewritePatternSet patterns(func.getContext());
  memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
  GreedyRewriteConfig config;
  config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
  return applyPatternsGreedily(func, std::move(patterns), config);
}

//===----------------------------------------------------------------------===//
// Ops that are loops of their own
//===----------------------------------------------------------------------===//

/// The dense layer that gives its columns to `op` alone, where runs of them begin at its panels; null where there is
/// none.
static LinearOp getFusedLinear(Operation *op) {
  auto topK = dyn_cast<TopKOp>(op);
  auto linear = topK ? topK.getX().getDefiningOp<LinearOp>() : LinearOp();
  if (!linear || !linear->hasOneUse() || linear->getBlock() != op->getBlock())
    return {};
  PanelLayoutAttr layout = linear.getLayoutAttr();
  bool beginsAtPanels = !layout || topK.getColumns() % layout.getColumns() == 0;
  return beginsAtPanels && isa_and_present<CPUPanelGemmAttr>(linear.getStrategyAttr()) ? linear : LinearOp();
}

/// A tile per loop of the op, as its strategy says.
static SmallVector<int64_t> getOwnTiles(ComputeOpInterface op) {
  return TypeSwitch<Attribute, SmallVector<int64_t>>(op.getStrategyAttr())
      .Case([](CPUFlashAttr flash) {
        return SmallVector<int64_t>{flash.getQueries(), 1};
      })
      .Case([&](CPULinearAttentionAttr attention) {
        if (isa<ProjectSequenceOp>(op))
          return SmallVector<int64_t>{attention.getRows(), 1};
        return SmallVector<int64_t>{1};
      })
      .Case([&](CPUPanelGemmAttr gemm) {
        PanelLayoutAttr layout = cast<LinearOp>(op.getOperation()).getLayoutAttr();
        int64_t columns = gemm.getTileColumns();
        // A tile has whole panels.
        if (layout)
          columns = llvm::alignTo(columns, layout.getColumns());
        return SmallVector<int64_t>{gemm.getTileRows(), columns};
      })
      .Case([&](CPUStripsAttr strips) {
        int64_t columns = cast<LookupOp>(op.getOperation()).getLayoutAttr().getStripColumns();
        return SmallVector<int64_t>{kStripTokens, strips.getStrips() * columns};
      })
      .Default([&](Attribute) {
        if (LinearOp linear = getFusedLinear(op))
          return SmallVector<int64_t>{cast<CPUPanelGemmAttr>(linear.getStrategyAttr()).getTileRows(), 1};
        if (isa<TopKOp>(op))
          return SmallVector<int64_t>{kTokenTile, 1};
        return SmallVector<int64_t>{isa<UpdateStateOp>(op) ? 1 : kTokenTile};
      });
}

/// Asks the destinations instead of their block arguments for extents. A tile that is taken out and put back by extents
/// from two places would be copied to itself.
static void takeExtentsFromOutside(scf::ForallOp loop, IRRewriter &rewriter) {
  for (auto [arg, destination] : llvm::zip_equal(loop.getRegionOutArgs(), loop.getOutputs()))
    rewriter.replaceUsesWithIf(arg, destination, [](OpOperand &use) { return isa<tensor::DimOp>(use.getOwner()); });
}

/// Whether `op` is computed in the loop of its user.
static bool isFusedIntoUser(Operation *op) {
  return isa<LinearOp>(op) && op->hasOneUse() && getFusedLinear(*op->user_begin()) == op;
}

/// Moves `linear` into the loops of its user: its tile gets a buffer of its own.
static LogicalResult fuseLinear(LinearOp linear, MutableArrayRef<LoopLikeOpInterface> loops, IRRewriter &rewriter) {
  tensor::ExtractSliceOp slice;
  for (Operation *user : llvm::make_early_inc_range(linear->getUsers())) {
    if (auto taken = dyn_cast<tensor::ExtractSliceOp>(user))
      slice = taken;
    else if (isOpTriviallyDead(user)) // An extent that tiling has asked for.
      rewriter.eraseOp(user);
  }
  auto fused = slice ? scf::tileAndFuseProducerOfSlice(rewriter, slice, loops) : std::nullopt;
  if (!fused || fused->tiledOps.size() != 1)
    return linear.emitOpError() << "cannot be computed in the loop of the op that reads it";
  auto tile = cast<LinearOp>(fused->tiledOps.front());
  rewriter.setInsertionPoint(tile);
  Value empty =
      tensor::EmptyOp::create(rewriter, tile.getLoc(), tensor::getMixedSizes(rewriter, tile.getLoc(), tile.getInit()),
                              getElementTypeOrSelf(tile.getInit().getType()));
  rewriter.modifyOpInPlace(tile, [&] { tile.getInitMutable().assign(empty); });
  if (slice->use_empty())
    rewriter.eraseOp(slice);
  rewriter.eraseOp(linear);
  return success();
}

/// Tiles `op` into a loop of its own, which it returns.
static FailureOr<scf::ForallOp> tileAlone(ComputeOpInterface op, IRRewriter &rewriter) {
  auto dpsOp = cast<DestinationStyleOpInterface>(op.getOperation());
  // A destination that other ops write too could not be written in place.
  for (OpOperand &init : dpsOp.getDpsInitsMutable())
    if (auto empty = init.get().getDefiningOp<tensor::EmptyOp>(); empty && !empty->hasOneUse()) {
      rewriter.setInsertionPoint(op);
      rewriter.modifyOpInPlace(op, [&] { init.set(rewriter.clone(*empty)->getResult(0)); });
    }

  LinearOp linear = getFusedLinear(op);
  SmallVector<int64_t> tiles = getOwnTiles(op);
  tiles.resize(op.getLoopDims().size(), 0);
  scf::SCFTilingOptions options;
  options.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
  options.setTileSizes(getAsIndexOpFoldResult(op.getContext(), tiles));
  // Heads and panels are the outer loop: what they read stays in cache while the tokens pass.
  if (tiles.size() == 2)
    options.setInterchange({1, 0});
  rewriter.setInsertionPoint(op);
  FailureOr<scf::SCFTilingResult> tiled =
      scf::tileUsingSCF(rewriter, cast<TilingInterface>(op.getOperation()), options);
  if (failed(tiled))
    return failure(); // The op has said why.
  for (LoopLikeOpInterface loop : tiled->loops)
    takeExtentsFromOutside(cast<scf::ForallOp>(loop.getOperation()), rewriter);
  rewriter.replaceOp(op, tiled->replacements);
  if (linear && failed(fuseLinear(linear, tiled->loops, rewriter)))
    return failure();
  return cast<scf::ForallOp>(tiled->loops.front().getOperation());
}

/// Whether `loop` can go to the place of `other`, which follows it, and be the same loop.
static bool canJoin(scf::ForallOp loop, scf::ForallOp other) {
  if (loop->getBlock() != other->getBlock() || loop.getMixedLowerBound() != other.getMixedLowerBound() ||
      loop.getMixedUpperBound() != other.getMixedUpperBound() || loop.getMixedStep() != other.getMixedStep())
    return false;
  return llvm::all_of(loop->getUsers(), [&](Operation *user) {
    Operation *ancestor = loop->getBlock()->findAncestorOpInBlock(*user);
    return ancestor && other->isBeforeInBlock(ancestor);
  });
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

namespace {
struct TileAndFusePass : public mf::impl::TileAndFusePassBase<TileAndFusePass> {
  void runOnOperation() override;

private:
  LogicalResult tileBlock(Block &block, IRRewriter &rewriter);
  LogicalResult tileComputeOp(ComputeOpInterface op, TokenLoop &loop, IRRewriter &rewriter);
  LogicalResult tileUpdate(UpdateStateOp op, IRRewriter &rewriter);
  LogicalResult close(TokenLoop &loop, int64_t nextTile, IRRewriter &rewriter);

  /// Of the update of a state that was tiled last.
  scf::ForallOp lastUpdates;
};
} // namespace

/// Builds the loop that is open, if any, and opens one of `nextTile` tokens.
LogicalResult TileAndFusePass::close(TokenLoop &loop, int64_t nextTile, IRRewriter &rewriter) {
  TokenLoop closed = std::exchange(loop, TokenLoop(nextTile));
  if (closed.empty())
    return success();
  ++numTokenLoops;
  numFusedOps += llvm::count_if(closed.getMembers(), llvm::IsaPred<ComputeOpInterface>);
  return closed.build(rewriter);
}

/// Updates of two states, keys and values, share a loop, for the sake of one barrier, where nothing between them reads
/// the first.
LogicalResult TileAndFusePass::tileUpdate(UpdateStateOp op, IRRewriter &rewriter) {
  FailureOr<scf::ForallOp> tiled = tileAlone(op, rewriter);
  if (failed(tiled))
    return failure();
  scf::ForallOp before = std::exchange(lastUpdates, *tiled);
  if (before && canJoin(before, *tiled)) {
    rewriter.setInsertionPoint(*tiled);
    lastUpdates = fuseIndependentSiblingForallLoops(before, *tiled, rewriter);
  }
  return success();
}

LogicalResult TileAndFusePass::tileComputeOp(ComputeOpInterface op, TokenLoop &loop, IRRewriter &rewriter) {
  if (!cast<DestinationStyleOpInterface>(op.getOperation()).hasPureTensorSemantics())
    return op.emitOpError() << "expects tensors: it is tiled before bufferisation";
  StrategyAttrInterface strategy = op.getStrategyAttr();
  if (!strategy)
    return op.emitOpError() << "expects a strategy, which mf-cpu-select-strategies sets";
  int64_t tile = strategy.getTokenTile();
  if (isFusedIntoUser(op))
    return loop.isUsedBy(op) ? close(loop, 0, rewriter) : success();
  if (tile == 0) {
    if (loop.isUsedBy(op) && failed(close(loop, 0, rewriter)))
      return failure();
    if (auto update = dyn_cast<UpdateStateOp>(op.getOperation()))
      return tileUpdate(update, rewriter);
    return success(succeeded(tileAlone(op, rewriter)));
  }
  if (loop.getTile() == tile && loop.join(op))
    return success();
  if (failed(close(loop, tile, rewriter)))
    return failure();
  if (!loop.join(op))
    return op.emitOpError() << "expects static dimensions apart from the tokens";
  return success();
}

/// Tiles the ops of `block`, and those of regions in it that are not parallel loops already.
LogicalResult TileAndFusePass::tileBlock(Block &block, IRRewriter &rewriter) {
  TokenLoop loop(0);
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (auto compute = dyn_cast<ComputeOpInterface>(op)) {
      if (failed(tileComputeOp(compute, loop, rewriter)))
        return failure();
      continue;
    }
    if (loop.join(&op))
      continue;
    if (loop.isUsedBy(&op) && failed(close(loop, 0, rewriter)))
      return failure();
    if (isa<scf::ForallOp>(op))
      continue;
    for (Region &region : op.getRegions())
      for (Block &nested : region)
        if (failed(tileBlock(nested, rewriter)))
          return failure();
  }
  return close(loop, 0, rewriter);
}

void TileAndFusePass::runOnOperation() {
  func::FuncOp func = getOperation();
  IRRewriter rewriter(&getContext());
  lastUpdates = {};
  if (func.isExternal())
    return;
  shareNamedExtents(func, rewriter);
  if (failed(resolveExtents(func)))
    return signalPassFailure();
  for (Block &block : func.getBody())
    if (failed(tileBlock(block, rewriter)))
      return signalPassFailure();
  if (failed(resolveExtents(func)))
    return signalPassFailure();
}
