// Attention by products of matrices. Many tokens: a warp takes 16 queries, blocks of keys pass through two buffers in
// workgroup memory, which all warps read. Few tokens: a warp takes one block of keys of a token and writes what it
// gives to scratch. Both compute a block by the same code, so they give the same bits.
#include "FlashMatrices.h"
#include "Kernels.h"

using namespace mlir;
using namespace mlir::mf;

static SmallVector<Value> flatten(ArrayRef<MatrixState> states) {
  SmallVector<Value> values;
  for (const MatrixState &state : states) {
    values.append({state.maximum, state.sum});
    llvm::append_range(values, state.result);
  }
  return values;
}

static SmallVector<MatrixState> unflatten(ValueRange values) {
  SmallVector<MatrixState> states;
  size_t size = values.size() / 2;
  for (ValueRange part : {values.take_front(size), values.drop_front(size)})
    states.push_back({part[0], part[1], llvm::to_vector(part.drop_front(2))});
  return states;
}

static MatrixTile getQueryTile(const AttentionOperands &operands, int64_t warps) {
  return {/*buffers=*/1, warps * kMatrixRows, operands.keySize};
}

mf::MatrixFlashShape::MatrixFlashShape(const AttentionOperands &operands, GPUMatrixFlashAttr strategy)
    : tile(operands, strategy.getWarps() * kMatrixRows), split(operands, kMatrixRows),
      tileBytes(KeyTiles(operands, /*buffers=*/2, strategy.getKeys()).getBytes() +
                getQueryTile(operands, strategy.getWarps()).getBytes()),
      splitBytes(KeyTiles(operands, strategy.getWarps(), strategy.getKeys()).getBytes() +
                 getQueryTile(operands, /*warps=*/1).getBytes()) {}

//===----------------------------------------------------------------------===//
// All keys in one kernel
//===----------------------------------------------------------------------===//

namespace {
/// Builds the kernel whose blocks see all keys.
class MatrixFlashKernel {
public:
  MatrixFlashKernel(const AttentionOperands &operands, GPUMatrixFlashAttr strategy, GPUKernelBuilder &k);

  void build();

private:
  FlashMatrices getRows(Value here);
  QueryRow getRow(Value row);
  SmallVector<Value> getLimits(Value begin, Value runEnd);
  Value getToken(Value i) { return k.min(k.add(firstToken, i), lastToken); }
  /// Whether the block has token `inside` of its tokens.
  Value isThere(Value inside) {
    return k.both(k.isBelow(inside, k.index(shape.tokens)), k.isBelow(k.add(firstToken, inside), k.dim(operands.q, 0)));
  }
  void setRunStep();
  Value getRunEnd(Value begin);
  Value getEnd(Value begin, Value runEnd);
  SmallVector<MatrixState> addKeys(Value slot, Value end, ArrayRef<Value> limits, ArrayRef<MatrixState> states);
  SmallVector<Value> addBlock(Value step, ArrayRef<Value> limits, ValueRange values);
  SmallVector<MatrixState> addRuns();

  const AttentionOperands &operands;
  GPUMatrixFlashAttr strategy;
  GPUKernelBuilder &k;
  FlashShape shape;
  int64_t threads;
  KeyTiles tiles;
  MatrixTile queries;
  Value thread, lane, firstToken, lastToken, keyHead, headGroup;
  /// How many tokens one sequence has at the block's begin: all of them, or 1 where there are several sequences.
  Value runStep;
};
} // namespace

MatrixFlashKernel::MatrixFlashKernel(const AttentionOperands &operands, GPUMatrixFlashAttr strategy,
                                     GPUKernelBuilder &k)
    : operands(operands), strategy(strategy), k(k), shape(MatrixFlashShape(operands, strategy).tile),
      threads(strategy.getWarps() * kWarpThreads), tiles(operands, /*buffers=*/2, strategy.getKeys()),
      queries(getQueryTile(operands, strategy.getWarps())), thread(k.thread()), lane(k.rem(thread, kWarpThreads)) {
  tiles.place(k, lane);
  queries.place(k, getElementTypeOrSelf(operands.keys.getType()), tiles.getBytes(), lane);
}

/// The rows of the warp, computed from the thread `here`, which is the thread: kept in registers over all keys, places
/// of rows and of what is loaded spill.
FlashMatrices MatrixFlashKernel::getRows(Value here) {
  Value firstRow = k.mul(k.div(here, kWarpThreads), kMatrixRows);
  return {operands, k, tiles, queries, firstRow, k.rem(here, kWarpThreads)};
}

