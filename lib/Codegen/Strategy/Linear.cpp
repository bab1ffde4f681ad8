// Strategies of dense layers.
#include "mf/Codegen/Strategy/Strategies.h"

using namespace mlir;
using namespace mlir::mf;

/// As many rows as leave a panel of 16 columns per row in registers: 32 of 512 bits, 16 of the others. With 8 rows an
/// AVX2 panel spills and takes 2.8 times as long as with 6.
static int64_t selectRows(CPUTargetAttr target) {
  if (target.getLanes() >= 16)
    return 8;
  return target.getLanes() >= 8 ? 6 : 3;
}

CPUPanelGemmAttr mlir::mf::selectLinearStrategy(LinearOp op, CPUTargetAttr target) {
  return CPUPanelGemmAttr::get(op.getContext(), selectRows(target), target.getLanes());
}

SmallVector<StrategyAttrInterface> mlir::mf::listLinearStrategies(LinearOp op, CPUTargetAttr target) {
  SmallVector<StrategyAttrInterface> strategies;
  for (int64_t rows : {2, 3, 4, 6, 8, 10, 12, 14})
    strategies.push_back(CPUPanelGemmAttr::get(op.getContext(), rows, target.getLanes()));
  return strategies;
}
