// Strategies of kernels for NVIDIA GPUs.
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

/// Rows of tokens that a block of warps takes: enough warps to fill a multiprocessor with a few blocks.
static constexpr int64_t kWarps = 8;

namespace {
/// What CUDA's table of compute capabilities says about an architecture.
struct Architecture {
  StringLiteral name;
  /// The most that a block can have.
  int64_t workgroupBytes;
};
} // namespace

static constexpr Architecture architectures[] = {{"sm_80", 163 << 10}, {"sm_90a", 227 << 10}};

static const Architecture *findArchitecture(StringRef name) {
  const auto *it = llvm::find_if(architectures, [&](const Architecture &a) { return a.name == name; });
  return it == std::end(architectures) ? nullptr : it;
}

bool mlir::mf::isGPUArchitecture(StringRef name) { return findArchitecture(name); }

FailureOr<GPUTargetAttr> mlir::mf::getGPUTarget(MLIRContext *context, StringRef arch,
                                                function_ref<InFlightDiagnostic()> emitError) {
  if (const Architecture *found = findArchitecture(arch))
    return GPUTargetAttr::get(context, found->name, found->workgroupBytes);
  return emitError() << "expects the architecture sm_80 or sm_90a, found '" << arch << "'";
}

bool mlir::mf::hasTableSlices(LookupOp op) {
  TableLayoutAttr layout = op.getLayoutAttr();
  if (op.isQuantized() || !layout || layout.isIdentity() || op.hasSharedRows())
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
  if (op.isQuantized() || (op.hasSharedRows() && op.getNumTables() > 1))
    return {};
  if (!hasTableSlices(op))
    return GPURowGatherAttr::get(op.getContext(), /*threads=*/128);
  auto type = cast<ShapedType>(op.getTables().front().getType());
  int64_t rows = type.getDimSize(2), rowBytes = type.getDimSize(3) * type.getElementTypeBitWidth() / 8;
  // Two slices; their number of rows is a power of two, as a table's is.
  int64_t fitting = llvm::bit_floor<uint64_t>(target.getWorkgroupBytes() / 2 / rowBytes);
  int64_t sliceRows = std::min<int64_t>({rows, 256, fitting});
  // 512 threads leave 128 registers each: 64 of them hold sums of 8 tokens in 8 columns of half floats. Of f32 there
  // are 4 columns; more tokens would need more registers for where their codes are, and spill.
  return GPUTableTileAttr::get(op.getContext(), /*threads=*/512, /*tokens=*/8, sliceRows,
                               /*gatherTokens=*/rows / 4);
}

StrategyAttrInterface mlir::mf::selectGPUStrategy(ComputeOpInterface op, GPUTargetAttr target) {
  return TypeSwitch<Operation *, StrategyAttrInterface>(op)
      .Case([&](HashOp hash) { return GPUHashAttr::get(hash.getContext(), kWarps); })
      .Case([&](LookupOp lookup) { return selectGPULookupStrategy(lookup, target); })
      .Case([&](LinearOp linear) { return selectGPULinearStrategy(linear, target); })
      .Case<AttentionOp, CachedAttentionOp>([&](auto) { return selectGPUAttentionStrategy(op, target); })
      .Case<ActivationOp, AddOp, EmbeddingOp, LayerNormOp, MergeTopKOp, RMSNormOp, RopeOp, TopKOp, UpdateStateOp>(
          [&](auto) { return GPURowsAttr::get(op.getContext(), kWarps); })
      .Default(StrategyAttrInterface());
}
