// Rows of tokens into their sequences' caches.
#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::mf;

namespace {
/// Writes rows of x to a cache with a layout.
class RowWriter {
public:
  RowWriter(KernelBuilder &kb, UpdateStateOp op);

  void write(Value token, Value head, Value slot, Value position);

private:
  void scatter(Value token, Value head, Value slot, Value position);
  void merge(Value token, Value head, Value slot, Value position);

  KernelBuilder &kb;
  UpdateStateOp op;
  CacheLayoutAttr layout;
  int64_t size;
  Value flat; ///< the cache with one dimension for positions and features
  Value row;  ///< of x, rounded
};
} // namespace

RowWriter::RowWriter(KernelBuilder &kb, UpdateStateOp op)
    : kb(kb), op(op), layout(op.getLayoutAttr()), size(cast<MemRefType>(op.getX().getType()).getDimSize(2)),
      flat(kb.flattenLast(op.getState())) {
  if (layout.isOfKeys())
    row = kb.stackBuffer({size}, getElementTypeOrSelf(op.getState()));
}

/// Keys: the row's elements, or pairs of them, are `kCacheKeys` apart.
void RowWriter::scatter(Value token, Value head, Value slot, Value position) {
  kb.forEachPiece(size, [&](Value offset, int64_t width) {
    kb.storeRounded(kb.load(op.getX(), {token, head, offset}, width), row, offset);
  });
  int64_t width = layout.getFeatures();
  Value block = kb.roundDown(position, kCacheKeys);
  Value base = kb.addIndex(kb.mulIndex(block, size), kb.mulIndex(kb.subIndex(position, block), width));
  kb.loop(kb.index(0), kb.index(size), width, [&](Value feature) {
    Value place = kb.addIndex(base, kb.mulIndex(feature, kCacheKeys));
    kb.store(kb.loadStored(row, feature, width), flat, {slot, head, place});
  });
}

/// Values in pairs of positions: every other element is the neighbour's and stays.
void RowWriter::merge(Value token, Value head, Value slot, Value position) {
  OpBuilder &b = kb.builder();
  Location loc = op.getLoc();
  Value first = kb.roundDown(position, kCachePair);
  Value second = arith::IndexCastOp::create(b, loc, b.getI32Type(), kb.subIndex(position, first));
  Value shift = arith::MulIOp::create(b, loc, second, kb.integer(16));
  Value kept = arith::ShRUIOp::create(b, loc, kb.integer(0xffff0000), shift);
  Value base = kb.mulIndex(first, size);
  kb.forEachPiece(size, [&](Value offset, int64_t width) {
    SmallVector<Value> place = {slot, head, kb.addIndex(base, kb.mulIndex(offset, kCachePair))};
    Value rounded = kb.round(kb.load(op.getX(), {token, head, offset}, width), b.getBF16Type());
    Value bits = width > 1 ? kb.bitcast(rounded, b.getI16Type())
                           : arith::BitcastOp::create(b, loc, b.getI16Type(), rounded).getResult();
    auto pairs = VectorType::get(width, b.getI32Type());
    if (width == 1)
      bits = vector::BroadcastOp::create(b, loc, VectorType::get(1, b.getI16Type()), bits);
    bits = arith::ExtUIOp::create(b, loc, pairs, bits);
    auto spread = [&](Value x) -> Value { return vector::BroadcastOp::create(b, loc, pairs, x); };
    Value old = kb.bitcast(kb.loadStored(flat, place, 2 * width), b.getI32Type());
    old = arith::AndIOp::create(b, loc, old, spread(kept));
    Value both = arith::OrIOp::create(b, loc, old, arith::ShLIOp::create(b, loc, bits, spread(shift)));
    kb.store(kb.bitcast(both, b.getBF16Type()), flat, place);
  });
}

void RowWriter::write(Value token, Value head, Value slot, Value position) {
  if (layout.isOfKeys())
    scatter(token, head, slot, position);
  else
    merge(token, head, slot, position);
}

void mf::lowerUpdateState(UpdateStateOp op, CPURowsAttr strategy) {
  KernelBuilder kb(op, strategy.getLanes());
  int64_t size = cast<MemRefType>(op.getX().getType()).getDimSize(2);
  std::optional<RowWriter> writer;
  if (op.getLayoutAttr())
    writer.emplace(kb, op);
  kb.loopOver(kb.dim(op.getX(), 0), [&](Value token) {
    Value slot = kb.loadIndex(op.getSlots(), token), position = kb.loadIndex(op.getPositions(), token);
    kb.loopOver(kb.dim(op.getX(), 1), [&](Value head) {
      if (writer)
        return writer->write(token, head, slot, position);
      kb.forEachPiece(size, [&](Value offset, int64_t width) {
        kb.storeRounded(kb.load(op.getX(), {token, head, offset}, width), op.getState(),
                        {slot, head, position, offset});
      });
    });
  });
}
