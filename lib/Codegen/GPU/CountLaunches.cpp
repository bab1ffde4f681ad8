// How many kernels a call of one token launches.
#include "mf/Codegen/GPU/CUDALaunches.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::mf;

/// What `condition` is for one token; none where it is no comparison of the tokens with a constant.
static std::optional<bool> evaluate(Value condition) {
  auto compare = condition.getDefiningOp<arith::CmpIOp>();
  APInt bound, tokens(64, 1);
  if (!compare || compare.getPredicate() != arith::CmpIPredicate::ult ||
      !matchPattern(compare.getRhs(), m_ConstantInt(&bound)))
    return std::nullopt;
  matchPattern(compare.getLhs(), m_ConstantInt(&tokens));
  return tokens.getZExtValue() < bound.getZExtValue();
}

static int64_t countLaunches(Region &region) {
  int64_t count = 0;
  for (Operation &op : region.getOps()) {
    if (isa<gpu::LaunchFuncOp>(op))
      ++count;
    auto branch = dyn_cast<scf::IfOp>(op);
    if (!branch)
      continue;
    int64_t then = countLaunches(branch.getThenRegion()), other = countLaunches(branch.getElseRegion());
    std::optional<bool> isThen = evaluate(branch.getCondition());
    count += isThen ? (*isThen ? then : other) : std::max(then, other);
  }
  return count;
}

SmallVector<LaunchCount> mlir::mf::countLaunchesOfOneToken(ModuleOp module) {
  SmallVector<LaunchCount> counts;
  for (auto function : module.getOps<func::FuncOp>())
    if (int64_t launches = countLaunches(function.getBody()))
      counts.push_back({function.getName().str(), launches});
  return counts;
}
