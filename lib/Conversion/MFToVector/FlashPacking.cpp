// Blocks of keys and values on the stack, for caches and tensors that lie otherwise than the tiles read them.
#include "FlashKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::mf;

static SmallVector<Value> locate(const ValueBlock &block, Value key, Value feature) {
  SmallVector<Value> indices(block.before);
  indices.push_back(key);
  indices.append(block.after);
  indices.push_back(feature);
  return indices;
}

/// The transpose of a square of as many vectors as they have elements: blocks of 1, 2, 4... elements change places.
static void transpose(KernelBuilder &kb, MutableArrayRef<Value> rows) {
  int64_t size = rows.size();
  for (int64_t step = 1; step < size; step *= 2) {
    SmallVector<int64_t> upper, lower;
    for (int64_t i = 0; i < size; ++i) {
      upper.push_back(i & step ? size + i - step : i);
      lower.push_back(i & step ? size + i : i + step);
    }
    for (int64_t i = 0; i < size; ++i) {
      if (i & step)
        continue;
      Value x = rows[i], y = rows[i + step];
      rows[i] = kb.shuffle(x, y, upper);
      rows[i + step] = kb.shuffle(x, y, lower);
    }
  }
}

/// `width` features from `feature` on of as many keys as there are lanes. Keys behind the last one are the last one
/// again.
void FlashKernel::packKeyTile(const ValueBlock &keys, Value firstKey, Value lastKey, Value feature, int64_t width) {
  SmallVector<Value> tile;
  for (int64_t i = 0; i < kb.getLanes(); ++i) {
    Value key = kb.addIndex(keys.firstKey, kb.minIndex(kb.addIndex(firstKey, i), lastKey));
    tile.push_back(kb.loadPadded(keys.memref, locate(keys, key, feature), width));
  }
  transpose(kb, tile);
  Value block = kb.roundDown(firstKey, kCacheKeys), inside = kb.subIndex(firstKey, block);
  Value base = kb.addIndex(kb.addIndex(kb.mulIndex(block, features), inside), kb.mulIndex(feature, kCacheKeys));
  for (int64_t i = 0; i < width; ++i)
    kb.store(tile[i], packedKeys, kb.addIndex(base, i * kCacheKeys));
}

KeyBlock FlashKernel::packKeys(const ValueBlock &keys, Value count) {
  if (!packedKeys)
    packedKeys = kb.stackBuffer({blockKeys * features});
  int64_t lanes = kb.getLanes(), whole = features / lanes * lanes;
  Value lastKey = kb.addIndex(count, -1);
  kb.loop(kb.index(0), count, lanes, [&](Value key) {
    kb.loop(kb.index(0), kb.index(whole), lanes,
            [&](Value feature) { packKeyTile(keys, key, lastKey, feature, lanes); });
    if (whole < features)
      packKeyTile(keys, key, lastKey, kb.index(whole), features - whole);
  });
  return {packedKeys, {}, kb.index(0)};
}

ValueBlock FlashKernel::copyValues(const ValueBlock &values, Value count) {
  if (!copiedValues)
    copiedValues = kb.stackBuffer({blockKeys, resultFeatures});
  kb.loopOver(count, [&](Value key) {
    kb.forEachPiece(resultFeatures, [&](Value offset, int64_t width) {
      Value value = kb.load(values.memref, locate(values, kb.addIndex(values.firstKey, key), offset), width);
      kb.store(value, copiedValues, {key, offset});
    });
  });
  return {copiedValues, {}, kb.index(0), {}};
}
