// Parameters of a model, and the ops between bufferised code and the runtime: their verifiers.
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::mf;

#define GET_OP_CLASSES
#include "mf/Dialect/MF/IR/MFModuleOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

bool mlir::mf::convertsWithoutLoss(Type from, Type to) { return from == to || to.isF32(); }

/// Pruned tables and their maps have the shape that the mask of rows says.
static LogicalResult verifyRows(ParameterOp op, RankedTensorType type) {
  if (KeptRowsAttr rows = op.getKeptRows()) {
    int64_t count = rows.getNumKept() + 1;
    if (type.getRank() == 3 && type.getDimSize(0) == 1 && type.getDimSize(1) == count)
      return success();
    return op.emitOpError("expects kept rows and the row of zeros to have a type [1, ")
           << count << ", columns], found " << type;
  }
  auto map = dyn_cast<RowMapAttr>(op.getSource());
  if (!map)
    return success();
  if (type.getShape() != map.getKept().getType().getShape())
    return op.emitOpError("expects a map of rows to have the shape of its mask, ")
           << map.getKept().getType() << ", found " << type;
  int64_t kept = llvm::count(map.getKept().getValues<bool>(), true);
  if (kept > std::numeric_limits<uint16_t>::max() && type.getElementType().isInteger(16))
    return op.emitOpError("expects i32 for a map of ") << kept << " rows, found " << type;
  return success();
}

LogicalResult ParameterOp::verify() {
  // parameter_c2
  auto type = cast<RankedTensorType>(getType());
  Type sourceElementType = getSource().getSourceElementType();
  if (sourceElementType && !convertsWithoutLoss(sourceElementType, type.getElementType()))
    return emitOpError("expects a source of elements that convert to ")
           << type.getElementType() << " without loss, found " << sourceElementType;
  auto quantized = dyn_cast<QuantizedAttr>(getSource());
  bool isIndex = type.getElementType().isInteger(16) || type.getElementType().isInteger(32);
  if (isa<RowMapAttr, KeptFeaturesAttr>(getSource()) != isIndex)
    return emitOpError("expects i16 and i32 to be numbers of rows or of features, and nothing else, found ")
           << type.getElementType() << " from " << getSource();
  if (static_cast<bool>(quantized) != (type.getElementType().isInteger() && !isIndex))
    return emitOpError("expects integers to be quantised, and nothing else, found ")
           << type.getElementType() << " from " << getSource();
  // parameter_c3
  if (LayoutAttrInterface layout = getLayoutAttr())
    if (failed(layout.getPackedShape(type.getShape(), [&] { return emitOpError("expects a layout for its shape: "); })))
      return failure();
  int64_t elementsPerByte = getLayoutAttr() ? getLayoutAttr().getElementsPerByte() : 1;
  if (getLayoutAttr() && (elementsPerByte == 2) != type.getElementType().isInteger(4))
    return emitOpError("expects a layout of pairs for i4, and of whole elements for others, found ")
           << getLayoutAttr() << " for " << type.getElementType();
  // parameter_c4
  if (isa<RotaryAnglesAttr>(getSource()) &&
      (type.getRank() != 3 || type.getDimSize(2) != 2 || !type.getElementType().isF32()))
    return emitOpError("expects rotary angles to have a type [positions, r / 2, 2] of f32, found ") << type;
  // parameter_c5
  if (quantized && quantized.getGroup() != 0 && type.getShape().back() % quantized.getGroup() != 0)
    return emitOpError("expects groups that divide the last dimension, found groups of ")
           << quantized.getGroup() << " for " << type;
  // parameter_c6
  if (failed(verifyRows(*this, type)))
    return failure();
  // parameter_c7
  PrunedFeaturesAttr features = getPrunedFeatures();
  if (features && (type.getRank() != 2 || quantized || type.getDimSize(1) % features.getPruning().getKept() != 0))
    return emitOpError("expects pruned features to have a type [columns, features] of floats, and ")
           << features.getPruning().getKept() << " features of each group, found " << type;
  return success();
}

