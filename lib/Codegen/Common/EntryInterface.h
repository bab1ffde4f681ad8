// The interface of an entry point, read off a function on tensors.
#ifndef MF_LIB_CODEGEN_COMMON_ENTRYINTERFACE_H
#define MF_LIB_CODEGEN_COMMON_ENTRYINTERFACE_H

#include "mf/Dialect/MF/IR/MFAttributes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::mf {

struct EntryInterface {
  /// Dimensions and operands. Argument i is operand i.
  EntryAttr entry;
  /// The operand that each result is written to: an output, or the state that it is the new value of.
  SmallVector<int64_t> resultOperands;

  /// Place in `entry.getDims()` of dimension `dim` of an operand; -1 for a static one.
  int64_t getDimIndex(int64_t operand, int64_t dim) const;
};

/// The interface of `func`, a public function with one block. Fails, after a message, where `func` cannot be an entry
/// point.
FailureOr<EntryInterface> getEntryInterface(func::FuncOp func);

} // namespace mlir::mf

#endif // MF_LIB_CODEGEN_COMMON_ENTRYINTERFACE_H
