// What the kernels of an attention read and write.
#include "AttentionOperands.h"

using namespace mlir;
using namespace mlir::mf;

static int64_t getSize(Value memref, unsigned dim) { return cast<MemRefType>(memref.getType()).getDimSize(dim); }

mf::AttentionOperands::AttentionOperands(AttentionOp op)
    : q(op.getQ()), keys(op.getK()), values(op.getV()), init(op.getInit()), causal(op.getCausal()),
      scale(op.getScale().convertToDouble()), heads(getSize(q, 1)), keyHeads(getSize(keys, 1)), keySize(getSize(q, 2)),
      valueSize(getSize(values, 2)) {}

mf::AttentionOperands::AttentionOperands(CachedAttentionOp op)
    : q(op.getQ()), keys(op.getKeys()), values(op.getValues()), init(op.getInit()), slots(op.getSlots()),
      positions(op.getPositions()), layout(op.getLayoutAttr()), valuesLayout(op.getValuesLayoutAttr()), causal(true),
      scale(op.getScale().convertToDouble()), heads(getSize(q, 1)), keyHeads(getSize(keys, 1)), keySize(getSize(q, 2)),
      valueSize(getSize(values, 3)) {}

Value mf::AttentionOperands::loadSlot(GPUKernelBuilder &k, Value token) const {
  return slots ? k.loadClamped(slots, token, k.dim(keys, 0)) : Value();
}

Value mf::AttentionOperands::loadLimit(GPUKernelBuilder &k, Value token) const {
  Value size = k.dim(keys, getKeyDim());
  if (positions)
    return k.add(k.loadClamped(positions, token, size), 1);
  if (!causal)
    return size;
  // The last token sees all keys.
  Value end = k.add(k.add(token, size), 1), tokens = k.dim(q, 0);
  return k.select(k.isBelow(tokens, end), k.sub(end, tokens), k.index(0));
}

SmallVector<Value> mf::getCachePlace(GPUKernelBuilder &k, CacheLayoutAttr layout, int64_t size,
                                     ArrayRef<Value> indices) {
  if (!layout)
    return SmallVector<Value>(indices);
  // A block of positions is [features / f, keys, f] elements.
  Value position = indices[2], feature = indices[3], inside = k.rem(position, layout.getKeys());
  Value element = k.add(k.mul(feature, layout.getKeys()), inside);
  if (int64_t pair = layout.getFeatures(); pair > 1) {
    Value second = k.rem(feature, pair);
    element = k.add(k.add(k.mul(k.sub(feature, second), layout.getKeys()), k.mul(inside, pair)), second);
  }
  return {indices[0], indices[1], k.add(k.sub(position, inside), k.div(element, size)), k.rem(element, size)};
}

SmallVector<Value> mf::AttentionOperands::getKeyPlace(GPUKernelBuilder &k, Value slot, Value head, Value key,
                                                      Value feature) const {
  return slots ? getCachePlace(k, layout, keySize, {slot, head, key, feature}) : SmallVector<Value>{key, head, feature};
}

SmallVector<Value> mf::AttentionOperands::getValuePlace(GPUKernelBuilder &k, Value slot, Value head, Value key,
                                                        Value feature) const {
  return slots ? getCachePlace(k, valuesLayout, valueSize, {slot, head, key, feature})
               : SmallVector<Value>{key, head, feature};
}

mf::FlashShape::FlashShape(const AttentionOperands &operands, int64_t rows)
    : heads(std::min(operands.getGroup(), rows)), headGroups(llvm::divideCeil(operands.getGroup(), heads)),
      tokens(rows / heads) {}
