// Builds one parallel loop over token tiles from ops that go token by token.
#include "TokenLoop.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// What can be a member
//===----------------------------------------------------------------------===//

static bool isReshape(Operation *op) { return isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op); }

/// Whether a reshape maps dimension 0 to dimension 0 and to nothing else.
static bool keepsTokensApart(Operation *reshape) {
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(reshape))
    return !expand.getReassociationIndices().empty() && expand.getReassociationIndices().front().size() == 1;
  auto collapse = cast<tensor::CollapseShapeOp>(reshape);
  return !collapse.getReassociationIndices().empty() && collapse.getReassociationIndices().front().size() == 1;
}

/// Elementwise, with results in the order of the loops.
static bool isElementwise(Operation *op) {
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || !linalgOp.hasPureTensorSemantics() || !linalg::isElementwise(linalgOp))
    return false;
  return llvm::all_of(linalgOp.getDpsInitsMutable(),
                      [&](OpOperand &init) { return linalgOp.getMatchingIndexingMap(&init).isIdentity(); });
}

static bool hasStaticFeatures(Type type) {
  auto tensorType = dyn_cast<RankedTensorType>(type);
  return tensorType && tensorType.getRank() > 0 &&
         llvm::none_of(tensorType.getShape().drop_front(), ShapedType::isDynamic);
}

/// Whether the content of the destination matters. The compute ops that go token by token overwrite theirs.
static bool readsDestination(Operation *op, unsigned number) {
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  return linalgOp && linalgOp.payloadUsesValueFromOperand(linalgOp.getDpsInitOperand(number));
}

