// The hash: codes and scores of several chunks at a time, a chunk a lane. No product is fused here, and every lane does
// what the scalar code does, so that codes and scores have the same bits in every variant.
#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

// Columns whose exponentials are evaluated together: with more, 16 registers spill; with fewer, latency shows.
static constexpr int64_t chains = 2;
// Columns that are transposed together.
static constexpr int64_t block = 4;

namespace {
/// What is known of `width` chunks after some of their columns; null before the first.
struct Totals {
  Value codes; // the first column in the highest of 32 bits
  Value sum;
  Value product;
};

/// Builds the kernel of one op.
struct HashKernel {
  HashOp op;
  KernelBuilder kb;
  int64_t bits;

  SmallVector<Value> loadColumns(Value token, Value column, int64_t count, int64_t width);
  SmallVector<Value> transposeBlock(Value token, Value column, int64_t width);
  void addCodes(Totals &totals, ArrayRef<Value> z, int64_t first, int64_t width);
  void addScores(Totals &totals, ArrayRef<Value> z, int64_t width);
  Value takeHighestBits(Value words, int64_t width);
  void storeTotals(const Totals &totals, Value token, Value chunk, int64_t width);
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

/// `count` adjacent columns, the first at `column`, of `width` chunks: a vector a column, a chunk a lane.
SmallVector<Value> HashKernel::loadColumns(Value token, Value column, int64_t count, int64_t width) {
  if (count == block && width % 4 == 0)
    return transposeBlock(token, column, width);
  SmallVector<Value> columns;
  for (int64_t i = 0; i < count; ++i) {
    Value first = kb.addIndex(column, i);
    if (width == 1 || bits == 1) {
      columns.push_back(kb.load(op.getX(), {token, first}, width));
      continue;
    }
    SmallVector<Value> elements;
    for (int64_t chunk = 0; chunk < width; ++chunk)
      elements.push_back(kb.load(op.getX(), {token, kb.addIndex(first, chunk * bits)}, 1));
    columns.push_back(vector::FromElementsOp::create(kb.builder(), op.getLoc(),
                                                     VectorType::get(width, kb.builder().getF32Type()), elements));
  }
  return columns;
}

/// Comparison `oge`: both zeros give 1, NaN gives 0. Bits are gathered at the top of 32, from where a shift takes them:
/// LLVM would narrow every one of them to the type of the codes if they were at the bottom.
void HashKernel::addCodes(Totals &totals, ArrayRef<Value> z, int64_t first, int64_t width) {
  Value none = kb.integer(0, width), zero = kb.constant(0.0f, width);
  for (auto [i, element] : llvm::enumerate(z)) {
    int64_t weight = static_cast<int32_t>(uint32_t(1) << (31 - first - i));
    Value isSet = kb.compare(arith::CmpFPredicate::OGE, element, zero);
    Value bit = kb.select(isSet, kb.integer(weight, width), none);
    totals.codes = totals.codes ? arith::OrIOp::create(kb.builder(), op.getLoc(), totals.codes, bit).getResult() : bit;
  }
}

/// Sum and product run over the columns in ascending order. |z| up to the largest float over 16 cannot overflow the
/// sum, and a factor is at most 2, so neither can the product.
void HashKernel::addScores(Totals &totals, ArrayRef<Value> z, int64_t width) {
  Value one = kb.constant(1.0f, width), slope = kb.constant(op.getExp2Slope(), width);
  SmallVector<Value> exponents;
  for (Value element : z) {
    Value magnitude = math::AbsFOp::create(kb.builder(), op.getLoc(), element);
    if (op.getScore() == ScoreKind::Magnitude)
      totals.sum = totals.sum ? kb.add(totals.sum, magnitude) : magnitude;
    exponents.push_back(kb.mul(magnitude, slope));
  }
  for (Value power : buildExp2OfNegative(kb.builder(), op.getLoc(), exponents)) {
    Value factor = kb.add(one, power);
    totals.product = totals.product ? kb.mul(totals.product, factor) : factor;
  }
}

/// The highest `bits` bits of `width` words, as codes.
Value HashKernel::takeHighestBits(Value words, int64_t width) {
  Type type = getElementTypeOrSelf(op.getCodesInit().getType());
  int64_t size = type.getIntOrFloatBitWidth(), parts = 32 / size;
  if (width == 1) {
    Value code = arith::ShRUIOp::create(kb.builder(), op.getLoc(), words, kb.integer(32 - bits));
    return parts == 1 ? code : arith::TruncIOp::create(kb.builder(), op.getLoc(), type, code).getResult();
  }
  if (parts > 1) {
    SmallVector<int64_t> highest;
    for (int64_t i = 0; i < width; ++i)
      highest.push_back(i * parts + parts - 1);
    words = vector::BitCastOp::create(kb.builder(), op.getLoc(), VectorType::get(width * parts, type), words);
    words = kb.shuffle(words, words, highest);
  }
  if (bits == size)
    return words;
  auto shift =
      DenseElementsAttr::get(cast<VectorType>(words.getType()), kb.builder().getIntegerAttr(type, size - bits));
  return arith::ShRUIOp::create(kb.builder(), op.getLoc(), words,
                                arith::ConstantOp::create(kb.builder(), op.getLoc(), shift));
}

void HashKernel::storeTotals(const Totals &totals, Value token, Value chunk, int64_t width) {
  kb.store(takeHighestBits(totals.codes, width), op.getCodesInit(), {token, chunk});
  Value numerator = op.getScore() == ScoreKind::Magnitude ? totals.sum : kb.constant(1.0f, width);
  kb.store(kb.div(numerator, totals.product), op.getScoresInit(), {token, chunk});
}

void HashKernel::buildChunks(Value token, Value chunk, int64_t width) {
  Value column = kb.mulIndex(chunk, bits);
  Totals totals;
  for (int64_t first = 0; first < bits; first += block) {
    // The last block overlaps the one before where 4 does not divide the bits.
    int64_t begin = bits < block ? first : std::min(first, bits - block);
    SmallVector<Value> columns = loadColumns(token, kb.addIndex(column, begin), std::min(block, bits), width);
    ArrayRef<Value> z = ArrayRef(columns).drop_front(first - begin);
    addCodes(totals, z, first, width);
    for (ArrayRef<Value> rest = z; !rest.empty(); rest = rest.drop_front(std::min<int64_t>(rest.size(), chains)))
      addScores(totals, rest.take_front(chains), width);
  }
  storeTotals(totals, token, chunk, width);
}

void mf::lowerHash(HashOp op, CPUHashAttr strategy) {
  HashKernel kernel{op, KernelBuilder(op, strategy.getTables()), static_cast<int64_t>(op.getBits())};
  kernel.kb.loopOver(kernel.kb.dim(op.getX(), 0), [&](Value token) {
    kernel.kb.forEachPiece(op.getNumTables(),
                           [&](Value chunk, int64_t width) { kernel.buildChunks(token, chunk, width); });
  });
}
