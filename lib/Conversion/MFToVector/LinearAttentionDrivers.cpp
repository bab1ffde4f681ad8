// The loops of the kernels of linear attention: over the chunks of one sequence, or over runs of tokens of a batch.
#include "LinearAttention.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::mf;

static Value isEqual(KernelBuilder &kb, Value x, Value y) {
  return arith::CmpIOp::create(kb.builder(), x.getLoc(), arith::CmpIPredicate::eq, x, y);
}

template <typename OpT> static LinearAttention describe(OpT op, CPULinearAttentionAttr strategy) {
  return {op,           op.getQ(),        op.getK(),          op.getV(),           op.getProjection(),
          op.getInit(), op.getFeatures(), op.getLayoutAttr(), op.getStateLayout(), strategy};
}

/// Chunk by chunk: its keys, its queries against both, then the chunk joins the sums.
static void buildCausal(LinearAttentionBuilder &builder, const HeadState &state, Value head, Value tokens,
                        int64_t chunk) {
  KernelBuilder &kb = builder.getKernelBuilder();
  Value zero = kb.index(0);
  kb.loop(zero, tokens, chunk, [&](Value token) {
    Value count = kb.minIndex(kb.subIndex(tokens, token), kb.index(chunk));
    Value isFirst = isEqual(kb, token, zero);
    builder.appendKeys(state, head, token, count, zero, token);
    builder.buildQueries(state, head, token, count, zero, token, isFirst);
    builder.addChunk(state, count, isFirst);
  });
}

/// All keys join the sums before the first query.
static void buildFull(LinearAttentionBuilder &builder, const HeadState &state, Value head, Value queries, Value keys,
                      int64_t chunk) {
  KernelBuilder &kb = builder.getKernelBuilder();
  Value zero = kb.index(0);
  kb.loop(zero, keys, chunk, [&](Value token) {
    Value count = kb.minIndex(kb.subIndex(keys, token), kb.index(chunk));
    builder.appendKeys(state, head, token, count, zero, token);
    builder.addChunk(state, count, isEqual(kb, token, zero));
  });
  builder.buildQueries(state, head, zero, queries, /*column=*/Value(), zero, /*isFirstChunk=*/Value());
}

void mf::lowerLinearAttention(LinearAttentionOp op, CPULinearAttentionAttr strategy) {
  LinearAttentionBuilder builder(describe(op, strategy));
  KernelBuilder &kb = builder.getKernelBuilder();
  HeadState state = builder.viewState(op.getScratch(), ValueRange());
  kb.loopOver(kb.dim(op.getQ(), 1), [&](Value head) {
    builder.clearState(state);
    if (op.getCausal())
      buildCausal(builder, state, head, kb.dim(op.getQ(), 0), op.getSumChunk());
    else
      buildFull(builder, state, head, kb.dim(op.getQ(), 0), kb.dim(op.getK(), 0), op.getSumChunk());
  });
}

/// Tokens from `token` on that follow each other in one chunk of one sequence. `column` is that of the first.
static Value buildRunLength(KernelBuilder &kb, RecurrentAttentionOp op, Value token, Value slot, Value position,
                            Value column) {
  Value left = kb.subIndex(kb.dim(op.getQ(), 0), token);
  Value most = kb.minIndex(left, kb.subIndex(kb.index(op.getChunk()), column));
  Value one = kb.index(1);
  return kb
      .loop(one, most, 1, one,
            [&](Value i, ValueRange length) -> SmallVector<Value> {
              Value next = kb.addIndex(token, i);
              Value follows = isEqual(kb, kb.loadIndex(op.getSlots(), next), slot);
              Value isNext = isEqual(kb, kb.loadIndex(op.getPositions(), next), kb.addIndex(position, i));
              follows = arith::AndIOp::create(kb.builder(), op.getLoc(), follows, isNext);
              follows = arith::AndIOp::create(kb.builder(), op.getLoc(), follows, isEqual(kb, i, length.front()));
              return {kb.select(follows, kb.addIndex(i, 1), length.front())};
            })
      .front();
}

/// One run: as `buildCausal` does a chunk, from where the state's chunk ends.
static Value buildRun(LinearAttentionBuilder &builder, RecurrentAttentionOp op, Value head, Value token) {
  KernelBuilder &kb = builder.getKernelBuilder();
  Value chunk = kb.index(op.getChunk());
  Value slot = kb.loadIndex(op.getSlots(), token), position = kb.loadIndex(op.getPositions(), token);
  Value column = kb.builder().createOrFold<arith::RemUIOp>(op.getLoc(), position, chunk);
  Value count = buildRunLength(kb, op, token, slot, position, column);
  Value isFirst = isEqual(kb, position, column);
  HeadState state = builder.viewState(op.getState(), {slot, head});
  builder.appendKeys(state, head, token, count, column, position);
  builder.buildQueries(state, head, token, count, column, position, isFirst);
  kb.ifThen(isEqual(kb, kb.addIndex(column, count), chunk), [&] { builder.addChunk(state, chunk, isFirst); });
  return count;
}

void mf::lowerRecurrentAttention(RecurrentAttentionOp op, CPULinearAttentionAttr strategy) {
  LinearAttentionBuilder builder(describe(op, strategy));
  KernelBuilder &kb = builder.getKernelBuilder();
  Value tokens = kb.dim(op.getQ(), 0), zero = kb.index(0);
  kb.loopOver(kb.dim(op.getQ(), 1), [&](Value head) {
    // Tokens that a run has taken are passed over.
    kb.loop(zero, tokens, 1, zero, [&](Value token, ValueRange next) -> SmallVector<Value> {
      return kb.choose(
          isEqual(kb, token, next.front()),
          [&]() -> SmallVector<Value> { return {kb.addIndex(token, buildRun(builder, op, head, token))}; },
          [&]() -> SmallVector<Value> { return {next.front()}; });
    });
  });
}