bool TokenLoop::isUsedBy(Operation *op) const {
  WalkResult result = op->walk([&](Operation *nested) {
    for (Value operand : nested->getOperands())
      if (Operation *def = operand.getDefiningOp(); def && members.contains(def))
        return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return result.wasInterrupted();
}

bool TokenLoop::hasTokenExtent(Value value) const {
  if (members.empty())
    return true;
  FailureOr<bool> equal = ValueBoundsConstraintSet::areEqual({value, 0}, {members.front()->getResult(0), 0});
  return succeeded(equal) && *equal;
}

/// Whether `slice` takes [offset, offset + size) of the tokens and everything else whole.
static bool isTokenTile(tensor::ExtractSliceOp slice, Value offset, Value size) {
  if (slice.getSourceType().getRank() != slice.getType().getRank() ||
      slice.getMixedOffsets().front() != OpFoldResult(offset) || slice.getMixedSizes().front() != OpFoldResult(size))
    return false;
  for (int64_t dim = 1, rank = slice.getType().getRank(); dim < rank; ++dim)
    if (!isConstantIntValue(slice.getMixedOffsets()[dim], 0) ||
        slice.getType().getDimSize(dim) != slice.getSourceType().getDimSize(dim))
      return false;
  return slice.hasUnitStride();
}

/// Cuts `op` into a tile for a trial and looks what it takes of the members' results: all of a table that is a result,
/// for instance, is more than a tile has.
bool TokenLoop::readsTiles(TilingInterface op) const {
  OpBuilder b(op);
  Operation *before = op->getPrevNode();
  Type index = b.getIndexType();
  Value offset = UnrealizedConversionCastOp::create(b, op.getLoc(), index, ValueRange()).getResult(0);
  Value size = UnrealizedConversionCastOp::create(b, op.getLoc(), index, ValueRange()).getResult(0);
  SmallVector<OpFoldResult> offsets, sizes;
  for (Range range : op.getIterationDomain(b)) {
    offsets.push_back(offsets.empty() ? OpFoldResult(offset) : range.offset);
    sizes.push_back(sizes.empty() ? OpFoldResult(size) : range.size);
  }
  FailureOr<TilingResult> tiled = op.getTiledImplementation(b, offsets, sizes);
  bool result = succeeded(tiled) && tiled->tiledOps.size() == 1;
  if (result) {
    for (Value operand : tiled->tiledOps.front()->getOperands()) {
      auto slice = operand.getDefiningOp<tensor::ExtractSliceOp>();
      Operation *source = slice ? slice.getSource().getDefiningOp() : operand.getDefiningOp();
      if (source && members.contains(source))
        result &= slice && isTokenTile(slice, offset, size);
    }
  }
  while (op->getPrevNode() != before)
    op->getPrevNode()->erase();
  return result;
}

bool TokenLoop::join(Operation *op) {
  if (!llvm::all_of(op->getResultTypes(), hasStaticFeatures))
    return false;
  if (isReshape(op)) {
    Operation *source = op->getOperand(0).getDefiningOp();
    return source && members.contains(source) && keepsTokensApart(op) && members.insert(op);
  }
  auto dpsOp = dyn_cast<DestinationStyleOpInterface>(op);
  if (!dpsOp || !isa<TilingInterface>(op))
    return false;
  if (auto compute = dyn_cast<ComputeOpInterface>(op)) {
    if (!compute.getStrategyAttr() || compute.getStrategyAttr().getTokenTile() != tile ||
        !dpsOp.hasPureTensorSemantics())
      return false;
  } else if (members.empty() || !isElementwise(op)) {
    return false;
  }
  for (Value init : dpsOp.getDpsInits())
    if (!hasTokenExtent(init))
      return false;
  return (members.empty() || readsTiles(cast<TilingInterface>(op))) && members.insert(op);
}

//===----------------------------------------------------------------------===//
// The loop
//===----------------------------------------------------------------------===//

/// Results that must exist as a whole: a user of theirs, perhaps behind reshapes, stands outside.
SmallVector<OpResult> TokenLoop::getExports() const {
  llvm::SmallDenseSet<Operation *> usedOutside; // reshapes
  Block *block = members.front()->getBlock();
  SmallVector<OpResult> exports;
  for (Operation *member : llvm::reverse(members)) {
    for (OpResult result : llvm::reverse(member->getResults())) {
      bool outside = llvm::any_of(result.getUsers(), [&](Operation *user) {
        Operation *ancestor = block->findAncestorOpInBlock(*user);
        return !members.contains(ancestor) || usedOutside.contains(ancestor);
      });
      if (outside && isReshape(member))
        usedOutside.insert(member);
      else if (outside)
        exports.push_back(result);
    }
  }
  std::reverse(exports.begin(), exports.end());
  return exports;
}

/// Offsets, sizes and strides of the tokens [offset, offset + size) of `type`.
static std::tuple<SmallVector<OpFoldResult>, SmallVector<OpFoldResult>, SmallVector<OpFoldResult>>
getTokenSlice(OpBuilder &b, RankedTensorType type, OpFoldResult offset, OpFoldResult size) {
  SmallVector<OpFoldResult> offsets(type.getRank(), b.getIndexAttr(0)), strides(type.getRank(), b.getIndexAttr(1));
  SmallVector<OpFoldResult> sizes = getAsIndexOpFoldResult(b.getContext(), type.getShape());
  offsets.front() = offset;
  sizes.front() = size;
  return {offsets, sizes, strides};
}

/// Each result gets a destination of its own: one that two results share could not be written in place by both.
SmallVector<Value> TokenLoop::createDestinations(RewriterBase &rewriter, ArrayRef<OpResult> exports,
                                                 OpFoldResult extent) const {
  SmallVector<Value> destinations;
  for (OpResult result : exports) {
    auto type = cast<RankedTensorType>(result.getType());
    Value init = cast<DestinationStyleOpInterface>(result.getOwner()).getTiedOpOperand(result)->get();
    Operation *def = init.getDefiningOp();
    if (!def || (!members.contains(def) && !isa<tensor::EmptyOp>(def))) {
      destinations.push_back(init);
      continue;
    }
    auto sizes = std::get<1>(getTokenSlice(rewriter, type, rewriter.getIndexAttr(0), extent));
    Value empty = tensor::EmptyOp::create(rewriter, result.getLoc(), sizes, type.getElementType());
    // A static extent behind a dynamic type.
    if (empty.getType() != type)
      empty = tensor::CastOp::create(rewriter, result.getLoc(), type, empty);
    destinations.push_back(empty);
  }
  return destinations;
}

static OpFoldResult getTileSize(OpBuilder &b, Location loc, Value offset, OpFoldResult extent, int64_t tile) {
  if (std::optional<int64_t> tokens = getConstantIntValue(extent)) {
    if (*tokens <= tile)
      return b.getIndexAttr(*tokens);
    if (*tokens % tile == 0)
      return b.getIndexAttr(tile);
  }
  AffineExpr remaining = b.getAffineSymbolExpr(1) - b.getAffineSymbolExpr(0);
  AffineMap map = AffineMap::get(0, 2, {b.getAffineConstantExpr(tile), remaining}, b.getContext());
  return affine::makeComposedFoldedAffineMin(b, loc, map, {OpFoldResult(offset), extent});
}

static Value createReshapeOfTile(OpBuilder &b, Operation *reshape, Value tile, OpFoldResult size) {
  auto type = cast<RankedTensorType>(reshape->getResult(0).getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.front() = getConstantIntValue(size).value_or(ShapedType::kDynamic);
  RankedTensorType tileType = type.clone(shape);
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(reshape))
    return tensor::CollapseShapeOp::create(b, reshape->getLoc(), tileType, tile, collapse.getReassociationIndices());
  auto sizes = std::get<1>(getTokenSlice(b, type, b.getIndexAttr(0), size));
  return tensor::ExpandShapeOp::create(b, reshape->getLoc(), tileType, tile,
                                       cast<tensor::ExpandShapeOp>(reshape).getReassociationIndices(), sizes);
}

/// `member` on the tokens [offset, offset + size), with the tiles of other members' results as its operands.
static FailureOr<Operation *> createTileOfOp(OpBuilder &b, Operation *member, OpFoldResult offset, OpFoldResult size,
                                             const DenseMap<Value, Value> &tiles) {
  auto tiling = cast<TilingInterface>(member);
  SmallVector<OpFoldResult> offsets, sizes;
  for (Range range : tiling.getIterationDomain(b)) {
    offsets.push_back(offsets.empty() ? offset : range.offset);
    sizes.push_back(sizes.empty() ? size : range.size);
  }
  FailureOr<TilingResult> tiled = tiling.getTiledImplementation(b, offsets, sizes);
  if (failed(tiled) || tiled->tiledOps.size() != 1)
    return member->emitOpError() << "cannot be cut into tiles of tokens";
  Operation *op = tiled->tiledOps.front();
  for (OpOperand &operand : op->getOpOperands())
    if (auto slice = operand.get().getDefiningOp<tensor::ExtractSliceOp>())
      if (Value tile = tiles.lookup(slice.getSource()))
        operand.set(tile);
  return op;
}

LogicalResult TokenLoop::buildBody(RewriterBase &rewriter, scf::ForallOp loop, ArrayRef<OpResult> exports,
                                   OpFoldResult extent) const {
  OpBuilder::InsertionGuard guard(rewriter);
  Value offset = loop.getInductionVar(0);
  rewriter.setInsertionPoint(loop.getTerminator());
  OpFoldResult size = getTileSize(rewriter, loop.getLoc(), offset, extent, tile);
  DenseMap<Value, Value> tiles;
  for (Operation *member : members) {
    rewriter.setInsertionPoint(loop.getTerminator());
    if (isReshape(member)) {
      tiles[member->getResult(0)] = createReshapeOfTile(rewriter, member, tiles.lookup(member->getOperand(0)), size);
      continue;
    }
    FailureOr<Operation *> op = createTileOfOp(rewriter, member, offset, size, tiles);
    if (failed(op))
      return failure();
    rewriter.setInsertionPoint(*op);
    for (OpResult result : member->getResults()) {
      unsigned number = result.getResultNumber();
      tiles[result] = (*op)->getResult(number);
      OpOperand &init = *cast<DestinationStyleOpInterface>(*op).getDpsInitOperand(number);
      auto [offsets, sizes, strides] = getTokenSlice(rewriter, cast<RankedTensorType>(result.getType()), offset, size);
      if (const auto *it = llvm::find(exports, result); it != exports.end()) {
        BlockArgument whole = loop.getRegionOutArgs()[it - exports.begin()];
        Value initBefore = cast<DestinationStyleOpInterface>(member).getDpsInitOperand(number)->get();
        if (!readsDestination(member, number) || !tiles.contains(initBefore))
          init.set(tensor::ExtractSliceOp::create(rewriter, result.getLoc(), whole, offsets, sizes, strides));
        OpBuilder::InsertionGuard guard(rewriter);
        rewriter.setInsertionPointToEnd(loop.getTerminator().getBody());
        tensor::ParallelInsertSliceOp::create(rewriter, result.getLoc(), tiles[result], whole, offsets, sizes, strides);
      } else if (!readsDestination(member, number)) {
        init.set(tensor::EmptyOp::create(rewriter, result.getLoc(), sizes, getElementTypeOrSelf(result.getType())));
      }
    }
  }
  // Slices that tiles took the place of, and extents that nothing asked for.
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*loop.getBody())))
    if (isOpTriviallyDead(&op))
      rewriter.eraseOp(&op);
  return success();
}

