// Attention of some queries of one warp: what a block of 32 keys gives, and how blocks are merged.
#ifndef MF_LIB_CONVERSION_MFTOGPU_FLASHROWS_H
#define MF_LIB_CONVERSION_MFTOGPU_FLASHROWS_H

#include "mf/Codegen/GPU/KernelBuilder.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {

/// Keys of a block, one per lane.
inline constexpr int64_t kFlashKeys = kWarpThreads;

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

/// Maximum, sum of weights, and the features of the result that a lane has, of one row.
struct FlashState {
  Value maximum, sum;
  SmallVector<Value> result;
};

/// Builds what one warp does with its rows. All values of a row but its results are the same in every lane.
class FlashRows {
public:
  /// `weights` is [warps, 32, rows] of f32 in workgroup memory.
  FlashRows(const AttentionOperands &operands, GPUKernelBuilder &k, Value weights, int64_t rows);

  /// Sets the query of row `row`; one with `isValid` false sees no keys. Rows are set in ascending order.
  void addRow(Value token, Value head, Value isValid);

  Value getThread() const { return thread; }
  Value getWarp() const { return warp; }
  Value getLane() const { return lane; }
  /// Results that a lane has of one row: features lane, lane + 32, ....
  int64_t getLaneFeatures() const { return llvm::divideCeil(operands.valueSize, kWarpThreads); }

  SmallVector<FlashState> getEmpty();
  /// What the keys [first, first + 32) give to each row, of which row r sees limits[r].
  SmallVector<FlashState> buildBlock(Value slot, Value keyHead, Value first, ArrayRef<Value> limits);
  /// Merges a block behind `state`; `isSeen` says whether the row sees any of its keys.
  FlashState merge(const FlashState &state, const FlashState &block, Value isSeen);
  /// Writes the quotient of result and sum.
  void store(const FlashState &state, Value token, Value head);
  /// Calls body(i, feature) for the lane's features.
  void forEachFeature(function_ref<void(int64_t, Value)> body);

  ArrayRef<Value> getTokens() const { return tokens; }
  ArrayRef<Value> getHeads() const { return heads; }
  ArrayRef<Value> getValid() const { return valid; }

private:
  SmallVector<Value> sumScores(Value slot, Value keyHead, Value key);
  SmallVector<Value> loadKeys(Value slot, Value keyHead, Value key, Value feature, int64_t width);
  SmallVector<Value> sumValues(Value slot, Value keyHead, Value first, ArrayRef<Value> limits);
  SmallVector<Value> addValues(Value slot, Value keyHead, Value first, Value j, ArrayRef<Value> limits, bool isMasked,
                               ValueRange sums);
  Value getFeature(int64_t i);
  void storeWeights(ArrayRef<Value> weights);
  SmallVector<Value> loadWeights(Value j);

  const AttentionOperands &operands;
  GPUKernelBuilder &k;
  Value weights;
  int64_t rows;
  Value thread, warp, lane;
  SmallVector<Value> tokens, heads, valid;
};

} // namespace mlir::mf

#endif // MF_LIB_CONVERSION_MFTOGPU_FLASHROWS_H
