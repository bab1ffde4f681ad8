// Attributes of the dialect: layouts, sources and targets, with their verifiers.
#include "mf/Dialect/MF/IR/MFAttributes.h"
#include "mf/Dialect/MF/IR/MFDialect.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

#include "mf/Dialect/MF/IR/MFEnums.cpp.inc"

#include "mf/Dialect/MF/IR/MFAttrInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "mf/Dialect/MF/IR/MFAttributes.cpp.inc"

void MFDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "mf/Dialect/MF/IR/MFAttributes.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Facts about a module
//===----------------------------------------------------------------------===//

LogicalResult LanguageModelAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name,
                                        int64_t vocabulary, int64_t maxPositions) {
  auto isWord = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  if (name.empty() || llvm::isDigit(name.front()) || !llvm::all_of(name, isWord))
    return emitError() << "expects 'name' to be a C identifier, found \"" << name << "\"";
  if (vocabulary < 1 || maxPositions < 1)
    return emitError() << "expects a positive vocabulary and positive max_positions, found " << vocabulary << " and "
                       << maxPositions;
  return success();
}

LogicalResult CPUTargetAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef, StringRef, StringRef,
                                    StringRef, int64_t vectorBits, bool, int64_t l1Bytes, int64_t l2Bytes) {
  if (vectorBits < 128 || vectorBits > 2048 || !llvm::isPowerOf2_64(vectorBits))
    return emitError() << "expects vector_bits to be a power of two in [128, 2048], found " << vectorBits;
  if (l1Bytes <= 0 || l2Bytes <= 0)
    return emitError() << "expects positive cache sizes, found " << l1Bytes << " and " << l2Bytes << " bytes";
  return success();
}

bool CPUTargetAttr::hasFeature(StringRef name) const {
  return llvm::any_of(llvm::split(getFeatures(), ','), [&](StringRef feature) { return feature.ltrim('+') == name; });
}

LogicalResult OperandAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringAttr name, OperandRole role,
                                  RankedTensorType type, ArrayAttr dims, CacheLayoutAttr layout) {
  if (layout && role != OperandRole::State)
    return emitError() << "expects a layout on states only, found " << layout;
  if (dims.size() != static_cast<size_t>(type.getRank()))
    return emitError() << "expects a name per dimension of " << type << ", found " << dims.size() << " for operand "
                       << name;
  for (auto [extent, dim] : llvm::zip_equal(type.getShape(), dims)) {
    auto dimName = dyn_cast<StringAttr>(dim);
    if (!dimName || dimName.empty() != !ShapedType::isDynamic(extent))
      return emitError() << "expects a name for each dynamic dimension of " << type << " and \"\" for each static one, "
                         << "found " << dims << " for operand " << name;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

LogicalResult TensorFileAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef path, uint64_t,
                                     Type elementType) {
  if (path.empty())
    return emitError() << "expects a path";
  if (!elementType.isF32() && !elementType.isF16() && !elementType.isBF16())
    return emitError() << "expects element_type f32, f16 or bf16, found " << elementType;
  return success();
}

Type TensorFileAttr::getSourceElementType() const { return getElementType(); }
Type RandomAttr::getSourceElementType() const { return {}; }
Type FillAttr::getSourceElementType() const { return {}; }
Type RotaryAnglesAttr::getSourceElementType() const { return {}; }

/// A source that another one converts or takes apart.
static LogicalResult verifyConverted(function_ref<InFlightDiagnostic()> emitError, SourceAttrInterface source) {
  if (isa<RoundedAttr, QuantizedAttr, QuantizationScalesAttr, RowMapAttr, KeptFeaturesAttr>(source))
    return emitError() << "expects a source of elements as they are, found " << source;
  return success();
}

LogicalResult RowBlocksAttr::verify(function_ref<InFlightDiagnostic()> emitError, SourceAttrInterface source,
                                    int64_t first, int64_t rows, int64_t stride) {
  if (failed(verifyConverted(emitError, source)))
    return failure();
  if (first < 0 || rows < 1 || stride < rows)
    return emitError() << "expects first of 0 or more, rows of 1 or more, and stride of rows or more, found " << first
                       << ", " << rows << " and " << stride;
  return success();
}
Type RowBlocksAttr::getSourceElementType() const { return getSource().getSourceElementType(); }

/// A mask of rows.
static LogicalResult verifyMask(function_ref<InFlightDiagnostic()> emitError, DenseElementsAttr kept) {
  if (kept.getType().getRank() == 2 && kept.getElementType().isInteger(1))
    return success();
  return emitError() << "expects kept to be a mask [K, 2^tau] of i1, found " << kept.getType();
}

LogicalResult KeptRowsAttr::verify(function_ref<InFlightDiagnostic()> emitError, SourceAttrInterface source,
                                   DenseElementsAttr kept) {
  return success(succeeded(verifyConverted(emitError, source)) && succeeded(verifyMask(emitError, kept)));
}
Type KeptRowsAttr::getSourceElementType() const { return getSource().getSourceElementType(); }
int64_t KeptRowsAttr::getNumKept() const { return llvm::count(getKept().getValues<bool>(), true); }

LogicalResult RowMapAttr::verify(function_ref<InFlightDiagnostic()> emitError, DenseElementsAttr kept) {
  return verifyMask(emitError, kept);
}
Type RowMapAttr::getSourceElementType() const { return {}; }

LogicalResult FeaturePruningAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t kept, int64_t of,
                                         int64_t columns) {
  if (kept < 1 || of <= kept || of > 64)
    return emitError() << "expects kept to be 1 or more, and fewer than of, which is at most 64, found " << kept
                       << " of " << of;
  if (columns < 1)
    return emitError() << "expects columns to be 1 or more, found " << columns;
  return success();
}

