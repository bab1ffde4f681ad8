// Where the weights of a dense layer lie.
#include "DenseWeight.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"

using namespace mlir;
using namespace mlir::mf;

mf::DenseWeight::DenseWeight(LinearOp op)
    : memref(op.getWeight()), element(getElementTypeOrSelf(memref.getType())),
      columns(cast<MemRefType>(op.getInit().getType()).getDimSize(1)),
      panelColumns(op.getLayoutAttr() ? op.getLayoutAttr().getColumns() : 0), kept(op.getFeatures()) {}

int64_t mf::DenseWeight::getVector() const { return kThreadBytes * 8 / element.getIntOrFloatBitWidth(); }

SmallVector<Value> mf::DenseWeight::getPlace(GPUKernelBuilder &k, Value column, Value feature) const {
  if (!hasPanels())
    return {k.min(column, k.index(columns - 1)), feature};
  Value lastPanel = k.sub(k.dim(memref, 0), k.index(1));
  return {k.min(k.div(column, panelColumns), lastPanel), feature, k.rem(column, panelColumns)};
}

Value mf::DenseWeight::getActivation(GPUKernelBuilder &k, Value column, Value feature) const {
  if (!kept)
    return feature;
  Value lastPanel = k.sub(k.dim(memref, 0), k.index(1));
  return k.loadUnsigned(kept, {k.min(k.div(column, panelColumns), lastPanel), feature});
}
