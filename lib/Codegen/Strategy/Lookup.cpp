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