LogicalResult PrunedFeaturesAttr::verify(function_ref<InFlightDiagnostic()> emitError, SourceAttrInterface source,
                                         FeaturePruningAttr) {
  return verifyConverted(emitError, source);
}
Type PrunedFeaturesAttr::getSourceElementType() const { return getSource().getSourceElementType(); }
Type KeptFeaturesAttr::getSourceElementType() const { return {}; }

LogicalResult RoundedAttr::verify(function_ref<InFlightDiagnostic()> emitError, SourceAttrInterface source) {
  return verifyConverted(emitError, source);
}
Type RoundedAttr::getSourceElementType() const { return {}; }

LogicalResult QuantizedAttr::verify(function_ref<InFlightDiagnostic()> emitError, SourceAttrInterface source,
                                    Type elementType, QuantizedAxis axis, int64_t group) {
  if (failed(verifyConverted(emitError, source)))
    return failure();
  if (!elementType.isF32() && !elementType.isF16() && !elementType.isBF16())
    return emitError() << "expects element_type f32, f16 or bf16, found " << elementType;
  if (group < 0 || (group > 0 && axis == QuantizedAxis::Columns))
    return emitError() << "expects group to be 0, or a size for axis = rows, found " << group;
  return success();
}
Type QuantizedAttr::getSourceElementType() const { return {}; }

Type QuantizedAttr::getScaleType(Type stored) const {
  bool isShared = getGroup() == 0 || !stored.isInteger(4);
  return isShared ? Type(Float32Type::get(getContext())) : Type(BFloat16Type::get(getContext()));
}

Type QuantizationScalesAttr::getSourceElementType() const { return {}; }

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

/// One element a byte, or two.
static LogicalResult verifyPairs(function_ref<InFlightDiagnostic()> emitError, StringRef name, int64_t elements) {
  if (elements != 1 && elements != 2)
    return emitError() << "expects " << name << " to be 1 or 2, found " << elements;
  return success();
}

LogicalResult TableLayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t stripColumns,
                                      int64_t columnsPerByte) {
  if (stripColumns < 0)
    return emitError() << "expects strip_columns to be 0 or more, found " << stripColumns;
  if (failed(verifyPairs(emitError, "columns_per_byte", columnsPerByte)))
    return failure();
  if (columnsPerByte == 2 && (stripColumns == 0 || stripColumns % 2 != 0))
    return emitError() << "expects an even number of strip_columns with two columns per byte, found " << stripColumns;
  return success();
}

bool TableLayoutAttr::isIdentity() const { return getStripColumns() == 0; }

int64_t TableLayoutAttr::getElementsPerByte() const { return getColumnsPerByte(); }

FailureOr<SmallVector<int64_t>> TableLayoutAttr::getPackedShape(ArrayRef<int64_t> shape,
                                                                function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.size() != 3)
    return emitError() << "a table layout applies to tables [K, 2^tau, N], found rank " << shape.size();
  if (isIdentity())
    return llvm::to_vector(shape);
  int64_t c = getStripColumns();
  return SmallVector<int64_t>{llvm::divideCeilSigned(shape[2], c), shape[0], shape[1], c / getColumnsPerByte()};
}

LogicalResult CacheLayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t keys, int64_t features) {
  bool isOfKeys = keys == kCacheKeys && (features == 1 || features == kCachePair);
  if (!isOfKeys && (keys != kCachePair || features != 1))
    return emitError() << "expects keys to be " << kCacheKeys << " and features 1 or " << kCachePair
                       << ", or keys to be " << kCachePair << " and features 1, found " << keys << " and " << features;
  return success();
}

CacheLayoutAttr CacheLayoutAttr::getForKeys(MLIRContext *context, bool isPaired) {
  return get(context, kCacheKeys, isPaired ? kCachePair : 1);
}

CacheLayoutAttr CacheLayoutAttr::getForValues(MLIRContext *context) { return get(context, kCachePair, 1); }

bool CacheLayoutAttr::isOfKeys() const { return getKeys() == kCacheKeys; }

bool CacheLayoutAttr::isPaired() const { return !isOfKeys() || getFeatures() == kCachePair; }

LogicalResult PanelLayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t columns, int64_t interleave,
                                      int64_t featuresPerByte) {
  if (columns < 1)
    return emitError() << "expects columns to be 1 or more, found " << columns;
  if (interleave < 1)
    return emitError() << "expects interleave to be 1 or more, found " << interleave;
  return verifyPairs(emitError, "features_per_byte", featuresPerByte);
}

bool PanelLayoutAttr::isIdentity() const { return false; }

int64_t PanelLayoutAttr::getElementsPerByte() const { return getFeaturesPerByte(); }

FailureOr<SmallVector<int64_t>> PanelLayoutAttr::getPackedShape(ArrayRef<int64_t> shape,
                                                                function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.size() != 2)
    return emitError() << "a panel layout applies to weights [N, D], found rank " << shape.size();
  int64_t panels = llvm::divideCeilSigned(shape[0], getColumns());
  int64_t features = llvm::divideCeilSigned(shape[1], getInterleave() * getFeaturesPerByte());
  if (getInterleave() == 1 && getFeaturesPerByte() == 1)
    return SmallVector<int64_t>{panels, features, getColumns()};
  return SmallVector<int64_t>{panels, features, getColumns(), getInterleave()};
}
