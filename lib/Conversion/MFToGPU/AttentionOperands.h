// What the kernels of an attention read and write, and which rows of it go together.
#ifndef MF_LIB_CONVERSION_MFTOGPU_ATTENTIONOPERANDS_H
#define MF_LIB_CONVERSION_MFTOGPU_ATTENTIONOPERANDS_H

#include "mf/Codegen/GPU/KernelBuilder.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {

/// Where element `indices` (slot, head, position, feature) of a cache with rows of `size` lies; `layout` can be null.
SmallVector<Value> getCachePlace(GPUKernelBuilder &k, CacheLayoutAttr layout, int64_t size, ArrayRef<Value> indices);

/// What an attention reads and writes, over keys of its own or over caches.
struct AttentionOperands {
  explicit AttentionOperands(AttentionOp op);
  explicit AttentionOperands(CachedAttentionOp op);

  Value q, keys, values, init;
  /// Null without caches.
  Value slots, positions;
  CacheLayoutAttr layout, valuesLayout;
  bool causal;
  double scale;
  int64_t heads, keyHeads, keySize, valueSize;

  /// Heads that share keys.
  int64_t getGroup() const { return heads / keyHeads; }
  /// The dimension of `keys` and `values` that counts keys.
  unsigned getKeyDim() const { return slots ? 2 : 0; }
  /// The sequence of a token; null without caches.
  Value loadSlot(GPUKernelBuilder &k, Value token) const;
  /// How many keys a token sees.
  Value loadLimit(GPUKernelBuilder &k, Value token) const;
  /// Where an element of a key or value lies.
  SmallVector<Value> getKeyPlace(GPUKernelBuilder &k, Value slot, Value head, Value key, Value feature) const;
  SmallVector<Value> getValuePlace(GPUKernelBuilder &k, Value slot, Value head, Value key, Value feature) const;
};

/// Queries of a warp: `tokens` adjacent tokens with `heads` heads each, of the `headGroups` parts of the heads that
/// share keys. Row r is head r % heads of token r / heads.
struct FlashShape {
  FlashShape(const AttentionOperands &operands, int64_t rows);

  int64_t heads, headGroups, tokens;
  int64_t getRows() const { return heads * tokens; }
};

} // namespace mlir::mf

#endif // MF_LIB_CONVERSION_MFTOGPU_ATTENTIONOPERANDS_H
