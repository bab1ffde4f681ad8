// Who reads a parameter, and in which layout: what the layout pass and the contracts ask.
#ifndef MF_LIB_DIALECT_MF_TRANSFORMS_PARAMETERUSES_H
#define MF_LIB_DIALECT_MF_TRANSFORMS_PARAMETERUSES_H

#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::mf {

/// The operands of `op` that its layout describes: the tables of a lookup, the weight of a linear, none of other ops.
SmallVector<OpOperand *> getLaidOutOperands(Operation *op);

/// The layout that `op` reads those operands in, null where it has none.
LayoutAttrInterface getOpLayout(Operation *op);

/// Checks that each parameter with a layout that moves elements is read, directly or through slices, by ops of that
/// layout only, and that an op with a layout reads no parameter of another one. Emits an error where it is not so.
LogicalResult verifyLayoutsAgree(ModuleOp module);

} // namespace mlir::mf

#endif // MF_LIB_DIALECT_MF_TRANSFORMS_PARAMETERUSES_H
