// Blocks of keys and values in workgroup memory as right operands of products of matrices, whichever way a cache has
// them.
#ifndef MF_LIB_CONVERSION_MFTOGPU_KEYTILES_H
#define MF_LIB_CONVERSION_MFTOGPU_KEYTILES_H

#include "AttentionOperands.h"
#include "MatrixTile.h"

namespace mlir::mf {

/// How rows of a tile lie: as in the cache, so that pieces of 16 bytes are copied as they are.
enum class KeyForm {
  Rows,    ///< a key's features
  Columns, ///< a feature of adjacent keys
  Pairs    ///< of keys: two features of each key in a word; of values: two keys of each feature
};

/// The tiles of keys and values.
class KeyTiles {
public:
  KeyTiles(const AttentionOperands &operands, int64_t buffers, int64_t blockKeys);

  int64_t getBytes() const { return keys.getBytes() + values.getBytes(); }
  void place(GPUKernelBuilder &k, Value lane);
  void setLane(Value lane) {
    keys.setLane(lane);
    values.setLane(lane);
  }
  /// Starts copies of the block of keys from `first` on, zeros for pieces of keys from `end` on; the caller is thread
  /// `thread` of `threads`.
  void start(GPUKernelBuilder &k, Value buffer, Value slot, Value keyHead, Value first, Value end, Value thread,
             int64_t threads) const;

  /// Words of 16 features and 8 keys, then of the next 8 keys.
  SmallVector<Value> loadKeys(GPUKernelBuilder &k, Value buffer, int64_t key, Value feature) const;
  /// Words of 16 keys and 8 features, then of the next 16 keys.
  SmallVector<Value> loadValues(GPUKernelBuilder &k, Value buffer, int64_t key, int64_t feature) const;

  int64_t blockKeys;

private:
  const AttentionOperands &operands;
  KeyForm keyForm, valueForm;
  MatrixTile keys, values;
};

} // namespace mlir::mf

#endif // MF_LIB_CONVERSION_MFTOGPU_KEYTILES_H
