// Ops of the dialect `mf`.
#ifndef MF_DIALECT_MF_IR_MFOPS_H
#define MF_DIALECT_MF_IR_MFOPS_H

#include "mf/Dialect/MF/IR/Cost.h"
#include "mf/Dialect/MF/IR/MFAttributes.h"
#include "mf/Dialect/MF/IR/MFComputeOp.h"
#include "mf/Dialect/MF/IR/MFDialect.h"
#include "mf/Dialect/MF/IR/MFTypes.h"
#include "mf/Dialect/MF/IR/RecurrentState.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/TilingInterface.h"

#define GET_OP_CLASSES
#include "mf/Dialect/MF/IR/MFOps.h.inc"

#define GET_OP_CLASSES
#include "mf/Dialect/MF/IR/MFKernelOps.h.inc"

#define GET_OP_CLASSES
#include "mf/Dialect/MF/IR/MFModuleOps.h.inc"

namespace mlir::mf {

/// Whether every value of the element type `from` is one of `to`.
bool convertsWithoutLoss(Type from, Type to);

} // namespace mlir::mf

#endif // MF_DIALECT_MF_IR_MFOPS_H
