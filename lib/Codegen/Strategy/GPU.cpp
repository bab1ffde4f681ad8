// Strategies of kernels for NVIDIA GPUs.
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

/// Rows of tokens that a block of warps takes: enough warps to fill a multiprocessor with a few blocks.
static constexpr int64_t kWarps = 8;

FailureOr<GPUTargetAttr> mlir::mf::getGPUTarget(MLIRContext *context, StringRef arch,
                                                function_ref<InFlightDiagnostic()> emitError) {
  // The most that a block can have, of CUDA's table of compute capabilities.
  if (arch == "sm_80")
    return GPUTargetAttr::get(context, arch, /*workgroupBytes=*/163 << 10);
  if (arch == "sm_90a")
    return GPUTargetAttr::get(context, arch, /*workgroupBytes=*/227 << 10);
  return emitError() << "expects the architecture sm_80 or sm_90a, found '" << arch << "'";
}

bool mlir::mf::hasTableSlices(LookupOp op) {
  TableLayoutAttr layout = op.getLayoutAttr();
  if (op.isQuantized() || !layout || layout.isIdentity())
    return false;
  for (auto [tables, init] : llvm::zip_equal(op.getTables(), op.getInits())) {
    auto type = cast<ShapedType>(tables.getType());
    int64_t columns = type.getDimSize(3), bytes = columns * type.getElementTypeBitWidth() / 8;
    int64_t lanes = bytes / kThreadBytes;
    if (type != op.getTables().front().getType() || bytes % kThreadBytes != 0 || !llvm::isPowerOf2_64(lanes) ||
        lanes > kWarpThreads || cast<ShapedType>(init.getType()).getDimSize(1) % columns != 0)
      return false;
  }
  return true;
}

StrategyAttrInterface mlir::mf::selectGPULookupStrategy(LookupOp op, GPUTargetAttr target) {
  if (op.isQuantized())
    return {};
  if (!hasTableSlices(op))
    return GPURowGatherAttr::get(op.getContext(), /*threads=*/128);
  auto type = cast<ShapedType>(op.getTables().front().getType());
  int64_t rows = type.getDimSize(2), rowBytes = type.getDimSize(3) * type.getElementTypeBitWidth() / 8;
  // Two slices; their number of rows is a power of two, as a table's is.
  int64_t sliceRows = std::min<int64_t>({rows, 256, int64_t(llvm::bit_floor<uint64_t>(target.getWorkgroupBytes() / 2 / rowBytes))});
  // 512 threads leave 128 registers each: 64 of them hold sums of 8 tokens in 8 columns of half floats. Of f32 there are
  // 4 columns; more tokens would need more registers for where their codes are, and spill.
  return GPUTableTileAttr::get(op.getContext(), /*threads=*/512, /*tokens=*/8, sliceRows,
                               /*gatherTokens=*/rows / 4);
}

StrategyAttrInterface mlir::mf::selectGPUStrategy(ComputeOpInterface op, GPUTargetAttr target) {
  return TypeSwitch<Operation *, StrategyAttrInterface>(op)
      .Case([&](HashOp hash) { return GPUHashAttr::get(hash.getContext(), kWarps); })
      .Case([&](LookupOp lookup) { return selectGPULookupStrategy(lookup, target); })
      .Case<AddOp, EmbeddingOp, LayerNormOp, RMSNormOp, RopeOp>(
          [&](auto) { return GPURowsAttr::get(op.getContext(), kWarps); })
      .Default(StrategyAttrInterface());
}
