// Blocks of keys and values in workgroup memory as right operands of products of matrices. A word of such an operand
// has two adjacent features of a key, or two adjacent keys of a feature: pairs are read as they lie, others by
// ldmatrix.
#include "KeyTiles.h"

using namespace mlir;
using namespace mlir::mf;

/// Columns of a product, and its sums: features of keys, keys of values.
static constexpr int64_t kColumns = 8, kDepth = 16;

static KeyForm getKeyForm(const AttentionOperands &operands) {
  if (!operands.layout)
    return KeyForm::Rows;
  return operands.layout.getFeatures() == 2 ? KeyForm::Pairs : KeyForm::Columns;
}

static MatrixTile getTile(int64_t buffers, int64_t rows, int64_t columns, KeyForm form) {
  if (form == KeyForm::Pairs)
    return {buffers, rows / 2, columns * 2, /*elementBytes=*/2, TileAccess::Pairs};
  return {buffers, rows, columns};
}

mf::KeyTiles::KeyTiles(const AttentionOperands &operands, int64_t buffers, int64_t blockKeys)
    : blockKeys(blockKeys), operands(operands), keyForm(getKeyForm(operands)),
      valueForm(operands.valuesLayout ? KeyForm::Pairs : KeyForm::Rows),
      keys(keyForm == KeyForm::Rows ? MatrixTile(buffers, blockKeys, operands.keySize)
                                    : getTile(buffers, operands.keySize, blockKeys, keyForm)),
      values(getTile(buffers, blockKeys, operands.valueSize, valueForm)) {}

void mf::KeyTiles::place(GPUKernelBuilder &k, Value lane) {
  Type element = getElementTypeOrSelf(operands.keys.getType());
  keys.place(k, element, /*begin=*/0, lane);
  values.place(k, element, keys.getBytes(), lane);
}

void mf::KeyTiles::start(GPUKernelBuilder &k, Value buffer, Value ofSlot, Value ofHead, Value first, Value end,
                         Value ofThread, int64_t threads) const {
  // What follows from these is the same for all blocks of keys: kept in registers, it spills.
  Value thread = k.computeHere(ofThread), slot = k.computeHere(ofSlot), keyHead = k.computeHere(ofHead);
  /// Copies `tile`; `getElement` gives key, counted from `first`, and feature of a piece of a row.
  auto copy = [&](const MatrixTile &tile, Value source, function_ref<std::pair<Value, Value>(Value, Value)> getElement,
                  function_ref<SmallVector<Value>(Value, Value)> getPlace) {
    // The bound is no constant on purpose: unrolled, addresses of all pieces would be kept in registers, and spill.
    int64_t pieces = tile.getRows() * tile.getPieces();
    k.loop(thread, k.min(k.index(pieces), k.mul(end, pieces)), k.index(threads), [&](Value i) {
      Value row = k.div(i, tile.getPieces()), piece = k.rem(i, tile.getPieces());
      auto [inside, feature] = getElement(row, k.mul(piece, kPiece));
      Value key = k.add(first, inside), isThere = k.isBelow(key, end), none = k.index(0);
      // What is not read must have a place nevertheless.
      k.copyCounted(source, getPlace(k.select(isThere, key, none), feature), tile.getMemRef(),
                    tile.getPlace(k, buffer, row, piece), kPiece, k.select(isThere, k.index(kPiece), none));
    });
  };
  copy(
      keys, operands.keys,
      [&](Value row, Value column) {
        if (keyForm == KeyForm::Rows)
          return std::pair(row, column);
        return keyForm == KeyForm::Columns ? std::pair(column, row) : std::pair(k.div(column, 2), k.mul(row, 2));
      },
      [&](Value key, Value feature) { return operands.getKeyPlace(k, slot, keyHead, key, feature); });
  copy(
      values, operands.values,
      [&](Value row, Value column) {
        return valueForm == KeyForm::Rows ? std::pair(row, column) : std::pair(k.mul(row, 2), k.div(column, 2));
      },
      [&](Value key, Value feature) { return operands.getValuePlace(k, slot, keyHead, key, feature); });
}

SmallVector<Value> mf::KeyTiles::loadKeys(GPUKernelBuilder &k, Value buffer, int64_t key, Value feature) const {
  if (keyForm == KeyForm::Rows)
    return keys.load(k, buffer, k.index(key), k.div(feature, kPiece), MatrixOrder::ByColumns,
                     /*isTransposed=*/false);
  if (keyForm == KeyForm::Columns)
    return keys.load(k, buffer, feature, k.index(key / kPiece), MatrixOrder::ByRows, /*isTransposed=*/true);
  SmallVector<Value> words;
  for (int64_t column = key; column < key + 2 * kColumns; column += kColumns)
    for (int64_t row = 0; row < kDepth; row += kDepth / 2)
      words.push_back(keys.loadPair(k, buffer, k.add(k.div(feature, 2), row / 2), k.index(column)));
  return words;
}

SmallVector<Value> mf::KeyTiles::loadValues(GPUKernelBuilder &k, Value buffer, int64_t key, int64_t feature) const {
  if (valueForm == KeyForm::Rows)
    return values.load(k, buffer, k.index(key), k.index(feature / kPiece), MatrixOrder::Stacked,
                       /*isTransposed=*/true);
  SmallVector<Value> words;
  for (int64_t row = key; row < key + 2 * kDepth; row += kDepth / 2)
    words.push_back(values.loadPair(k, buffer, k.index(row / 2), k.index(feature)));
  return words;
}
