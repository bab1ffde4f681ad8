// What the verifiers of the compute ops share.
#ifndef MF_LIB_DIALECT_MF_IR_VERIFIERSUPPORT_H
#define MF_LIB_DIALECT_MF_IR_VERIFIERSUPPORT_H

#include "mf/Dialect/MF/IR/MFOps.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::mf {

/// Matches the shapes of an op's operands against named dimensions: all dimensions of one name have one extent. Dynamic
/// extents match anything.
class DimMatcher {
public:
  explicit DimMatcher(Operation *op) : op(op) {}

  /// Matches the dimensions of `value`, which messages call `operand`. A value of another rank does not match.
  LogicalResult match(StringRef operand, Value value, ArrayRef<StringRef> names);

private:
  struct Extent {
    int64_t size;
    std::string operand;
  };

  Operation *op;
  /// The first static extent of each name, and the operand that has it.
  llvm::StringMap<Extent> extents;
};

/// The operands of a compute op are all tensors or all memrefs.
LogicalResult verifySemantics(DestinationStyleOpInterface op);

inline int64_t getExtent(Value value, int64_t dim) { return cast<ShapedType>(value.getType()).getDimSize(dim); }

inline unsigned getElementBits(Value value) { return cast<ShapedType>(value.getType()).getElementTypeBitWidth(); }

/// "2x?x4".
std::string printShape(ArrayRef<int64_t> shape);

/// The attribute `name` is finite.
LogicalResult verifyFinite(Operation *op, StringRef name, FloatAttr value);

} // namespace mlir::mf

#endif // MF_LIB_DIALECT_MF_IR_VERIFIERSUPPORT_H
