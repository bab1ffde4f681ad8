// All of the dialect `mf` in one file, for its documentation.
#ifndef MF_DIALECT_MF_IR_MF_TD
#define MF_DIALECT_MF_IR_MF_TD

include "mf/Dialect/MF/IR/MFModuleOps.td"
include "mf/Dialect/MF/IR/MFOps.td"

#endif // MF_DIALECT_MF_IR_MF_TD
