// The largest elements of runs, a pass over the run for each of them; and their merge, by the head of each run's list.
// Comparisons alone decide, so the result is the same for every width.
#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include <limits>

using namespace mlir;
using namespace mlir::mf;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

static constexpr float infinity = std::numeric_limits<float>::infinity();

namespace {
/// Elements and their places, of one width.
struct Candidates {
  Value values;
  Value ids;
};

/// Builds the kernel of one op.
class TopKKernel {
public:
  TopKKernel(TopKOp op, CPURowsAttr strategy) : op(op), kb(op, strategy.getLanes()) {}

  void build();

private:
  Value compare(CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(kb.builder(), op.getLoc(), predicate, x, y);
  }
  Value both(Value x, Value y) { return arith::AndIOp::create(kb.builder(), op.getLoc(), x, y); }
  Value either(Value x, Value y) { return arith::OrIOp::create(kb.builder(), op.getLoc(), x, y); }
  Value getPlaces(Value first, int64_t width);
  Candidates takeBetter(const Candidates &best, Value values, Value places, const Candidates &previous, int64_t width);
  Candidates findNext(Value row, Value begin, Value size, const Candidates &previous);
  void buildRun(Value row, Value run);

  TopKOp op;
  KernelBuilder kb;
};
} // namespace

/// first, first + 1, ....
Value TopKKernel::getPlaces(Value first, int64_t width) {
  OpBuilder &b = kb.builder();
  Value start = kb.broadcast(arith::IndexCastOp::create(b, op.getLoc(), b.getI32Type(), first), width);
  if (width == 1)
    return start;
  SmallVector<int32_t> steps = llvm::to_vector(llvm::seq<int32_t>(0, width));
  return arith::AddIOp::create(b, op.getLoc(), start,
                               arith::ConstantOp::create(b, op.getLoc(), b.getI32VectorAttr(steps)));
}

/// Per lane the better of `best` and of what comes after `previous`. NaN compares with nothing, and places ascend, so
/// an equal one is no better.
Candidates TopKKernel::takeBetter(const Candidates &best, Value values, Value places, const Candidates &previous,
                                  int64_t width) {
  Value last = kb.broadcast(previous.values, width), lastId = kb.broadcast(previous.ids, width);
  Value isAfter =
      either(kb.compare(CmpFPredicate::OLT, values, last),
             both(kb.compare(CmpFPredicate::OEQ, values, last), compare(CmpIPredicate::sgt, places, lastId)));
  Value isBetter = both(isAfter, kb.compare(CmpFPredicate::OGT, values, best.values));
  return {kb.select(isBetter, values, best.values), kb.select(isBetter, places, best.ids)};
}

/// The largest element of the run of those that come after `previous`; -inf and -1 where there is none.
Candidates TopKKernel::findNext(Value row, Value begin, Value size, const Candidates &previous) {
  int64_t lanes = kb.getLanes();
  auto pass = [&](Value from, Value to, int64_t width, const Candidates &start) -> Candidates {
    SmallVector<Value> best =
        kb.loop(from, to, width, {start.values, start.ids}, [&](Value place, ValueRange best) -> SmallVector<Value> {
          Value values = kb.load(op.getX(), {row, kb.addIndex(begin, place)}, width);
          Candidates next = takeBetter({best[0], best[1]}, values, getPlaces(place, width), previous, width);
          return {next.values, next.ids};
        });
    return {best[0], best[1]};
  };
  Value whole = kb.roundDown(size, lanes);
  Candidates best = pass(kb.index(0), whole, lanes, {kb.constant(-infinity, lanes), kb.integer(-1, lanes)});
  if (lanes == 1)
    return best;
  // Of the lanes with the largest value the lowest place; places without an element are -1, and only together.
  Value value = kb.treeMax(best.values);
  Value isLargest = kb.compare(CmpFPredicate::OEQ, best.values, kb.broadcast(value, lanes));
  Value places = kb.select(isLargest, best.ids, kb.integer(std::numeric_limits<int32_t>::max(), lanes));
  Value id = kb.treeReduce(
      places, [&](Value x, Value y) -> Value { return arith::MinSIOp::create(kb.builder(), op.getLoc(), x, y); });
  return pass(whole, size, 1, {value, id});
}

