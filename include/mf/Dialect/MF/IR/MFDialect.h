// The dialect `mf`.
#ifndef MF_DIALECT_MF_IR_MFDIALECT_H
#define MF_DIALECT_MF_IR_MFDIALECT_H

#include "mlir/IR/Dialect.h"

#include "mf/Dialect/MF/IR/MFDialect.h.inc"

#endif // MF_DIALECT_MF_IR_MFDIALECT_H
