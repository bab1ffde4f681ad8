// Maps stored runs to logical elements: row-major tensors, column strips of tables, panels of dense weights.
#include "mf/Target/PackedLayout.h"
#include "mf/Target/CompileError.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::mf;

static int64_t product(ArrayRef<int64_t> shape) {
  int64_t result = 1;
  for (int64_t extent : shape)
    result *= extent;
  return result;
}

llvm::Expected<PackedLayout> PackedLayout::get(LayoutAttrInterface layout, ArrayRef<int64_t> shape) {
  PackedLayout result;
  if (!layout || layout.isIdentity()) {
    result.shape = llvm::to_vector(shape);
    result.runLength = product(shape);
    result.numRuns = 1;
    return result;
  }
  // The attribute was verified with the op that carries it, so a failure here has nothing more to say.
  auto packed = layout.getPackedShape(shape, [&]() -> InFlightDiagnostic { return {}; });
  if (failed(packed))
    return makeError(ErrorKind::Compile, "the layout does not apply to the parameter's shape");
  result.shape = *packed;
  result.elementsPerByte = layout.getElementsPerByte();
  if (auto table = dyn_cast<TableLayoutAttr>(layout)) {
    result.kind = Kind::Strips;
    result.runsPerColumns = shape[0] * shape[1];
    result.numColumns = shape[2];
  } else if (auto panel = dyn_cast<PanelLayoutAttr>(layout)) {
    result.kind = panel.getInterleave() * panel.getFeaturesPerByte() == 1 ? Kind::Panels : Kind::InterleavedPanels;
    result.runsPerColumns = shape[1];
    result.numColumns = shape[0];
    result.numFeatures = shape[1];
    result.panelColumns = panel.getColumns();
  } else {
    std::string text;
    llvm::raw_string_ostream(text) << layout;
    return makeError(ErrorKind::Compile, "the parameter file has no writer for the layout " + text);
  }
  result.runLength = result.shape.back();
  result.numRuns = product(ArrayRef(result.shape).drop_back());
  return result;
}

/// Stored [panel, block of features, column, feature].
PackedRun PackedLayout::getInterleavedRun(int64_t index, int64_t part) const {
  int64_t blocks = shape[1], column = index / (panelColumns * blocks) * panelColumns + index % panelColumns;
  int64_t block = index / panelColumns % blocks;
  int64_t feature = (block * elementsPerByte + part) * runLength;
  int64_t count = column < numColumns ? std::max<int64_t>(0, std::min(runLength, numFeatures - feature)) : 0;
  return {column * numFeatures + feature, 1, count};
}

PackedRun PackedLayout::getRun(int64_t index, int64_t part) const {
  if (kind == Kind::RowMajor)
    return {0, 1, runLength};
  if (kind == Kind::InterleavedPanels)
    return getInterleavedRun(index, part);
  int64_t run = index % runsPerColumns;
  int64_t column = (index / runsPerColumns * elementsPerByte + part) * runLength;
  int64_t count = std::max<int64_t>(0, std::min(runLength, numColumns - column));
  if (kind == Kind::Strips)
    return {run * numColumns + column, 1, count};
  return {column * runsPerColumns + run, runsPerColumns, count};
}
