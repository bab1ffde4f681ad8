// Types of the dialect `mf`.
#ifndef MF_DIALECT_MF_IR_MFTYPES_H
#define MF_DIALECT_MF_IR_MFTYPES_H

#include "mlir/IR/BuiltinTypes.h"

#define GET_TYPEDEF_CLASSES
#include "mf/Dialect/MF/IR/MFTypes.h.inc"

#endif // MF_DIALECT_MF_IR_MFTYPES_H
