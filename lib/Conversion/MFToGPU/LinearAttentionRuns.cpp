// The kernels of linear attention: a thread block takes a head of one sequence, chunk after chunk, or the tokens that a
// batch has for the sequence in one slot, run after run.
#include "KernelModule.h"
#include "LinearAttention.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::mf;

template <typename OpT> static GPULinearAttention describe(OpT op, GPULinearAttentionAttr strategy) {
  return {op,           op.getQ(),        op.getK(),          op.getV(),           op.getProjection(),
          op.getInit(), op.getFeatures(), op.getLayoutAttr(), op.getStateLayout(), strategy};
}

/// Workgroup memory of a kernel with this state; an error where a block has no more.
template <typename OpT> static FailureOr<int64_t> getBytes(OpT op, GPULinearAttentionAttr strategy) {
  int64_t bytes = getLinearAttentionBytes(op.getStateLayout(), strategy);
  auto target = op->template getParentOfType<ModuleOp>()->template getAttrOfType<GPUTargetAttr>("mf.gpu_target");
  if (target && bytes > target.getWorkgroupBytes())
    return op.emitOpError("needs ") << bytes << " bytes of workgroup memory with " << strategy << ", a block on "
                                    << target.getArch() << " has " << target.getWorkgroupBytes();
  return bytes;
}

/// Blocks are few, one for each head of a sequence: rather than room for several on a multiprocessor, which the
/// assembler makes otherwise and spills for, a thread has all registers that it can use.
static void takeAllRegisters(GPUKernelBuilder &k) {
  Operation *kernel = k.builder().getInsertionBlock()->getParentOp();
  kernel->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), k.builder().getI32IntegerAttr(1));
}

//===----------------------------------------------------------------------===//
// One sequence
//===----------------------------------------------------------------------===//

/// The state of the block's head in the op's scratch.
static GPUHeadState getState(LinearAttentionOp op, Value headNumber, GPUKernelBuilder &k) {
  return {op.getScratch(), {}, k.mul(headNumber, op.getStateLayout().getSize())};
}

/// Chunk by chunk: its keys, where the op is causal its queries against both, then the chunk joins the sums. The grid
/// is (heads).
static void buildChunks(LinearAttentionOp op, GPULinearAttentionAttr strategy, GPUKernelBuilder &k) {
  takeAllRegisters(k);
  Value headNumber = k.block(gpu::Dimension::x), zero = k.index(0), tokens = k.dim(op.getK(), 0);
  GPULinearAttention attention = describe(op, strategy);
  GPULinearAttentionBuilder builder(attention, getState(op, headNumber, k), headNumber, k);
  builder.clearState();
  int64_t chunk = op.getSumChunk();
  k.loop(zero, tokens, k.index(chunk), [&](Value token) {
    Value count = k.min(k.sub(tokens, token), k.index(chunk)), isFirst = k.isEqual(token, zero);
    builder.appendKeys(token, count, zero, token);
    if (op.getCausal())
      builder.buildQueries(token, count, zero, token, isFirst);
    builder.addChunk(count, isFirst);
  });
}

/// Queries against the sums of all keys; the grid is (heads, tiles of queries).
static void buildFullQueries(LinearAttentionOp op, GPULinearAttentionAttr strategy, GPUKernelBuilder &k) {
  takeAllRegisters(k);
  Value headNumber = k.block(gpu::Dimension::x), first = k.mul(k.block(gpu::Dimension::y), strategy.getRows());
  GPULinearAttention attention = describe(op, strategy);
  GPULinearAttentionBuilder builder(attention, getState(op, headNumber, k), headNumber, k);
  Value count = k.min(k.sub(k.dim(op.getQ(), 0), first), k.index(strategy.getRows()));
  builder.buildQueries(first, count, /*column=*/Value(), first, /*isFirstChunk=*/Value());
}

LogicalResult mf::lowerLinearAttention(KernelModule &kernels, LinearAttentionOp op) {
  auto strategy = getGPUStrategy<GPULinearAttentionAttr>(op);
  if (!strategy)
    return failure();
  if (op.getForm() == AttentionForm::Quadratic)
    return op.emitOpError(
        "in its quadratic form has no kernel for GPUs: mf-convert-attention-form makes another of it");
  int64_t heads = cast<MemRefType>(op.getQ().getType()).getDimSize(1);
  Value scratch = op.getScratch();
  if (!scratch || cast<MemRefType>(scratch.getType()).getDimSize(0) != heads * op.getStateLayout().getSize())
    return op.emitOpError("expects scratch for the state of each head, which mf-gpu-add-scratch gives");
  FailureOr<int64_t> bytes = getBytes(op, strategy);
  if (failed(bytes))
    return failure();
  Location loc = op.getLoc();
  int64_t threads = strategy.getWarps() * kWarpThreads;
  kernels.launch(
      op, "linear_attention", {{kernels.index(loc, heads)}, threads, *bytes},
      [&](Operation *inner, GPUKernelBuilder &k) { buildChunks(cast<LinearAttentionOp>(inner), strategy, k); });
  if (op.getCausal())
    return success();
  Value tiles = kernels.ceilDiv(loc, kernels.getTokens(loc, op.getQ()), strategy.getRows());
  kernels.launch(
      op, "linear_attention_queries", {{kernels.index(loc, heads), tiles}, threads, *bytes},
      [&](Operation *inner, GPUKernelBuilder &k) { buildFullQueries(cast<LinearAttentionOp>(inner), strategy, k); });
  return success();
}

