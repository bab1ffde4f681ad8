// Who reads a parameter, and in which layout: what the passes that choose types and layouts, and the contracts, ask.
#ifndef MF_LIB_DIALECT_MF_TRANSFORMS_PARAMETERUSES_H
#define MF_LIB_DIALECT_MF_TRANSFORMS_PARAMETERUSES_H

#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::mf {

/// The operands of `op` that its layout describes: the tables of a lookup, the weight of a linear, the table of an
/// embedding, none of other ops.
SmallVector<OpOperand *> getLaidOutOperands(Operation *op);

/// Whether `operand` holds the scales of a linear's weight.
bool isWeightScales(OpOperand &operand);

/// The layout that `operand`, one of these, has where its op has `layout`: scales lie in the panels of their weight.
LayoutAttrInterface getOperandLayout(OpOperand &operand, LayoutAttrInterface layout);

/// The layout that `op` reads those operands in, null where it has none.
LayoutAttrInterface getOpLayout(Operation *op);

/// Which ops come before a dense or a memory layer; a dense one that does not is the head.
class LayerUses {
public:
  /// Whether anything that is made of the results of `op` comes into one. The answer stays what it was at first.
  bool feedsLayer(Operation *op);

private:
  DenseMap<Operation *, bool> known;
};

/// The parameters of a module and their values.
class ParameterValues {
public:
  explicit ParameterValues(ModuleOp module);

  SymbolTable &getSymbols() { return symbols; }
  /// The parameter that `value` is of, null where it is of none.
  ParameterOp getParameter(Value value) const;
  ArrayRef<GetParameterOp> getValues(ParameterOp parameter) const;
  /// Gives the values of a parameter, whose type or layout has changed, their new type.
  void updateTypes(ParameterOp parameter) const;

private:
  SymbolTable symbols;
  DenseMap<Operation *, SmallVector<GetParameterOp>> values;
};

/// Checks that each parameter with a layout that moves elements is read, directly or through slices, by ops of that
/// layout only, and that an op with a layout reads no parameter of another one. Emits an error where it is not so.
LogicalResult verifyLayoutsAgree(ModuleOp module);

} // namespace mlir::mf

#endif // MF_LIB_DIALECT_MF_TRANSFORMS_PARAMETERUSES_H
