// The compute ops of the dialect `mf`, a file per family.
#ifndef MF_DIALECT_MF_IR_MFOPS_TD
#define MF_DIALECT_MF_IR_MFOPS_TD

include "mf/Dialect/MF/IR/MFAttentionOps.td"
include "mf/Dialect/MF/IR/MFMemoryLayerOps.td"
include "mf/Dialect/MF/IR/MFRowOps.td"
include "mf/Dialect/MF/IR/MFTopKOps.td"

#endif // MF_DIALECT_MF_IR_MFOPS_TD
