// mf-gpu-group-rows: ops that go row by row and follow each other into groups, each of which becomes one kernel.
#include "mf/Codegen/GPU/Passes.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::mf {
#define GEN_PASS_DEF_GPUGROUPROWSPASS
#include "mf/Codegen/GPU/Passes.h.inc"
} // namespace mlir::mf

#define DEBUG_TYPE "mf-gpu-group-rows"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// What can be in one group
//===----------------------------------------------------------------------===//

/// The extent of the first dimension; null where it is not known as a value.
static Value getExtent(Value memref) {
  Operation *op = memref.getDefiningOp();
  auto isFirstAlone = [](auto reshape) { return reshape.getReassociationIndices().front().size() == 1; };
  if (!cast<MemRefType>(memref.getType()).isDynamicDim(0))
    return {};
  if (auto alloc = dyn_cast_or_null<memref::AllocOp>(op))
    return alloc.getDynamicSizes().front();
  if (auto operand = dyn_cast_or_null<FrameOperandOp>(op))
    return operand.getSizes().front();
  if (auto expand = dyn_cast_or_null<memref::ExpandShapeOp>(op))
    return isFirstAlone(expand) ? getExtent(expand.getSrc()) : Value();
  if (auto collapse = dyn_cast_or_null<memref::CollapseShapeOp>(op))
    return isFirstAlone(collapse) ? getExtent(collapse.getSrc()) : Value();
  return {};
}

namespace {
/// Ops of one block that follow each other.
struct RowGroup {
  SmallVector<Operation *> ops;
  int64_t warps = 0;
  Value tokens;

  bool accepts(Operation *op) const;
  void add(Operation *op);
  /// Moves the ops into a region of their own; returns whether there are several.
  bool close();
};
} // namespace

/// Rows of other tokens, which an embedding may read, are there only once all warps are done.
bool RowGroup::accepts(Operation *op) const {
  return !ops.empty() && getRowWarps(op) == warps && tokens && getExtent(op->getOperand(0)) == tokens &&
         !isa<EmbeddingOp>(op);
}

void RowGroup::add(Operation *op) {
  if (ops.empty()) {
    warps = getRowWarps(op);
    tokens = getExtent(op->getOperand(0));
  }
  ops.push_back(op);
}

/// What stands between the ops touches no memory, and so may come before all of them.
bool RowGroup::close() {
  bool isGroup = ops.size() > 1;
  if (isGroup) {
    OpBuilder b(ops.back());
    auto region = scf::ExecuteRegionOp::create(b, ops.front()->getLoc(), TypeRange());
    b.createBlock(&region.getRegion());
    Operation *yield = scf::YieldOp::create(b, ops.front()->getLoc());
    for (Operation *op : ops)
      op->moveBefore(yield);
    remark::passed(region.getLoc(), remark::RemarkOpts::name("GroupRows").category(DEBUG_TYPE))
        << std::to_string(ops.size()) << " ops in one kernel";
  }
  ops.clear();
  return isGroup;
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

namespace {
struct GPUGroupRowsPass : public mf::impl::GPUGroupRowsPassBase<GPUGroupRowsPass> {
  void runOnOperation() override;
};
} // namespace

static bool touchesNoMemory(Operation &op) {
  return isa<memref::AllocOp>(op) || (op.getNumRegions() == 0 && isMemoryEffectFree(&op));
}

void GPUGroupRowsPass::runOnOperation() {
  SmallVector<Block *> blocks;
  getOperation().walk([&](Block *block) { blocks.push_back(block); });
  for (Block *block : blocks) {
    RowGroup group;
    for (Operation &op : llvm::make_early_inc_range(*block)) {
      if (touchesNoMemory(op))
        continue;
      bool isRows = getRowWarps(&op) > 0 && cast<DestinationStyleOpInterface>(&op).hasPureBufferSemantics();
      if (!isRows || !group.accepts(&op))
        numGroups += group.close();
      if (isRows)
        group.add(&op);
    }
    group.close();
  }
}