//===----------------------------------------------------------------------===//
// A batch
//===----------------------------------------------------------------------===//

/// The smallest index in [from, to) for which `holds` gives true, else `to`: a warp asks for 32 at a time.
static Value findFirst(GPUKernelBuilder &k, Value from, Value to, function_ref<Value(Value)> holds) {
  Value lane = k.rem(k.thread(), kWarpThreads);
  return k
      .loop(from, to, k.index(kWarpThreads), to,
            [&](Value base, ValueRange found) {
              auto ask = [&]() -> SmallVector<Value> {
                Value candidate = k.add(base, lane), isThere = k.isBelow(candidate, to);
                Value safe = k.select(isThere, candidate, base);
                Value first = k.toI32(k.select(k.both(isThere, holds(safe)), candidate, to));
                for (int64_t mask = kWarpThreads / 2; mask > 0; mask /= 2)
                  first = k.min(first, k.shuffleXor(first, mask));
                return {arith::IndexCastUIOp::create(k.builder(), k.builder().getIndexType(), first)};
              };
              return k.choose(k.isEqual(found.front(), to), ask, found);
            })
      .front();
}

namespace {
/// Builds the kernel of a batch; the grid is (heads, slots).
class RunsKernel {
public:
  RunsKernel(RecurrentAttentionOp op, GPULinearAttentionAttr strategy, GPUKernelBuilder &k)
      : op(op), k(k), attention(describe(op, strategy)), slot(k.block(gpu::Dimension::y)), tokens(k.dim(op.getQ(), 0)),
        builder(attention, {op.getState(), {slot, k.block(gpu::Dimension::x)}, Value()}, k.block(gpu::Dimension::x),
                k) {}

  void build();

private:
  Value isOwn(Value token) { return k.isEqual(k.loadUnsigned(op.getSlots(), token), slot); }
  Value loadPosition(Value token) { return k.loadUnsigned(op.getPositions(), token); }
  Value buildRun(Value token);

  RecurrentAttentionOp op;
  GPUKernelBuilder &k;
  GPULinearAttention attention;
  Value slot, tokens;
  GPULinearAttentionBuilder builder;
};
} // namespace

/// Tokens from `token` on that follow each other in one chunk; what comes behind them.
Value RunsKernel::buildRun(Value token) {
  Value position = loadPosition(token), column = k.rem(position, op.getChunk());
  Value end = k.min(tokens, k.add(token, k.sub(k.index(op.getChunk()), column)));
  Value behind = findFirst(k, token, end, [&](Value other) {
    Value follows = k.isEqual(loadPosition(other), k.add(position, k.sub(other, token)));
    Value never = arith::ConstantIntOp::create(k.builder(), 0, 1);
    return k.isEqual(k.both(isOwn(other), follows), never);
  });
  Value count = k.sub(behind, token), isFirst = k.isEqual(position, column);
  builder.appendKeys(token, count, column, position);
  builder.buildQueries(token, count, column, position, isFirst);
  Value chunk = k.index(op.getChunk());
  k.ifThen(k.isEqual(k.add(column, count), chunk), [&] { builder.addChunk(chunk, isFirst); });
  return behind;
}

void RunsKernel::build() {
  takeAllRegisters(k);
  auto findOwn = [&](Value from) { return findFirst(k, from, tokens, [&](Value token) { return isOwn(token); }); };
  // Tokens of others, and those that a run has taken, are passed over.
  k.loop(k.index(0), tokens, k.index(1), findOwn(k.index(0)), [&](Value token, ValueRange next) {
    return k.choose(
        k.isEqual(token, next.front()), [&] { return SmallVector<Value>{findOwn(buildRun(token))}; }, next);
  });
}

LogicalResult mf::lowerRecurrentAttention(KernelModule &kernels, RecurrentAttentionOp op) {
  auto strategy = getGPUStrategy<GPULinearAttentionAttr>(op);
  if (!strategy)
    return failure();
  FailureOr<int64_t> bytes = getBytes(op, strategy);
  if (failed(bytes))
    return failure();
  Location loc = op.getLoc();
  int64_t heads = cast<MemRefType>(op.getQ().getType()).getDimSize(1);
  kernels.launch(
      op, "recurrent_attention",
      {{kernels.index(loc, heads), kernels.getTokens(loc, op.getState())}, strategy.getWarps() * kWarpThreads, *bytes},
      [&](Operation *inner, GPUKernelBuilder &k) {
        RunsKernel(cast<RecurrentAttentionOp>(inner), strategy, k).build();
      });
  return success();
}
