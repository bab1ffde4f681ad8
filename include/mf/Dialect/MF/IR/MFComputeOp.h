// What all compute ops of the dialect have in common: their interface, and the methods that follow from it.
#ifndef MF_DIALECT_MF_IR_MFCOMPUTEOP_H
#define MF_DIALECT_MF_IR_MFCOMPUTEOP_H

#include "mf/Dialect/MF/IR/MFAttributes.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/TilingInterface.h"

namespace mlir::mf {

/// A slice of an operand, an offset and a size per dimension, with stride 1. Both are empty for the whole operand.
struct OperandSlice {
  SmallVector<OpFoldResult> offsets;
  SmallVector<OpFoldResult> sizes;

  bool isWhole() const { return offsets.empty(); }
};

} // namespace mlir::mf

#include "mf/Dialect/MF/IR/MFOpInterfaces.h.inc"

namespace mlir::mf::detail {

/// Takes the source of each `memref.cast` operand that forgets part of its type; failure where there is none.
LogicalResult foldMemRefCasts(Operation *op);

/// Reads of the memref inputs, writes of the memref destinations.
void getEffects(DestinationStyleOpInterface op,
                SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects);

/// An op on tensors can be moved freely: it has no effects and is defined for all values of its operands.
Speculation::Speculatability getSpeculatability(DestinationStyleOpInterface op);

/// A result has the shape of its destination.
LogicalResult reifyResultShapes(DestinationStyleOpInterface op, OpBuilder &b, ReifiedRankedShapedTypeDims &shapes);

/// The methods of TilingInterface, from the op's loops and slices.
SmallVector<Range> getIterationDomain(ComputeOpInterface op, OpBuilder &b);
FailureOr<TilingResult> getTiledImplementation(ComputeOpInterface op, OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                               ArrayRef<OpFoldResult> sizes);
LogicalResult getResultTilePosition(ComputeOpInterface op, OpBuilder &b, unsigned resultNumber,
                                    ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
                                    SmallVector<OpFoldResult> &resultOffsets, SmallVector<OpFoldResult> &resultSizes);
FailureOr<TilingResult> generateResultTileValue(ComputeOpInterface op, OpBuilder &b, unsigned resultNumber,
                                                ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes);
/// Failure where the tile of the result is cut along a dimension that is no loop.
LogicalResult getLoopTileFromResultTile(ComputeOpInterface op, unsigned resultNumber, ArrayRef<OpFoldResult> offsets,
                                        ArrayRef<OpFoldResult> sizes, SmallVectorImpl<OpFoldResult> &loopOffsets,
                                        SmallVectorImpl<OpFoldResult> &loopSizes);

} // namespace mlir::mf::detail

#endif // MF_DIALECT_MF_IR_MFCOMPUTEOP_H
