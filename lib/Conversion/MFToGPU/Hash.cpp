// The hash, a warp per token: the lanes take adjacent elements from the last to the first, so that a ballot has the
// first element of the window as its most significant bit and the codes of the window's chunks follow each other.
// Scores are multiplied in the order of the CPU's kernel, and no product is fused: codes and scores have its bits.
#include "Kernels.h"
#include "mf/Codegen/CPU/VectorMath.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

namespace {
/// Builds the kernel of one op.
struct HashKernel {
  HashOp op;
  GPUKernelBuilder &k;
  int64_t bits;
  Value token;
  Value lane;

  /// Chunks of a window, one ballot.
  int64_t getWindow() const { return kWarpThreads / bits; }
  void buildWindow(Value firstChunk);
  void storeCode(Value word, Value chunk);
  Value buildFactor(Value magnitude);
  void buildScore(Value magnitude, Value chunk, Value isOwner);
};
} // namespace

Value HashKernel::buildFactor(Value magnitude) {
  Value exponent = k.mulF(magnitude, k.constant(op.getExp2Slope()));
  Value power = buildExp2OfNegative(k.builder(), op.getLoc(), exponent).front();
  return k.addF(k.constant(1.0f), power);
}

/// Lane c puts the factors of chunk c together.
void HashKernel::buildScore(Value magnitude, Value chunk, Value isOwner) {
  Value factor = buildFactor(magnitude);
  // The lane of the chunk's first element; lanes without a chunk read any.
  Value first = k.toI32(k.rem(k.add(k.mul(lane, kWarpThreads - bits), kWarpThreads - 1), kWarpThreads));
  Value sum, product;
  for (int64_t i = 0; i < bits; ++i) {
    Value source = arith::SubIOp::create(k.builder(), first, k.integer(i));
    source = arith::AndIOp::create(k.builder(), source, k.integer(kWarpThreads - 1));
    Value element = k.shuffle(factor, source);
    product = product ? k.mulF(product, element) : element;
    if (op.getScore() != ScoreKind::Magnitude)
      continue;
    Value part = k.shuffle(magnitude, source);
    sum = sum ? k.addF(sum, part) : part;
  }
  Value score = k.divF(sum ? sum : k.constant(1.0f), product);
  k.ifThen(isOwner, [&] { k.store(score, op.getScoresInit(), {token, chunk}); });
}

void HashKernel::storeCode(Value word, Value chunk) {
  OpBuilder &b = k.builder();
  Location loc = op.getLoc();
  Value code = arith::ShLIOp::create(b, loc, word, k.toI32(k.mul(lane, bits)));
  code = arith::ShRUIOp::create(b, loc, code, k.integer(kWarpThreads - bits));
  Type type = getElementTypeOrSelf(op.getCodesInit().getType());
  if (type.getIntOrFloatBitWidth() < kWarpThreads)
    code = arith::TruncIOp::create(b, loc, type, code);
  k.store(code, op.getCodesInit(), {token, chunk});
}

void HashKernel::buildWindow(Value firstChunk) {
  OpBuilder &b = k.builder();
  Value place = k.sub(k.index(kWarpThreads - 1), lane), element = k.add(k.mul(firstChunk, bits), place);
  Value isElement = arith::AndIOp::create(b, op.getLoc(), k.isBelow(place, k.index(getWindow() * bits)),
                                          k.isBelow(element, k.index(op.getNumTables() * bits)));
  Value z = k.load(op.getX(), {token, k.select(isElement, element, k.index(0))}, 1);
  Value isSet = arith::CmpFOp::create(b, op.getLoc(), arith::CmpFPredicate::OGE, z, k.constant(0.0f));
  Value word = k.ballot(arith::AndIOp::create(b, op.getLoc(), isElement, isSet));
  Value chunk = k.add(firstChunk, lane);
  Value isOwner = arith::AndIOp::create(b, op.getLoc(), k.isBelow(lane, k.index(getWindow())),
                                        k.isBelow(chunk, k.index(op.getNumTables())));
  k.ifThen(isOwner, [&] { storeCode(word, chunk); });
  buildScore(math::AbsFOp::create(b, op.getLoc(), z), chunk, isOwner);
}

void mf::buildGPUHash(HashOp op, GPUHashAttr strategy, GPUKernelBuilder &k) {
  Value thread = k.thread();
  Value token = k.add(k.mul(k.block(gpu::Dimension::x), strategy.getWarps()), k.div(thread, kWarpThreads));
  HashKernel kernel{op, k, static_cast<int64_t>(op.getBits()), token, k.rem(thread, kWarpThreads)};
  k.ifThen(k.isBelow(token, k.dim(op.getX(), 0)), [&] {
    k.loop(k.index(0), k.index(op.getNumTables()), k.index(kernel.getWindow()),
           [&](Value chunk) { kernel.buildWindow(chunk); });
  });
}
