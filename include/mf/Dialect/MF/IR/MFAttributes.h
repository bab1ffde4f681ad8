// Attributes of the dialect `mf` and their interfaces.
#ifndef MF_DIALECT_MF_IR_MFATTRIBUTES_H
#define MF_DIALECT_MF_IR_MFATTRIBUTES_H

#include "mf/Dialect/MF/IR/FeatureBuilder.h"
#include "mlir/IR/Attributes.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"

#include "mf/Dialect/MF/IR/MFEnums.h.inc"

#include "mf/Dialect/MF/IR/MFAttrInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "mf/Dialect/MF/IR/MFAttributes.h.inc"

#endif // MF_DIALECT_MF_IR_MFATTRIBUTES_H
