// Pruned tables: the rows that are left, and where they are.
#ifndef MF_LIB_TARGET_KEPTROWS_H
#define MF_LIB_TARGET_KEPTROWS_H

#include "ParameterSource.h"

namespace mlir::mf {

/// `#mf.kept_rows`: a row of zeros, then those rows of `rowElements` elements that `kept` keeps.
std::unique_ptr<ParameterSource> keepRows(std::unique_ptr<ParameterSource> rows, DenseElementsAttr kept,
                                          int64_t rowElements, int64_t elementBytes);

/// `#mf.row_map` of `kept`, as `element`: i16 or i32, unsigned.
std::unique_ptr<ParameterSource> getRowMapSource(DenseElementsAttr kept, Type element);

} // namespace mlir::mf

#endif // MF_LIB_TARGET_KEPTROWS_H
