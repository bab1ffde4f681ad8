// The hash: codes and scores of several chunks at a time, a chunk a lane. No product is fused here, and every lane does
// what the scalar code does, so that codes and scores have the same bits in every variant.
#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::mf;

namespace {
/// Builds the kernel of one op.
struct HashKernel {
  HashOp op;
  KernelBuilder kb;
  int64_t bits;

  SmallVector<Value> loadInLanes(Value token, Value column, int64_t width);
  SmallVector<Value> transposeBlock(Value token, Value column, int64_t width);
  Value buildCodes(ArrayRef<Value> z, int64_t width);
  Value buildScores(ArrayRef<Value> z, int64_t width);
  void buildChunks(Value token, Value chunk, int64_t width);
};
} // namespace

/// Four adjacent columns, the first at `column`, of `width` chunks: a vector a column, a chunk a lane. Quarters of the
/// vectors are loaded where the 4 x 4 transposes inside quarters want them.
SmallVector<Value> HashKernel::transposeBlock(Value token, Value column, int64_t width) {
  SmallVector<Value> rows;
  for (int64_t r = 0; r < 4; ++r) {
    SmallVector<Value> parts;
    for (int64_t chunk = r; chunk < width; chunk += 4)
      parts.push_back(kb.load(op.getX(), {token, kb.addIndex(column, chunk * bits)}, 4));
    for (int64_t size = 4; size < width; size *= 2) {
      auto both = llvm::to_vector(llvm::seq<int64_t>(0, 2 * size));
      for (size_t i = 0; i < parts.size() / 2; ++i)
        parts[i] = kb.shuffle(parts[2 * i], parts[2 * i + 1], both);
      parts.resize(parts.size() / 2);
    }
    rows.push_back(parts.front());
  }
  Value low01 = kb.zipQuarters(rows[0], rows[1], {0, 4, 1, 5}), high01 = kb.zipQuarters(rows[0], rows[1], {2, 6, 3, 7});
  Value low23 = kb.zipQuarters(rows[2], rows[3], {0, 4, 1, 5}), high23 = kb.zipQuarters(rows[2], rows[3], {2, 6, 3, 7});
  return {kb.zipQuarters(low01, low23, {0, 1, 4, 5}), kb.zipQuarters(low01, low23, {2, 3, 6, 7}),
          kb.zipQuarters(high01, high23, {0, 1, 4, 5}), kb.zipQuarters(high01, high23, {2, 3, 6, 7})};
}

/// z[i] of `width` chunks, the first beginning at `column`, for each i.
SmallVector<Value> HashKernel::loadInLanes(Value token, Value column, int64_t width) {
  SmallVector<Value> z(bits);
  if (width == 1 || bits == 1) {
    for (int64_t i = 0; i < bits; ++i)
      z[i] = kb.load(op.getX(), {token, kb.addIndex(column, i)}, width);
    return z;
  }
  if (width % 4 == 0 && bits >= 4) {
    // The last block overlaps the one before where 4 does not divide the bits.
    for (int64_t first = 0; first < bits; first += 4) {
      int64_t begin = std::min(first, bits - 4);
      llvm::copy(transposeBlock(token, kb.addIndex(column, begin), width), z.begin() + begin);
    }
    return z;
  }
  for (int64_t i = 0; i < bits; ++i) {
    SmallVector<Value> elements;
    for (int64_t chunk = 0; chunk < width; ++chunk)
      elements.push_back(kb.load(op.getX(), {token, kb.addIndex(column, chunk * bits + i)}, 1));
    z[i] = vector::FromElementsOp::create(kb.builder(), op.getLoc(), VectorType::get(width, kb.builder().getF32Type()),
                                          elements);
  }
  return z;
}

/// Comparison `oge`: both zeros give 1, NaN gives 0.
Value HashKernel::buildCodes(ArrayRef<Value> z, int64_t width) {
  Value codes, none = kb.integer(0, width), zero = kb.constant(0.0f, width);
  for (int64_t i = 0; i < bits; ++i) {
    Value isSet = kb.compare(arith::CmpFPredicate::OGE, z[i], zero);
    Value bit = kb.select(isSet, kb.integer(int64_t(1) << (bits - 1 - i), width), none);
    codes = codes ? arith::OrIOp::create(kb.builder(), op.getLoc(), codes, bit).getResult() : bit;
  }
  Type type = getElementTypeOrSelf(op.getCodesInit().getType());
  if (type.isInteger(32))
    return codes;
  return arith::TruncIOp::create(kb.builder(), op.getLoc(), width > 1 ? VectorType::get(width, type) : type, codes);
}

/// Sum and product run over i in ascending order. |z| up to the largest float over 16 cannot overflow the sum, and a
/// factor is at most 2, so neither can the product.
Value HashKernel::buildScores(ArrayRef<Value> z, int64_t width) {
  Value one = kb.constant(1.0f, width);
  Value slope = kb.constant(static_cast<float>(-2.0 / op.getTemperature().convertToDouble()), width);
  Value sum, product;
  for (Value element : z) {
    Value magnitude = math::AbsFOp::create(kb.builder(), op.getLoc(), element);
    Value factor = kb.add(one, buildExp(kb.builder(), op.getLoc(), kb.mul(magnitude, slope), /*fma=*/false));
    sum = sum ? kb.add(sum, magnitude) : magnitude;
    product = product ? kb.mul(product, factor) : factor;
  }
  return kb.div(op.getScore() == ScoreKind::Magnitude ? sum : one, product);
}

void HashKernel::buildChunks(Value token, Value chunk, int64_t width) {
  SmallVector<Value> z = loadInLanes(token, kb.mulIndex(chunk, bits), width);
  kb.store(buildCodes(z, width), op.getCodesInit(), {token, chunk});
  kb.store(buildScores(z, width), op.getScoresInit(), {token, chunk});
}

void mf::lowerHash(HashOp op, CPUHashAttr strategy) {
  HashKernel kernel{op, KernelBuilder(op, strategy.getTables()), static_cast<int64_t>(op.getBits())};
  kernel.kb.loopOver(kernel.kb.dim(op.getX(), 0), [&](Value token) {
    kernel.kb.forEachPiece(op.getNumTables(),
                           [&](Value chunk, int64_t width) { kernel.buildChunks(token, chunk, width); });
  });
}