/// What the elements are before they are converted.
static Attribute getUnconverted(Attribute source) {
  if (auto quantized = dyn_cast<QuantizedAttr>(source))
    return quantized.getSource();
  if (auto rounded = dyn_cast<RoundedAttr>(source))
    return rounded.getSource();
  return source;
}

KeptRowsAttr ParameterOp::getKeptRows() { return dyn_cast<KeptRowsAttr>(getUnconverted(getSource())); }

PrunedFeaturesAttr ParameterOp::getPrunedFeatures() {
  return dyn_cast<PrunedFeaturesAttr>(getUnconverted(getSource()));
}

RankedTensorType ParameterOp::getPackedType() {
  auto type = cast<RankedTensorType>(getType());
  LayoutAttrInterface layout = getLayoutAttr();
  if (!layout)
    return type;
  FailureOr<SmallVector<int64_t>> shape = layout.getPackedShape(type.getShape(), [&] { return emitOpError(); });
  if (failed(shape))
    return type;
  return layout.getElementsPerByte() == 2 ? type.clone(*shape, IntegerType::get(getContext(), 8)) : type.clone(*shape);
}

RankedTensorType ParameterOp::getScalesType() {
  auto quantized = dyn_cast<QuantizedAttr>(getSource());
  auto type = cast<RankedTensorType>(getType());
  if (!quantized)
    return {};
  Type element = quantized.getScaleType(type.getElementType());
  int64_t last = type.getShape().back();
  if (quantized.getAxis() == QuantizedAxis::Columns)
    return RankedTensorType::get({last}, element);
  int64_t groups = quantized.getGroup() == 0 ? 1 : last / quantized.getGroup();
  return RankedTensorType::get({last == 0 ? 0 : type.getNumElements() / last, groups}, element);
}

LogicalResult GetParameterOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  // get_parameter_c1
  auto parameter = symbolTable.lookupNearestSymbolFrom<ParameterOp>(*this, getParameterAttr());
  if (!parameter)
    return emitOpError("expects ") << getParameterAttr() << " to be an 'mf.parameter'";
  // A broken parameter has its own message.
  if (failed(parameter.verify()))
    return failure();
  RankedTensorType expected = parameter.getPackedType();
  if (getResult().getType() == expected)
    return success();
  InFlightDiagnostic diagnostic = emitOpError("expects the result type ")
                                  << expected << ", found " << getResult().getType();
  diagnostic.attachNote(parameter.getLoc()) << "the parameter's type and layout";
  return diagnostic;
}

//===----------------------------------------------------------------------===//
// The frame of a call
//===----------------------------------------------------------------------===//

LogicalResult FrameOperandOp::verify() {
  auto type = dyn_cast<MemRefType>(getResult().getType());
  if (!type || !type.getLayout().isIdentity())
    return emitOpError("expects a ranked memref without strides, found ") << getResult().getType();
  if (getSizes().size() != static_cast<size_t>(type.getNumDynamicDims()))
    return emitOpError("expects ") << type.getNumDynamicDims() << " sizes for the dynamic dimensions of " << type
                                   << ", found " << getSizes().size();
  return success();
}

LogicalResult ParallelForOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  // parallel_for_c1
  auto kernel = symbolTable.lookupNearestSymbolFrom<FunctionOpInterface>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError("expects ") << getKernelAttr() << " to be a function";
  SmallVector<Type> expected(3, IndexType::get(getContext()));
  llvm::append_range(expected, getCaptures().getTypes());
  if (kernel.getArgumentTypes() == ArrayRef<Type>(expected) && kernel.getNumResults() == 0)
    return success();
  InFlightDiagnostic diagnostic =
      emitOpError("expects a kernel of type ")
      << FunctionType::get(getContext(), expected, {}) << ", found "
      << FunctionType::get(getContext(), kernel.getArgumentTypes(), kernel.getResultTypes());
  diagnostic.attachNote(kernel.getLoc()) << "the kernel";
  return diagnostic;
}
