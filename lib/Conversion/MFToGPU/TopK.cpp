// The largest elements of runs, and of rows from those of their runs: a pass for each of them over what comes after the
// one before, lanes taking elements in turn, then the best of the lanes. Comparisons alone decide.
#include "Kernels.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include <limits>

using namespace mlir;
using namespace mlir::mf;
using arith::CmpFPredicate;

static constexpr float infinity = std::numeric_limits<float>::infinity();

namespace {
/// An element and its place, i32.
struct Candidate {
  Value value;
  Value place;
};

/// A warp that looks for the next of `count` candidates.
struct Search {
  GPUKernelBuilder &k;
  Value lane;
  Value count;
  /// The candidate with a number; a place of -1 is none.
  function_ref<Candidate(Value)> load;

  Value isAfter(const Candidate &x, const Candidate &previous);
  Candidate findNext(const Candidate &previous);
  void findAll(int64_t ranks, function_ref<void(Value, const Candidate &)> store);
};
} // namespace

static Value isBelowAsSigned(GPUKernelBuilder &k, Value x, Value y) {
  return arith::CmpIOp::create(k.builder(), arith::CmpIPredicate::slt, x, y);
}

/// Larger values come first, of equal ones those with lower places.
Value Search::isAfter(const Candidate &x, const Candidate &previous) {
  Value isEqual = k.compareF(CmpFPredicate::OEQ, x.value, previous.value);
  return k.either(k.compareF(CmpFPredicate::OLT, x.value, previous.value),
                  k.both(isEqual, isBelowAsSigned(k, previous.place, x.place)));
}

/// NaN compares with nothing, minus infinity is not above the start.
Candidate Search::findNext(const Candidate &previous) {
  SmallVector<Value> best =
      k.loop(lane, count, k.index(kWarpThreads), {k.constant(-infinity), k.integer(-1)}, [&](Value i, ValueRange best) {
        Candidate x = load(i);
        Value isBetter = k.both(isAfter(x, previous), k.compareF(CmpFPredicate::OGT, x.value, best[0]));
        return SmallVector<Value>{k.select(isBetter, x.value, best[0]), k.select(isBetter, x.place, best[1])};
      });
  Candidate found{best[0], best[1]};
  for (int64_t mask = kWarpThreads / 2; mask > 0; mask /= 2) {
    Candidate other{k.shuffleXor(found.value, mask), k.shuffleXor(found.place, mask)};
    // A place of -1 is the greatest number without a sign.
    Value isFirst =
        k.both(k.compareF(CmpFPredicate::OEQ, other.value, found.value), k.isBelow(other.place, found.place));
    Value isBetter = k.either(k.compareF(CmpFPredicate::OGT, other.value, found.value), isFirst);
    found = {k.select(isBetter, other.value, found.value), k.select(isBetter, other.place, found.place)};
  }
  return found;
}

void Search::findAll(int64_t ranks, function_ref<void(Value, const Candidate &)> store) {
  k.loop(k.index(0), k.index(ranks), k.index(1), {k.constant(infinity), k.integer(-1)},
         [&](Value rank, ValueRange previous) {
           Candidate next = findNext({previous[0], previous[1]});
           k.ifThen(k.isEqual(lane, k.index(0)), [&] { store(rank, next); });
           return SmallVector<Value>{next.value, next.place};
         });
}

void mf::buildGPUTopK(TopKOp op, GPURowsAttr strategy, GPUKernelBuilder &k) {
  auto type = cast<MemRefType>(op.getValuesInit().getType());
  Value thread = k.thread(), token = k.block(gpu::Dimension::y);
  Value run = k.add(k.mul(k.block(gpu::Dimension::x), strategy.getWarps()), k.div(thread, kWarpThreads));
  k.ifThen(k.isBelow(run, k.index(type.getDimSize(1))), [&] {
    Value begin = k.mul(run, op.getColumns());
    Value count = k.min(k.sub(k.dim(op.getX(), 1), begin), k.index(op.getColumns()));
    auto load = [&](Value i) { return Candidate{k.load(op.getX(), {token, k.add(begin, i)}, 1), k.toI32(i)}; };
    Search search{k, k.rem(thread, kWarpThreads), count, load};
    search.findAll(type.getDimSize(2), [&](Value rank, const Candidate &found) {
      k.store(found.value, op.getValuesInit(), {token, run, rank});
      k.store(found.place, op.getIdsInit(), {token, run, rank});
    });
  });
}

void mf::buildGPUMergeTopK(MergeTopKOp op, GPURowsAttr strategy, GPUKernelBuilder &k) {
  auto type = cast<MemRefType>(op.getRunValues().getType());
  int64_t ranks = type.getDimSize(2);
  Value thread = k.thread();
  Value token = k.add(k.mul(k.block(gpu::Dimension::x), strategy.getWarps()), k.div(thread, kWarpThreads));
  k.ifThen(k.isBelow(token, k.dim(op.getRunValues(), 0)), [&] {
    // What is none has the value minus infinity, so its place does not matter.
    auto load = [&](Value i) {
      Value run = k.div(i, ranks), rank = k.rem(i, ranks);
      Value inside = k.loadStored(op.getRunIds(), {token, run, rank}, 1);
      Value place = arith::AddIOp::create(k.builder(), k.toI32(k.mul(run, op.getColumns())), inside);
      return Candidate{k.load(op.getRunValues(), {token, run, rank}, 1), place};
    };
    Search search{k, k.rem(thread, kWarpThreads), k.index(type.getDimSize(1) * ranks), load};
    search.findAll(cast<MemRefType>(op.getValuesInit().getType()).getDimSize(1),
                   [&](Value rank, const Candidate &found) {
                     k.store(found.value, op.getValuesInit(), {token, rank});
                     k.store(found.place, op.getIdsInit(), {token, rank});
                   });
  });
}
