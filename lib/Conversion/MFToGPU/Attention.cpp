// Attention with a running maximum, in f32 arithmetic. Many tokens: a warp takes some queries and all blocks of keys
// that they see. Few tokens: a warp takes one block of keys of a token and writes what it gives to scratch; a second
// kernel merges the blocks. Blocks are computed and merged by the same code, so both give the same bits.
#include "FlashRows.h"
#include "Kernels.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// States as values of loops
//===----------------------------------------------------------------------===//

static SmallVector<Value> flatten(ArrayRef<FlashState> states) {
  SmallVector<Value> values;
  for (const FlashState &state : states) {
    values.append({state.maximum, state.sum});
    llvm::append_range(values, state.result);
  }
  return values;
}

static SmallVector<FlashState> unflatten(ValueRange values, size_t rows) {
  SmallVector<FlashState> states;
  size_t size = values.size() / rows;
  for (size_t r = 0; r < rows; ++r) {
    ValueRange part = values.slice(r * size, size);
    states.push_back({part[0], part[1], llvm::to_vector(part.drop_front(2))});
  }
  return states;
}

//===----------------------------------------------------------------------===//
// All keys in one kernel
//===----------------------------------------------------------------------===//

namespace {
/// Builds the kernel whose warps see all keys.
class FlashKernel {
public:
  FlashKernel(const AttentionOperands &operands, GPUFlashAttr strategy, GPUKernelBuilder &k);

  void build();

private:
  void addRows();
  SmallVector<FlashState> addSequence(Value slot, ArrayRef<Value> limits, ArrayRef<FlashState> states);
  SmallVector<FlashState> addAll();

  const AttentionOperands &operands;
  GPUFlashAttr strategy;
  GPUKernelBuilder &k;
  FlashShape shape;
  FlashRows rows;
  Value firstToken, lastToken, keyHead, headGroup;
};
} // namespace

FlashKernel::FlashKernel(const AttentionOperands &operands, GPUFlashAttr strategy, GPUKernelBuilder &k)
    : operands(operands), strategy(strategy), k(k), shape(operands, strategy.getRows()),
      rows(operands, k, getFlashWeights(k, strategy.getWarps(), shape.getRows()), shape.getRows()) {}

/// Rows behind the last token or head take that one, and are not stored.
void FlashKernel::addRows() {
  for (int64_t r = 0; r < shape.getRows(); ++r) {
    Value token = k.add(firstToken, r / shape.heads);
    Value part = k.add(k.mul(headGroup, shape.heads), r % shape.heads);
    Value isValid = k.both(k.isBelow(token, k.dim(operands.q, 0)), k.isBelow(part, k.index(operands.getGroup())));
    Value head = k.add(k.mul(keyHead, operands.getGroup()), k.min(part, k.index(operands.getGroup() - 1)));
    rows.addRow(k.min(token, lastToken), head, isValid);
  }
}

/// Merges all blocks of keys of one sequence.
SmallVector<FlashState> FlashKernel::addSequence(Value slot, ArrayRef<Value> limits, ArrayRef<FlashState> states) {
  Value end = limits.front();
  for (Value limit : limits.drop_front())
    end = k.max(end, limit);
  SmallVector<Value> merged =
      k.loop(k.index(0), end, k.index(kFlashKeys), flatten(states), [&](Value first, ValueRange values) {
        SmallVector<FlashState> blocks = rows.buildBlock(slot, keyHead, first, limits);
        SmallVector<FlashState> next = unflatten(values, limits.size());
        for (auto [r, state] : llvm::enumerate(next))
          state = rows.merge(state, blocks[r], k.isBelow(first, limits[r]));
        return flatten(next);
      });
  return unflatten(merged, limits.size());
}

/// Tokens of one sequence go together; where the warp has several sequences, its tokens go one after the other.
SmallVector<FlashState> FlashKernel::addAll() {
  SmallVector<Value> limits, slots;
  for (auto [token, isValid] : llvm::zip_equal(rows.getTokens(), rows.getValid()))
    limits.push_back(k.select(isValid, operands.loadLimit(k, token), k.index(0)));
  SmallVector<FlashState> empty = rows.getEmpty();
  if (!operands.slots || shape.tokens == 1)
    return addSequence(operands.loadSlot(k, rows.getTokens().front()), limits, empty);
  Value isOne;
  Value firstSlot = operands.loadSlot(k, rows.getTokens().front());
  for (int64_t r = shape.heads; r < shape.getRows(); r += shape.heads) {
    Value isSame = k.isEqual(operands.loadSlot(k, rows.getTokens()[r]), firstSlot);
    isOne = isOne ? k.both(isOne, isSame) : isSame;
  }
  Value step = k.select(isOne, k.index(shape.tokens), k.index(1));
  SmallVector<Value> merged =
      k.loop(k.index(0), k.index(shape.tokens), step, flatten(empty), [&](Value first, ValueRange values) {
        SmallVector<Value> seen;
        for (auto [r, limit] : llvm::enumerate(limits)) {
          // Tokens before the first wrap around to huge numbers.
          Value isTaken = k.isBelow(k.sub(k.index(r / shape.heads), first), step);
          seen.push_back(k.select(isTaken, limit, k.index(0)));
        }
        Value slot = operands.loadSlot(k, k.min(k.add(firstToken, first), lastToken));
        return flatten(addSequence(slot, seen, unflatten(values, limits.size())));
      });
  return unflatten(merged, limits.size());
}

