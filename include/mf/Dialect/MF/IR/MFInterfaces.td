// Interfaces: layouts, strategies, sources and compute ops are open families.
#ifndef MF_DIALECT_MF_IR_MFINTERFACES_TD
#define MF_DIALECT_MF_IR_MFINTERFACES_TD

include "mlir/IR/OpBase.td"

def MF_LayoutAttrInterface : AttrInterface<"LayoutAttrInterface"> {
  let cppNamespace = "::mlir::mf";
  let description = [{
    How a parameter lies in the parameter file. A layout maps the logical shape of a tensor to the shape that is stored;
    elements that no logical element maps to are zero.
  }];
  let methods = [
    InterfaceMethod<"The stored shape of a tensor of the logical shape `shape`; failure (with a message through "
                    "`emitError`) where the layout does not apply to it.",
                    "::mlir::FailureOr<::llvm::SmallVector<int64_t>>", "getPackedShape",
                    (ins "::llvm::ArrayRef<int64_t>":$shape,
                         "::llvm::function_ref<::mlir::InFlightDiagnostic()>":$emitError)>,
    InterfaceMethod<"Whether the stored bytes are the logical row-major bytes.", "bool", "isIdentity">,
    InterfaceMethod<"Logical elements in one stored element: 2 where i4 are stored in pairs, as i8.", "int64_t",
                    "getElementsPerByte">,
  ];
}

def MF_StrategyAttrInterface : AttrInterface<"StrategyAttrInterface"> {
  let cppNamespace = "::mlir::mf";
  let description = [{
    How an op will be computed. Selected once per op, read by the passes that tile and vectorise.
  }];
  let methods = [
    InterfaceMethod<"Tokens of a tile: ops of one token tile are fused into one loop over tokens; 0: the op is a loop of "
                    "its own that no other op joins.",
                    "int64_t", "getTokenTile">,
  ];
}

def MF_SourceAttrInterface : AttrInterface<"SourceAttrInterface"> {
  let cppNamespace = "::mlir::mf";
  let description = [{
    Where the elements of a parameter come from when the parameter file is written.
  }];
  let methods = [
    InterfaceMethod<"Element type of the source, null where it takes the parameter's.", "::mlir::Type",
                    "getSourceElementType">,
  ];
}

def MF_ComputeOpInterface : OpInterface<"ComputeOpInterface"> {
  let cppNamespace = "::mlir::mf";
  let description = [{
    A compute op: in destination-passing style, on tensors or on memrefs, with an optional strategy. Its tiling is given by
    the dimensions of its destinations that are loops, all of them parallel, and by the slices of its operands that a
    tile of those loops needs. The op's TilingInterface is derived from the two.
  }];
  let methods = [
    InterfaceMethod<"How the op will be computed, null where that is open.", "::mlir::mf::StrategyAttrInterface",
                    "getStrategyAttr", (ins), [{ return $_op.getStrategyAttr(); }]>,
    InterfaceMethod<"Sets how the op will be computed; null leaves it open.", "void", "setStrategyAttr",
                    (ins "::mlir::mf::StrategyAttrInterface":$strategy),
                    [{ $_op.setStrategyAttr(strategy); }]>,
    InterfaceMethod<"The loops: loop l runs over dimension getLoopDims()[l] of every destination.",
                    "::llvm::SmallVector<int64_t>", "getLoopDims", (ins)>,
    InterfaceMethod<"The slice of each operand that the tile with these offsets and sizes of the loops needs; failure, "
                    "with a message, where the op cannot be cut like that.",
                    "::llvm::FailureOr<::llvm::SmallVector<::mlir::mf::OperandSlice>>", "getOperandSlices",
                    (ins "::mlir::OpBuilder &":$b, "::llvm::ArrayRef<::mlir::OpFoldResult>":$offsets,
                         "::llvm::ArrayRef<::mlir::OpFoldResult>":$sizes)>,
  ];
}

#endif // MF_DIALECT_MF_IR_MFINTERFACES_TD