/// A row behind the last token or head takes that one, and is not stored.
QueryRow MatrixFlashKernel::getRow(Value row) {
  Value inside = k.div(row, shape.heads), token = k.add(firstToken, inside);
  Value part = k.add(k.mul(headGroup, shape.heads), k.rem(row, shape.heads));
  Value isHead = k.both(k.isBelow(inside, k.index(shape.tokens)), k.isBelow(part, k.index(operands.getGroup())));
  Value head = k.add(k.mul(keyHead, operands.getGroup()), k.min(part, k.index(operands.getGroup() - 1)));
  return {getToken(inside), head, k.both(isHead, k.isBelow(token, k.dim(operands.q, 0)))};
}

/// Every warp looks at all tokens of the block, so all come to the same.
void MatrixFlashKernel::setRunStep() {
  Value isMixed, firstSlot = operands.loadSlot(k, firstToken);
  for (int64_t i = 0; i < shape.tokens; i += kWarpThreads) {
    Value inside = k.add(lane, i), token = getToken(inside);
    Value isOther =
        arith::CmpIOp::create(k.builder(), arith::CmpIPredicate::ne, operands.loadSlot(k, token), firstSlot);
    isOther = k.both(isThere(inside), isOther);
    isMixed = isMixed ? k.either(isMixed, isOther) : isOther;
  }
  runStep = k.select(k.isAny(isMixed), k.index(1), k.index(shape.tokens));
}

/// The first token behind `begin` of another sequence.
Value MatrixFlashKernel::getRunEnd(Value begin) {
  Value all = k.index(shape.tokens), slot = operands.loadSlot(k, getToken(begin));
  return k
      .loop(k.add(begin, 1), all, runStep, all,
            [&](Value i, ValueRange ends) {
              Value isOpen = k.isEqual(ends.front(), all);
              Value isSame = k.isEqual(operands.loadSlot(k, getToken(i)), slot);
              return SmallVector<Value>{k.select(k.both(isOpen, isSame), all, k.min(ends.front(), i))};
            })
      .front();
}

/// How many keys the tokens of a run see.
Value MatrixFlashKernel::getEnd(Value begin, Value runEnd) {
  Value most = k.integer(0), here = k.computeHere(lane);
  for (int64_t i = 0; i < shape.tokens; i += kWarpThreads) {
    // Tokens before the first wrap around to huge numbers.
    Value token = k.add(here, i), inside = k.sub(token, begin);
    Value isTaken = k.both(k.isBelow(inside, k.sub(runEnd, begin)), isThere(token));
    most = k.max(most, k.toI32(k.select(isTaken, operands.loadLimit(k, getToken(token)), k.index(0))));
  }
  return arith::IndexCastUIOp::create(k.builder(), k.builder().getIndexType(), k.warpMaxOfIntegers(most));
}

/// How many keys the lane's queries see, i32; none where their tokens are not of the run.
SmallVector<Value> MatrixFlashKernel::getLimits(Value begin, Value runEnd) {
  // Another value than that of a block of keys, which would be taken from here otherwise.
  Value warp = k.computeHere(k.div(thread, kWarpThreads));
  FlashMatrices rows = getRows(k.add(k.mul(warp, kWarpThreads), k.computeHere(lane)));
  SmallVector<Value> limits;
  for (int64_t half = 0; half < 2; ++half) {
    QueryRow row = getRow(rows.getRow(half));
    // Tokens before the first wrap around to huge numbers.
    Value inside = k.sub(k.sub(row.token, firstToken), begin);
    Value isSeeing = k.both(row.isValid, k.isBelow(inside, k.sub(runEnd, begin)));
    limits.push_back(k.toI32(k.select(isSeeing, operands.loadLimit(k, row.token), k.index(0))));
  }
  return limits;
}

