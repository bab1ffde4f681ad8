// The dense layer on the rows of a weight without panels, one that is an embedding too: dot products of adjacent
// elements, for a tile of rows against one row of the weight.
#include "Kernels.h"

using namespace mlir;
using namespace mlir::mf;

namespace {
/// Builds the kernel of one op.
struct DotKernel {
  LinearOp op;
  KernelBuilder kb;

  void buildTile(Value column, Value row, int64_t count);
};
} // namespace

void DotKernel::buildTile(Value column, Value row, int64_t count) {
  int64_t features = cast<MemRefType>(op.getWeight().getType()).getDimSize(1), lanes = kb.getLanes();
  SmallVector<Value> sums(count, kb.constant(0.0f, lanes));
  auto accumulate = [&](Value feature, int64_t width, ValueRange sums) {
    SmallVector<Value> next;
    Value weight = kb.loadPadded(op.getWeight(), {column, feature}, width);
    for (auto [i, sum] : llvm::enumerate(sums))
      next.push_back(kb.mulAdd(kb.loadPadded(op.getX(), {kb.addIndex(row, i), feature}, width), weight, sum));
    return next;
  };
  int64_t whole = features / lanes * lanes;
  sums = kb.loop(kb.index(0), kb.index(whole), lanes, sums,
                 [&](Value feature, ValueRange sums) { return accumulate(feature, lanes, sums); });
  if (whole < features)
    sums = accumulate(kb.index(whole), features - whole, sums);
  for (auto [i, sum] : llvm::enumerate(sums))
    kb.store(kb.treeSum(sum), op.getInit(), {kb.addIndex(row, i), column});
}

void mf::lowerLinearOnRows(LinearOp op, CPUPanelGemmAttr strategy) {
  DotKernel kernel{op, KernelBuilder(op, strategy.getLanes())};
  KernelBuilder &kb = kernel.kb;
  // A row gets the same operations in each tile.
  for (RowRange range : splitRows(kb, kb.dim(op.getX(), 0), strategy.getRows()))
    kb.loop(range.begin, range.end, range.count, [&](Value row) {
      kb.loopOver(kb.dim(op.getWeight(), 0), [&](Value column) { kernel.buildTile(column, row, range.count); });
    });
}
