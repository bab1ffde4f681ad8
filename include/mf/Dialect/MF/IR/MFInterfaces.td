// Interfaces: layouts, strategies, sources, feature maps and compute ops are open families.
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

def MF_FeatureMapAttrInterface : AttrInterface<"FeatureMapAttrInterface"> {
  let cppNamespace = "::mlir::mf";
  let description = [{
    The map phi of a linear attention, whose weights are phi(q) . phi(k). It is stated elementwise, so that one definition
    serves loops over scalars and kernels over vectors: a row x of n elements, the query or key itself or its projection,
    gives b blocks of n features, feature f of each a function of element f and of a few values that the token has.
  }];
  let methods = [
    InterfaceMethod<"Features of a row of `rowSize` elements.", "int64_t", "getNumFeatures",
                    (ins "int64_t":$rowSize)>,
    InterfaceMethod<"Exponentials that the features of a row of `rowSize` elements take.", "int64_t",
                    "getNumExponentials", (ins "int64_t":$rowSize)>,
    InterfaceMethod<"Whether rows are projected: x = W q for a matrix W.", "bool", "hasProjection">,
    InterfaceMethod<"Whether `buildFeatures` gives logarithms of features. These are then known up to a factor per row, "
                    "the exponential of `buildShift`.",
                    "bool", "isExponential">,
    InterfaceMethod<"f32 values that all features of the token at `position`, an index, share.",
                    "::llvm::SmallVector<::mlir::Value>", "buildTokenValues",
                    (ins "::mlir::mf::FeatureBuilder &":$builder, "::mlir::Value":$position)>,
    InterfaceMethod<"The features, one per block, of elements `x` (f32 or a vector of it). `tokenValues` have the type of "
                    "`x`. `headSize` is the number of elements of a query.",
                    "::llvm::SmallVector<::mlir::Value>", "buildFeatures",
                    (ins "::mlir::mf::FeatureBuilder &":$builder, "::mlir::Value":$x,
                         "::mlir::ValueRange":$tokenValues, "int64_t":$headSize)>,
    InterfaceMethod<"Exponential maps: what is added to all logarithms of a row whose query or key has the squared norm "
                    "`squaredNorm`; null for other maps.",
                    "::mlir::Value", "buildShift",
                    (ins "::mlir::mf::FeatureBuilder &":$builder, "::mlir::Value":$squaredNorm, "int64_t":$headSize)>,
    InterfaceMethod<"The denominator for the sum of a row's weights.", "::mlir::Value", "buildDenominator",
                    (ins "::mlir::mf::FeatureBuilder &":$builder, "::mlir::Value":$sum)>,
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
    InterfaceMethod<"Whether the result depends on what destination `number` held before. Destinations that are only "
                    "written in part count: what is not written stays.",
                    "bool", "keepsDestination", (ins "unsigned":$number), "", [{ return false; }]>,
    InterfaceMethod<"Whether `operand` is memory for the kernel alone, whose contents matter neither before nor after.",
                    "bool", "isKernelScratch", (ins "::mlir::OpOperand &":$operand), "", [{ return false; }]>,
  ];
}

#endif // MF_DIALECT_MF_IR_MFINTERFACES_TD
