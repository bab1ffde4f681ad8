// TilingInterface of the compute ops, derived from their loops (dimensions of the destinations) and from the slices of
// their operands, which the files of the families state.
#include "TilingSupport.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

using namespace mlir;
using namespace mlir::mf;

static Value getDestination(ComputeOpInterface op, unsigned number) {
  return cast<DestinationStyleOpInterface>(op.getOperation()).getDpsInitOperand(number)->get();
}

SmallVector<Range> mf::detail::getIterationDomain(ComputeOpInterface op, OpBuilder &b) {
  SmallVector<OpFoldResult> sizes = getMixedSizes(b, op.getLoc(), getDestination(op, 0));
  return llvm::map_to_vector(op.getLoopDims(), [&](int64_t dim) {
    return Range{b.getIndexAttr(0), sizes[dim], b.getIndexAttr(1)};
  });
}

/// The op that takes `slice` of `operand`.
static Operation *createSlice(OpBuilder &b, Location loc, Value operand, const OperandSlice &slice) {
  SmallVector<OpFoldResult> strides(slice.offsets.size(), b.getIndexAttr(1));
  if (isa<MemRefType>(operand.getType()))
    return memref::SubViewOp::create(b, loc, operand, slice.offsets, slice.sizes, strides);
  return tensor::ExtractSliceOp::create(b, loc, operand, slice.offsets, slice.sizes, strides);
}

FailureOr<TilingResult> mf::detail::getTiledImplementation(ComputeOpInterface op, OpBuilder &b,
                                                           ArrayRef<OpFoldResult> offsets,
                                                           ArrayRef<OpFoldResult> sizes) {
  FailureOr<SmallVector<OperandSlice>> slices = op.getOperandSlices(b, offsets, sizes);
  if (failed(slices))
    return failure();
  SmallVector<Value> operands(op->getOperands());
  SmallVector<Operation *> sliceOps;
  for (auto [operand, slice] : llvm::zip_equal(operands, *slices)) {
    if (slice.isWhole())
      continue;
    sliceOps.push_back(createSlice(b, op.getLoc(), operand, slice));
    operand = sliceOps.back()->getResult(0);
  }
  auto dpsOp = cast<DestinationStyleOpInterface>(op.getOperation());
  SmallVector<Type> resultTypes;
  for (OpResult result : op->getResults())
    resultTypes.push_back(operands[dpsOp.getTiedOpOperand(result)->getOperandNumber()].getType());
  Operation *tiled = mlir::clone(b, op, resultTypes, operands);
  return TilingResult{{tiled}, SmallVector<Value>(tiled->getResults()), sliceOps};
}

LogicalResult mf::detail::getResultTilePosition(ComputeOpInterface op, OpBuilder &b, unsigned resultNumber,
                                                ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
                                                SmallVector<OpFoldResult> &resultOffsets,
                                                SmallVector<OpFoldResult> &resultSizes) {
  resultSizes = getMixedSizes(b, op.getLoc(), getDestination(op, resultNumber));
  resultOffsets.assign(resultSizes.size(), b.getIndexAttr(0));
  for (auto [loop, dim] : llvm::enumerate(op.getLoopDims())) {
    resultOffsets[dim] = offsets[loop];
    resultSizes[dim] = sizes[loop];
  }
  return success();
}

LogicalResult mf::detail::getLoopTileFromResultTile(ComputeOpInterface op, unsigned resultNumber,
                                                    ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
                                                    SmallVectorImpl<OpFoldResult> &loopOffsets,
                                                    SmallVectorImpl<OpFoldResult> &loopSizes) {
  Value destination = getDestination(op, resultNumber);
  SmallVector<int64_t> loopDims = op.getLoopDims();
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    if (llvm::is_contained(loopDims, static_cast<int64_t>(dim)))
      continue;
    FailureOr<bool> whole = ValueBoundsConstraintSet::areEqual(size, {destination, static_cast<int64_t>(dim)});
    if (failed(whole) || !*whole)
      return failure();
  }
  for (int64_t dim : loopDims) {
    loopOffsets.push_back(offsets[dim]);
    loopSizes.push_back(sizes[dim]);
  }
  return success();
}

FailureOr<TilingResult> mf::detail::generateResultTileValue(ComputeOpInterface op, OpBuilder &b, unsigned resultNumber,
                                                            ArrayRef<OpFoldResult> offsets,
                                                            ArrayRef<OpFoldResult> sizes) {
  SmallVector<OpFoldResult> loopOffsets, loopSizes;
  if (failed(getLoopTileFromResultTile(op, resultNumber, offsets, sizes, loopOffsets, loopSizes)))
    return failure();
  FailureOr<TilingResult> tile = getTiledImplementation(op, b, loopOffsets, loopSizes);
  if (failed(tile))
    return failure();
  // The caller asks for one result.
  tile->tiledValues = {tile->tiledValues[resultNumber]};
  return tile;
}