/// Warps whose queries see none of the keys have nothing to do.
SmallVector<Value> MatrixFlashKernel::addBlock(Value step, ArrayRef<Value> limits, ValueRange values) {
  Value first = k.mul(step, strategy.getKeys()), end = k.add(first, strategy.getKeys()), buffer = k.rem(step, 2);
  FlashMatrices rows = getRows(k.computeHere(thread));
  auto isAny = [&](auto holds) { return k.isAny(k.either(holds(limits[0]), holds(limits[1]))); };
  auto build = [&](bool isMasked) {
    return flatten(rows.addBlock(unflatten(values), buffer, first, limits, isMasked));
  };
  Value isSeen = isAny([&](Value limit) { return k.isBelow(k.toI32(first), limit); });
  Value isMasked = isAny([&](Value limit) { return k.isBelow(limit, k.toI32(end)); });
  return k.choose(
      isSeen,
      [&] {
        return k.choose(
            isMasked, [&] { return build(true); }, [&] { return build(false); });
      },
      values);
}

/// Block s of keys goes to buffer s % 2.
SmallVector<MatrixState> MatrixFlashKernel::addKeys(Value slot, Value end, ArrayRef<Value> limits,
                                                    ArrayRef<MatrixState> states) {
  Value steps = k.ceilDiv(end, strategy.getKeys());
  auto start = [&](Value step) {
    k.ifThen(k.isBelow(step, steps), [&] {
      tiles.start(k, k.rem(step, 2), slot, keyHead, k.mul(step, strategy.getKeys()), end, thread, threads);
    });
    k.closeCopies();
  };
  start(k.index(0));
  SmallVector<Value> added = k.loop(k.index(0), steps, k.index(1), flatten(states), [&](Value step, ValueRange values) {
    start(k.add(step, 1));
    k.awaitCopies(1);
    k.barrier();
    SmallVector<Value> next = addBlock(step, limits, values);
    // The next step overwrites the buffer that was just read.
    k.barrier();
    return next;
  });
  return unflatten(added);
}

/// Adjacent tokens of one sequence go together.
SmallVector<MatrixState> MatrixFlashKernel::addRuns() {
  setRunStep();
  Value all = k.index(shape.tokens);
  SmallVector<Value> added = k.loop(
      k.index(0), all, runStep, flatten(FlashMatrices::getEmpty(operands, k)), [&](Value begin, ValueRange values) {
        Value slot = operands.loadSlot(k, getToken(begin));
        Value previous = operands.loadSlot(k, getToken(k.sub(k.max(begin, k.index(1)), k.index(1))));
        Value isBegin = k.either(k.isEqual(begin, k.index(0)),
                                 arith::CmpIOp::create(k.builder(), arith::CmpIPredicate::ne, slot, previous));
        return k.choose(
            isBegin,
            [&] {
              Value runEnd = getRunEnd(begin);
              SmallVector<Value> limits = getLimits(begin, runEnd);
              return flatten(addKeys(slot, getEnd(begin, runEnd), limits, unflatten(values)));
            },
            values);
      });
  return unflatten(added);
}

void MatrixFlashKernel::build() {
  // The last tokens see most keys: they begin first.
  Value tokens = k.dim(operands.q, 0), blocks = k.ceilDiv(tokens, shape.tokens), group = k.block(gpu::Dimension::y);
  firstToken = k.mul(k.sub(k.sub(blocks, k.index(1)), k.block(gpu::Dimension::x)), shape.tokens);
  lastToken = k.sub(tokens, k.index(1));
  keyHead = k.div(group, shape.headGroups);
  headGroup = k.rem(group, shape.headGroups);
  Value firstRow = k.mul(k.div(thread, kWarpThreads), kMatrixRows);
  storeQueries(operands, k, queries, firstRow, kMatrixRows, lane, kWarpThreads, [&](Value row) { return getRow(row); });
  k.warpBarrier();
  SmallVector<MatrixState> states = addRuns();
  FlashMatrices rows = getRows(k.computeHere(thread));
  for (auto [half, state] : llvm::enumerate(states))
    rows.store(state, getRow(rows.getRow(half)));
}

void mf::buildGPUMatrixFlash(const AttentionOperands &operands, GPUMatrixFlashAttr strategy, GPUKernelBuilder &k) {
  MatrixFlashKernel(operands, strategy, k).build();
}

//===----------------------------------------------------------------------===//
// Keys over warps
//===----------------------------------------------------------------------===//

namespace {
/// Builds the kernel whose warps see a block of keys each, of one token.
class MatrixBlocksKernel {
public:
  MatrixBlocksKernel(const AttentionOperands &operands, Value scratch, GPUMatrixFlashAttr strategy,
                     GPUKernelBuilder &k);

