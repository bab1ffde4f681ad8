// Attention of some queries of one warp: what a block of 32 keys gives, and how blocks are merged.
#ifndef MF_LIB_CONVERSION_MFTOGPU_FLASHROWS_H
#define MF_LIB_CONVERSION_MFTOGPU_FLASHROWS_H

#include "AttentionOperands.h"

namespace mlir::mf {

/// Keys of a block, one per lane.
inline constexpr int64_t kFlashKeys = kWarpThreads;

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