void TopKKernel::buildRun(Value row, Value run) {
  Value begin = kb.mulIndex(run, op.getColumns());
  Value size = kb.minIndex(kb.index(op.getColumns()), kb.subIndex(kb.dim(op.getX(), 1), begin));
  kb.loop(kb.index(0), kb.dim(op.getValuesInit(), 2), 1, {kb.constant(infinity), kb.integer(-1)},
          [&](Value rank, ValueRange previous) -> SmallVector<Value> {
            Candidates next = findNext(row, begin, size, {previous[0], previous[1]});
            kb.store(next.values, op.getValuesInit(), {row, run, rank});
            kb.store(next.ids, op.getIdsInit(), {row, run, rank});
            return {next.values, next.ids};
          });
}

void TopKKernel::build() {
  kb.loopOver(kb.dim(op.getX(), 0),
              [&](Value row) { kb.loopOver(kb.dim(op.getValuesInit(), 1), [&](Value run) { buildRun(row, run); }); });
}

void mf::lowerTopK(TopKOp op, CPURowsAttr strategy) { TopKKernel(op, strategy).build(); }

//===----------------------------------------------------------------------===//
// Merge
//===----------------------------------------------------------------------===//

namespace {
/// Builds the kernel of one op.
class MergeKernel {
public:
  explicit MergeKernel(MergeTopKOp op) : op(op), kb(op, /*lanes=*/1) {}

  void build();

private:
  SmallVector<Value> compareHead(Value row, Value run, ValueRange best);
  void buildRow(Value row);

  MergeTopKOp op;
  KernelBuilder kb;
  /// How many elements of each run's list are taken.
  Value heads;
};
} // namespace

/// The better of `best` (value, run) and the head of a run's list. Runs ascend, so an equal one is no better.
SmallVector<Value> MergeKernel::compareHead(Value row, Value run, ValueRange best) {
  OpBuilder &b = kb.builder();
  Value head = kb.loadStored(heads, {run}, 1), count = kb.dim(op.getRunValues(), 2);
  Value isThere = arith::CmpIOp::create(b, op.getLoc(), CmpIPredicate::slt, head, count);
  Value value = kb.load(op.getRunValues(), {row, run, kb.minIndex(head, kb.addIndex(count, -1))}, 1);
  Value isBetter = arith::AndIOp::create(b, op.getLoc(), isThere, kb.compare(CmpFPredicate::OGT, value, best[0]));
  return {kb.select(isBetter, value, best[0]), kb.select(isBetter, run, best[1])};
}

void MergeKernel::buildRow(Value row) {
  OpBuilder &b = kb.builder();
  Value runs = kb.dim(op.getRunValues(), 1);
  kb.loopOver(runs, [&](Value run) { kb.store(kb.index(0), heads, {run}); });
  kb.loopOver(kb.dim(op.getValuesInit(), 1), [&](Value rank) {
    SmallVector<Value> best = kb.loop(kb.index(0), runs, 1, {kb.constant(-infinity), kb.index(-1)},
                                      [&](Value run, ValueRange best) { return compareHead(row, run, best); });
    kb.store(best[0], op.getValuesInit(), {row, rank});
    Value isFound = arith::CmpIOp::create(b, op.getLoc(), CmpIPredicate::sge, best[1], kb.index(0));
    auto take = [&] {
      Value head = kb.loadStored(heads, best[1], 1);
      kb.store(kb.addIndex(head, 1), heads, best[1]);
      Value first = arith::IndexCastOp::create(b, op.getLoc(), b.getI32Type(), kb.mulIndex(best[1], op.getColumns()));
      Value place = kb.loadStored(op.getRunIds(), {row, best[1], head}, 1);
      return SmallVector<Value>{arith::AddIOp::create(b, op.getLoc(), first, place)};
    };
    Value id = kb.choose(isFound, take, [&] { return SmallVector<Value>{kb.integer(-1)}; }).front();
    kb.store(id, op.getIdsInit(), {row, rank});
  });
}

void MergeKernel::build() {
  int64_t runs = cast<MemRefType>(op.getRunValues().getType()).getDimSize(1);
  heads = kb.stackBuffer({runs}, kb.builder().getIndexType());
  kb.loopOver(kb.dim(op.getRunValues(), 0), [&](Value row) { buildRow(row); });
}

void mf::lowerMergeTopK(MergeTopKOp op, CPURowsAttr) { MergeKernel(op).build(); }
