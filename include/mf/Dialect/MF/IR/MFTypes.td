// Types of the dialect `mf`.
#ifndef MF_DIALECT_MF_IR_MFTYPES_TD
#define MF_DIALECT_MF_IR_MFTYPES_TD

include "mlir/IR/AttrTypeBase.td"
include "mf/Dialect/MF/IR/MFDialect.td"

def MF_FrameType : TypeDef<MF_Dialect, "Frame"> {
  let mnemonic = "frame";
  let summary = "The arguments of one call of an entry point, `mf_rt_frame` of mf/Runtime/Plan.h";
}

#endif // MF_DIALECT_MF_IR_MFTYPES_TD
