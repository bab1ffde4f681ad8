// Strategies of lookups.
#include "mf/Codegen/Strategy/Strategies.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

/// Accumulators held in registers while the tables pass.
static constexpr int64_t kAccumulators = 8;

CPURowGatherAttr mlir::mf::selectLookupStrategy(LookupOp op, CPUTargetAttr target) {
  int64_t lanes = target.getLanes();
  int64_t widest = 1;
  for (Value init : op.getInits())
    widest = std::max(widest, cast<ShapedType>(init.getType()).getDimSize(1));
  int64_t columns = std::min<int64_t>(llvm::alignTo(widest, lanes), kAccumulators * lanes);
  return CPURowGatherAttr::get(op.getContext(), /*tokens=*/kTokenTile, columns, lanes);
}

SmallVector<StrategyAttrInterface> mlir::mf::listLookupStrategies(LookupOp op, CPUTargetAttr target) {
  SmallVector<StrategyAttrInterface> strategies;
  int64_t lanes = target.getLanes();
  for (int64_t vectors : {2, 4, 6, 8, 12, 16})
    strategies.push_back(CPURowGatherAttr::get(op.getContext(), kTokenTile, vectors * lanes, lanes));
  return strategies;
}