FailureOr<scf::ForallOp> TokenLoop::build(RewriterBase &rewriter) {
  Operation *first = members.front();
  rewriter.setInsertionPoint(members.back());
  Location loc = first->getLoc();
  Value firstInit = cast<DestinationStyleOpInterface>(first).getDpsInitOperand(0)->get();
  OpFoldResult extent = tensor::getMixedSize(rewriter, loc, firstInit, 0);
  SmallVector<OpResult> exports = getExports();
  SmallVector<Value> destinations = createDestinations(rewriter, exports, extent);
  SmallVector<OpFoldResult> lower{rewriter.getIndexAttr(0)}, upper{extent}, step{rewriter.getIndexAttr(tile)};
  auto loop = scf::ForallOp::create(rewriter, loc, lower, upper, step, destinations, /*mapping=*/std::nullopt);
  if (failed(buildBody(rewriter, loop, exports, extent)))
    return failure();

  Block *block = first->getBlock();
  for (auto [result, replacement] : llvm::zip_equal(exports, loop.getResults()))
    rewriter.replaceUsesWithIf(result, replacement, [&](OpOperand &use) {
      Operation *ancestor = block->findAncestorOpInBlock(*use.getOwner());
      return !members.contains(ancestor) || isReshape(ancestor);
    });
  Operation *last = loop;
  for (Operation *member : members) {
    if (isReshape(member)) {
      rewriter.moveOpAfter(member, last);
      last = member;
    }
  }
  for (Operation *member : llvm::reverse(members))
    if (member->use_empty())
      rewriter.eraseOp(member);
  return loop;
}