void FlashKernel::build() {
  Value warp = k.add(k.mul(k.block(gpu::Dimension::x), strategy.getWarps()), rows.getWarp());
  Value group = k.block(gpu::Dimension::y), tokens = k.dim(operands.q, 0);
  firstToken = k.mul(warp, shape.tokens);
  keyHead = k.div(group, shape.headGroups);
  headGroup = k.rem(group, shape.headGroups);
  k.ifThen(k.isBelow(firstToken, tokens), [&] {
    lastToken = k.sub(tokens, k.index(1));
    addRows();
    SmallVector<FlashState> states = addAll();
    for (auto [r, state] : llvm::enumerate(states))
      k.ifThen(rows.getValid()[r],
               [&, &state = state, r = r] { rows.store(state, rows.getTokens()[r], rows.getHeads()[r]); });
  });
}

Value mf::getFlashWeights(GPUKernelBuilder &k, int64_t warps, int64_t rows) {
  return k.workgroupMemory({warps, kFlashKeys, rows}, k.builder().getF32Type());
}

void mf::buildGPUFlash(const AttentionOperands &operands, GPUFlashAttr strategy, GPUKernelBuilder &k) {
  FlashKernel(operands, strategy, k).build();
}

//===----------------------------------------------------------------------===//
// Keys over warps
//===----------------------------------------------------------------------===//

/// Elements of a state in scratch: those of the result, then maximum and sum.
static Value getMaximumPlace(GPUKernelBuilder &k, const AttentionOperands &operands) {
  return k.index(operands.valueSize);
}
static Value getSumPlace(GPUKernelBuilder &k, const AttentionOperands &operands) {
  return k.index(operands.valueSize + 1);
}

void mf::buildGPUFlashBlocks(const AttentionOperands &operands, Value scratch, GPUFlashAttr strategy,
                             GPUKernelBuilder &k) {
  FlashShape shape(operands, strategy.getRows());
  FlashRows rows(operands, k, getFlashWeights(k, strategy.getWarps(), shape.heads), shape.heads);
  Value token = k.block(gpu::Dimension::z), group = k.block(gpu::Dimension::y);
  Value keyHead = k.div(group, shape.headGroups), headGroup = k.rem(group, shape.headGroups);
  Value block = k.add(k.mul(k.block(gpu::Dimension::x), strategy.getWarps()), rows.getWarp());
  Value first = k.mul(block, kFlashKeys), limit = operands.loadLimit(k, token);
  k.ifThen(k.isBelow(first, limit), [&] {
    for (int64_t r = 0; r < shape.heads; ++r) {
      Value part = k.add(k.mul(headGroup, shape.heads), r), last = k.index(operands.getGroup() - 1);
      rows.addRow(token, k.add(k.mul(keyHead, operands.getGroup()), k.min(part, last)),
                  k.isBelow(part, k.index(operands.getGroup())));
    }
    SmallVector<Value> limits(shape.heads, limit);
    SmallVector<FlashState> states = rows.buildBlock(operands.loadSlot(k, token), keyHead, first, limits);
    for (auto [r, state] : llvm::enumerate(states))
      k.ifThen(rows.getValid()[r], [&, &state = state, r = r] {
        SmallVector<Value> place = {token, rows.getHeads()[r], block, Value()};
        auto store = [&](Value value, Value element) {
          place.back() = element;
          k.store(value, scratch, place);
        };
        rows.forEachFeature([&](int64_t i, Value feature) { store(state.result[i], feature); });
        k.ifThen(k.isEqual(rows.getLane(), k.index(0)), [&] {
          store(state.maximum, getMaximumPlace(k, operands));
          store(state.sum, getSumPlace(k, operands));
        });
      });
  });
}

void mf::buildGPUFlashMerge(const AttentionOperands &operands, Value scratch, int64_t warps, int64_t blockKeys,
                            GPUKernelBuilder &k) {
  FlashRows rows(operands, k, /*weights=*/Value(), /*rows=*/1);
  Value head = k.add(k.mul(k.block(gpu::Dimension::x), warps), rows.getWarp());
  Value token = k.block(gpu::Dimension::y), last = k.index(operands.valueSize - 1);
  k.ifThen(k.isBelow(head, k.index(operands.heads)), [&] {
    Value blocks = k.ceilDiv(operands.loadLimit(k, token), blockKeys);
    Value always = arith::ConstantIntOp::create(k.builder(), 1, 1);
    SmallVector<Value> merged =
        k.loop(k.index(0), blocks, k.index(1), flatten(rows.getEmpty()), [&](Value block, ValueRange values) {
          FlashState state = unflatten(values, 1).front(), part;
          part.maximum = k.load(scratch, {token, head, block, getMaximumPlace(k, operands)}, 1);
          part.sum = k.load(scratch, {token, head, block, getSumPlace(k, operands)}, 1);
          for (int64_t i = 0; i < rows.getLaneFeatures(); ++i) {
            Value feature = k.min(k.add(rows.getLane(), i * kWarpThreads), last);
            part.result.push_back(k.load(scratch, {token, head, block, feature}, 1));
          }
          return flatten(rows.merge(state, part, always));
        });
    rows.store(unflatten(merged, 1).front(), token, head);
  });
}