  void build();

private:
  QueryRow getRow(Value row);
  void store(FlashMatrices &rows, const MatrixState &state, const QueryRow &row);

  const AttentionOperands &operands;
  Value scratch;
  GPUMatrixFlashAttr strategy;
  GPUKernelBuilder &k;
  FlashShape shape;
  KeyTiles tiles;
  MatrixTile queries;
  Value thread, warp, lane, token, group, keyHead, block;
};
} // namespace

MatrixBlocksKernel::MatrixBlocksKernel(const AttentionOperands &operands, Value scratch, GPUMatrixFlashAttr strategy,
                                       GPUKernelBuilder &k)
    : operands(operands), scratch(scratch), strategy(strategy), k(k), shape(MatrixFlashShape(operands, strategy).split),
      tiles(operands, /*buffers=*/strategy.getWarps(), strategy.getKeys()),
      queries(getQueryTile(operands, /*warps=*/1)), thread(k.thread()), warp(k.div(thread, kWarpThreads)),
      lane(k.rem(thread, kWarpThreads)), token(k.block(gpu::Dimension::z)), group(k.block(gpu::Dimension::y)),
      keyHead(k.div(group, shape.headGroups)),
      block(k.add(k.mul(k.block(gpu::Dimension::x), strategy.getWarps()), warp)) {
  tiles.place(k, lane);
  queries.place(k, getElementTypeOrSelf(operands.keys.getType()), tiles.getBytes(), lane);
}

QueryRow MatrixBlocksKernel::getRow(Value row) {
  Value part = k.add(k.mul(k.rem(group, shape.headGroups), shape.heads), row), last = k.index(operands.getGroup() - 1);
  Value isValid = k.both(k.isBelow(row, k.index(shape.heads)), k.isBelow(part, k.index(operands.getGroup())));
  return {token, k.add(k.mul(keyHead, operands.getGroup()), k.min(part, last)), isValid};
}

/// The sum follows the maximum, and that the result.
void MatrixBlocksKernel::store(FlashMatrices &rows, const MatrixState &state, const QueryRow &row) {
  k.ifThen(row.isValid, [&] {
    SmallVector<Value> place = {token, row.head, block, k.index(operands.valueSize)};
    k.ifThen(k.isEqual(k.rem(lane, 4), k.index(0)), [&] {
      k.store(k.fromElements({state.maximum, state.sum}), scratch, place);
    });
    rows.forEachPair([&](int64_t i, Value feature) {
      place.back() = feature;
      k.store(k.fromElements({state.result[i], state.result[i + 1]}), scratch, place);
    });
  });
}

void MatrixBlocksKernel::build() {
  Value first = k.mul(block, strategy.getKeys()), limit = operands.loadLimit(k, token);
  // Of the block, whose queries all its warps share.
  Value blockFirst = k.mul(k.block(gpu::Dimension::x), strategy.getWarps() * strategy.getKeys());
  k.ifThen(k.isBelow(blockFirst, limit), [&] {
    storeQueries(operands, k, queries, k.index(0), kMatrixRows, thread, strategy.getWarps() * kWarpThreads,
                 [&](Value row) { return getRow(row); });
    k.barrier();
  });
  FlashMatrices rows(operands, k, tiles, queries, /*firstQuery=*/k.index(0), lane);
  k.ifThen(k.isBelow(first, limit), [&] {
    tiles.start(k, warp, operands.loadSlot(k, token), keyHead, first, limit, lane, kWarpThreads);
    k.closeCopies();
    k.awaitCopies(0);
    k.warpBarrier();
    SmallVector<Value> limits(2, k.toI32(limit));
    auto build = [&](bool isMasked) {
      return flatten(rows.addBlock(FlashMatrices::getEmpty(operands, k), warp, first, limits, isMasked));
    };
    Value isMasked = k.isBelow(limit, k.add(first, strategy.getKeys()));
    SmallVector<MatrixState> states = unflatten(k.choose(
        isMasked, [&] { return build(true); }, [&] { return build(false); }));
    for (auto [half, state] : llvm::enumerate(states))
      store(rows, state, getRow(rows.getRow(half)));
  });
}

void mf::buildGPUMatrixFlashBlocks(const AttentionOperands &operands, Value scratch, GPUMatrixFlashAttr strategy,
                                   GPUKernelBuilder &k) {
  MatrixBlocksKernel(operands, scratch, strategy, k).build();
}
