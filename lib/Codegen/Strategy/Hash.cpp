// Strategies of hashes.
#include "mf/Codegen/Strategy/Strategies.h"

using namespace mlir;
using namespace mlir::mf;

// One vector of 512 bits, two of 256, four of 128: narrower targets interleave vectors, so that latency is hidden.
static constexpr int64_t chunksAtOnce = 16;

CPUHashAttr mlir::mf::selectHashStrategy(HashOp op, CPUTargetAttr target) {
  return CPUHashAttr::get(op.getContext(), /*tokens=*/kTokenTile, /*tables=*/std::max(chunksAtOnce, target.getLanes()));
}
