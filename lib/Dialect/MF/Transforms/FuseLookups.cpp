// mf-fuse-lookups: lookups of the same codes and scores become one lookup with several table sets.
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mf/Dialect/MF/Transforms/Passes.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::mf {
#define GEN_PASS_DEF_FUSELOOKUPSPASS
#include "mf/Dialect/MF/Transforms/Passes.h.inc"
} // namespace mlir::mf

#define DEBUG_TYPE "mf-fuse-lookups"

using namespace mlir;
using namespace mlir::mf;

/// Whether the two could be one op, but for the order of what they need.
static bool agree(LookupOp a, LookupOp b) {
  return a.getCodes() == b.getCodes() && a.getScores() == b.getScores() && a.getScoreScales() == b.getScoreScales() &&
         a.getLayoutAttr() == b.getLayoutAttr() && a.getStrategyAttr() == b.getStrategyAttr() &&
         a.getBiases().empty() == b.getBiases().empty() && a.hasSharedRows() == b.hasSharedRows() &&
         a.getTableRows() == b.getTableRows();
}

/// Collects the ops of `anchor`'s block behind `anchor` that `op` needs, each after what it needs itself. Failure where
/// one of them cannot be moved before `anchor`.
static LogicalResult collectNeeds(Operation *op, Operation *anchor, SetVector<Operation *> &needs) {
  for (Value operand : op->getOperands()) {
    Operation *producer = operand.getDefiningOp();
    if (!producer || producer->getBlock() != anchor->getBlock() || producer->isBeforeInBlock(anchor) ||
        needs.contains(producer))
      continue;
    if (producer == anchor || !isPure(producer) || producer->getNumRegions() != 0 ||
        failed(collectNeeds(producer, anchor, needs)))
      return failure();
    needs.insert(producer);
  }
  return success();
}

/// The lookup of the sets of `first` and `second`, in place of the two.
static LookupOp fuse(RewriterBase &rewriter, LookupOp first, LookupOp second) {
  auto concat = [](auto a, auto b) {
    SmallVector<Value> values(a);
    llvm::append_range(values, b);
    return values;
  };
  SmallVector<Type> types(first->getResultTypes());
  llvm::append_range(types, second->getResultTypes());
  rewriter.setInsertionPoint(first);
  auto fused =
      LookupOp::create(rewriter, rewriter.getFusedLoc({first.getLoc(), second.getLoc()}), types, first.getCodes(),
                       first.getScores(), first.getScoreScales(), concat(first.getTables(), second.getTables()),
                       concat(first.getTableScales(), second.getTableScales()),
                       concat(first.getBiases(), second.getBiases()), concat(first.getInits(), second.getInits()),
                       /*scratch=*/ValueRange(), first.getLayoutAttr(), first.getStrategyAttr());
  size_t numFirst = first->getNumResults();
  rewriter.replaceOp(first, fused->getResults().take_front(numFirst));
  rewriter.replaceOp(second, fused->getResults().drop_front(numFirst));
  return fused;
}

namespace {
struct FuseLookupsPass : public mf::impl::FuseLookupsPassBase<FuseLookupsPass> {
  void runOnOperation() override {
    getOperation().walk([&](Block *block) { fuseInBlock(*block); });
  }

  void fuseInBlock(Block &block) {
    IRRewriter rewriter(&getContext());
    SmallVector<LookupOp> leaders;
    for (LookupOp lookup : llvm::make_early_inc_range(block.getOps<LookupOp>())) {
      if (!lookup.hasPureTensorSemantics())
        continue;
      LookupOp *leader = llvm::find_if(leaders, [&](LookupOp candidate) { return agree(candidate, lookup); });
      SetVector<Operation *> needs;
      if (leader == leaders.end() || failed(collectNeeds(lookup, *leader, needs))) {
        leaders.push_back(lookup);
        continue;
      }
      for (Operation *op : needs)
        rewriter.moveOpBefore(op, *leader);
      *leader = fuse(rewriter, *leader, lookup);
      ++numFusedLookups;
      remark::passed(leader->getLoc(), remark::RemarkOpts::name("FuseLookups").category(DEBUG_TYPE))
          << "one lookup of " << std::to_string(leader->getTables().size()) << " sets of tables";
    }
  }
};
} // namespace
