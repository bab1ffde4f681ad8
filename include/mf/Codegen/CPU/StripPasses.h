// How the rows of a strip are cut into passes: what scratch and kernel of a lookup in strips agree on.
#ifndef MF_CODEGEN_CPU_STRIPPASSES_H
#define MF_CODEGEN_CPU_STRIPPASSES_H

#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {

/// The passes of a lookup with a layout and a strategy for strips.
struct StripPasses {
  StripPasses(LookupOp op, CPUStripsAttr strategy) {
    auto type = cast<ShapedType>(op.getTables().front().getType());
    int64_t rowElements = type.getDimSize(3);
    elements = std::min(rowElements, strategy.getRowBytes() * 8 / type.getElementTypeBitWidth());
    columns = elements * op.getLayoutAttr().getColumnsPerByte();
    count = llvm::divideCeil(rowElements, elements);
  }

  int64_t count;
  /// Stored elements of a row that a pass adds, and their columns; the last pass may have fewer.
  int64_t elements, columns;
};

} // namespace mlir::mf

#endif // MF_CODEGEN_CPU_STRIPPASSES_H
