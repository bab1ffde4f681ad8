// What the ops' tiling shares: slices of operands, and what is known of a tile's offsets and sizes.
#ifndef MF_LIB_DIALECT_MF_IR_TILINGSUPPORT_H
#define MF_LIB_DIALECT_MF_IR_TILINGSUPPORT_H

#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {

/// The sizes of a tensor or memref.
SmallVector<OpFoldResult> getMixedSizes(OpBuilder &b, Location loc, Value value);

/// Whether `value` is known to be a multiple of `factor`: a constant, an affine or arithmetic multiple, or the variable
/// of a loop that starts and steps at multiples.
bool isMultipleOf(OpFoldResult value, int64_t factor);

/// The panels or strips of `columns` columns that the columns [offset, offset + size) are in; failure where they do not
/// begin at one.
FailureOr<std::pair<OpFoldResult, OpFoldResult>> getPanels(OpBuilder &b, Operation *op, int64_t columns,
                                                           OpFoldResult offset, OpFoldResult size);

/// Collects the slices of an op's operands; what is not cut stays whole.
class SliceBuilder {
public:
  SliceBuilder(OpBuilder &b, Operation *op) : b(b), op(op), slices(op->getNumOperands()) {}

  /// Restricts dimension `dim` of `operand` to `size` elements from `offset` on.
  SliceBuilder &cut(OpOperand &operand, int64_t dim, OpFoldResult offset, OpFoldResult size) {
    OperandSlice &slice = slices[operand.getOperandNumber()];
    if (slice.isWhole()) {
      slice.sizes = getMixedSizes(b, op->getLoc(), operand.get());
      slice.offsets.assign(slice.sizes.size(), b.getIndexAttr(0));
    }
    slice.offsets[dim] = offset;
    slice.sizes[dim] = size;
    return *this;
  }

  SmallVector<OperandSlice> take() { return std::move(slices); }

private:
  OpBuilder &b;
  Operation *op;
  SmallVector<OperandSlice> slices;
};

} // namespace mlir::mf

#endif // MF_LIB_DIALECT_MF_IR_TILINGSUPPORT_H
