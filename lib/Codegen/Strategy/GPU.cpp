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
  /// The most of a cluster that every device has.
  int64_t clusterBlocks;
};
} // namespace

static constexpr Architecture architectures[] = {{"sm_80", 163 << 10, 1}, {"sm_90a", 227 << 10, 8}};

static const Architecture *findArchitecture(StringRef name) {
  const auto *it = llvm::find_if(architectures, [&](const Architecture &a) { return a.name == name; });
  return it == std::end(architectures) ? nullptr : it;
}

bool mlir::mf::isGPUArchitecture(StringRef name) { return findArchitecture(name); }

FailureOr<GPUTargetAttr> mlir::mf::getGPUTarget(MLIRContext *context, StringRef arch,
                                                function_ref<InFlightDiagnostic()> emitError) {
  if (const Architecture *found = findArchitecture(arch))
    return GPUTargetAttr::get(context, found->name, found->workgroupBytes, found->clusterBlocks);
  return emitError() << "expects the architecture sm_80 or sm_90a, found '" << arch << "'";
}

static int64_t getRowBytes(Value tables) {
  auto type = cast<ShapedType>(tables.getType());
  return type.getShape().back() * type.getElementTypeBitWidth() / 8;
}

bool mlir::mf::hasTableSlices(LookupOp op) {
  TableLayoutAttr layout = op.getLayoutAttr();
  if (!layout || layout.isIdentity() || op.hasSharedRows())
    return false;
  for (auto [tables, init] : llvm::zip_equal(op.getTables(), op.getInits())) {
    int64_t bytes = getRowBytes(tables), lanes = bytes / kThreadBytes;
    if (tables.getType() != op.getTables().front().getType() || bytes % kThreadBytes != 0 ||
        !llvm::isPowerOf2_64(lanes) || lanes > kWarpThreads)
      return false;
    if (!op.isQuantized() && cast<ShapedType>(init.getType()).getDimSize(1) % layout.getStripColumns() != 0)
      return false;
  }
  return true;
}

int64_t mlir::mf::getSliceStrips(LookupOp op) {
  // What 8 lanes read at once from all banks of workgroup memory.
  constexpr int64_t mostBytes = 128;
  if (!op.isQuantized())
    return 1;
  auto type = cast<ShapedType>(op.getTables().front().getType());
  int64_t fitting = std::max<int64_t>(1, mostBytes / getRowBytes(op.getTables().front()));
  return llvm::bit_floor<uint64_t>(std::min(fitting, type.getDimSize(0)));
}

/// Registers bound the tokens: 512 threads have 128 each, and 64 of them hold sums, of 8 tokens in 8 columns of half
/// floats. Of f32 there are 4 columns; more tokens would need more registers for where their codes are, and spill.
/// Of bytes there are 16 columns, of halves of them 32.
static int64_t getTileTokens(LookupOp op) {
  if (!op.isQuantized())
    return 8;
  return op.getLayoutAttr().getColumnsPerByte() == 2 ? 2 : 4;
}

/// Tokens that share a read of a table.
static constexpr int64_t kSharingTokens = 1024;
static constexpr int64_t kTileThreads = 512;

/// Slices by bulk copies into three buffers, shared by as many blocks as have kSharingTokens tokens.
static GPUTableTileAttr selectSharedSlices(LookupOp op, GPUTargetAttr target) {
  int64_t rows = cast<ShapedType>(op.getTables().front().getType()).getDimSize(2), tokens = getTileTokens(op);
  int64_t rowBytes = getRowBytes(op.getTables().front()) * getSliceStrips(op);
  // Barriers, and a row more of each table where strips lie behind each other.
  int64_t available = target.getWorkgroupBytes() / 3 - 2 * rowBytes - 8;
  int64_t fitting = llvm::bit_floor<uint64_t>(std::max<int64_t>(1, available / rowBytes));
  int64_t sliceRows = std::min<int64_t>({rows, 256, fitting});
  bool hasPairs = op.isQuantized() && sliceRows == rows && op.getNumTables() > 1 && 2 * rows <= fitting;
  int64_t blockTokens = kTileThreads / (rowBytes / kThreadBytes) * tokens;
  int64_t cluster = llvm::bit_ceil<uint64_t>(llvm::divideCeil(kSharingTokens, blockTokens));
  cluster = std::min<int64_t>({cluster, target.getClusterBlocks(), sliceRows});
  return GPUTableTileAttr::get(op.getContext(), kTileThreads, tokens, sliceRows, /*gatherTokens=*/rows / 4,
                               /*tables=*/hasPairs ? 2 : 1, /*rowBytes=*/0, cluster);
}

/// Parts of rows of several tables beside each other, so that a block has sums for more tokens; null where tables are
/// no multiple of these, or too large. A part is no less than a sector of memory.
static GPUTableTileAttr selectCutRows(LookupOp op, GPUTargetAttr target) {
  constexpr int64_t bankBytes = 128, sectorBytes = 32;
  int64_t rows = cast<ShapedType>(op.getTables().front().getType()).getDimSize(2), tokens = getTileTokens(op);
  int64_t rowBytes = std::max(sectorBytes, kThreadBytes * kTileThreads * tokens / kSharingTokens);
  int64_t tables = bankBytes / rowBytes;
  int64_t codeBits = cast<ShapedType>(op.getCodes().getType()).getElementTypeBitWidth();
  if (getRowBytes(op.getTables().front()) != bankBytes || op.getNumTables() % tables != 0 || codeBits * tables > 64 ||
      rows > 256 || 2 * rows * bankBytes > target.getWorkgroupBytes())
    return {};
  return GPUTableTileAttr::get(op.getContext(), kTileThreads, tokens, rows, /*gatherTokens=*/rows / 4, tables, rowBytes,
                               /*cluster=*/0);
}

StrategyAttrInterface mlir::mf::selectGPULookupStrategy(LookupOp op, GPUTargetAttr target) {
  if (!hasTableSlices(op))
    return GPURowGatherAttr::get(op.getContext(), /*threads=*/128);
  if (target.getClusterBlocks() > 1)
    return selectSharedSlices(op, target);
  if (GPUTableTileAttr cut = selectCutRows(op, target))
    return cut;
  int64_t rows = cast<ShapedType>(op.getTables().front().getType()).getDimSize(2);
  int64_t rowBytes = getRowBytes(op.getTables().front()) * getSliceStrips(op);
  // Two slices; their number of rows is a power of two, as a table's is. Where strips lie behind each other, with one
  // more of each.
  int64_t more = getSliceStrips(op) > 1 ? 1 : 0;
  int64_t fitting = llvm::bit_floor<uint64_t>(std::max<int64_t>(1, target.getWorkgroupBytes() / 2 / rowBytes - more));
  int64_t sliceRows = std::min<int64_t>({rows, 256, fitting});
  bool hasPairs = op.isQuantized() && sliceRows == rows && op.getNumTables() > 1 && 2 * rows <= fitting;
  return GPUTableTileAttr::get(op.getContext(), kTileThreads, getTileTokens(op), sliceRows, /*gatherTokens=*/rows / 4,
                               /*tables=*/hasPairs ? 2 : 1, /*rowBytes=*/0, /*cluster=*/0);
}

int64_t mlir::mf::getLinearAttentionBytes(const RecurrentState &state, GPULinearAttentionAttr strategy) {
  int64_t row = state.features + state.chunk + 2 + strategy.getWarps() * kWarpThreads;
  return 4 * strategy.getRows() * row;
}

GPULinearAttentionAttr mlir::mf::selectGPULinearAttentionStrategy(ComputeOpInterface op) {
  constexpr int64_t mostBytes = 48 << 10, mostRows = 8;
  if (isa<ProjectSequenceOp>(op))
    return GPULinearAttentionAttr::get(op.getContext(), kWarps, mostRows);
  auto linear = dyn_cast<LinearAttentionOp>(op.getOperation());
  RecurrentState state = linear ? linear.getStateLayout() : cast<RecurrentAttentionOp>(op).getStateLayout();
  auto strategy = GPULinearAttentionAttr::get(op.getContext(), kWarps, mostRows);
  while (strategy.getRows() > 1 && getLinearAttentionBytes(state, strategy) > mostBytes)
    strategy = GPULinearAttentionAttr::get(op.getContext(), kWarps, strategy.getRows() / 2);
  return strategy;
}

int64_t mlir::mf::getRowWarps(Operation *op) {
  auto compute = dyn_cast<ComputeOpInterface>(op);
  if (!compute || isa<TopKOp>(op))
    return 0;
  if (auto hash = dyn_cast_or_null<GPUHashAttr>(compute.getStrategyAttr()))
    return hash.getWarps();
  auto rows = dyn_cast_or_null<GPURowsAttr>(compute.getStrategyAttr());
  return rows ? rows.getWarps() : 0;
}

StrategyAttrInterface mlir::mf::selectGPUStrategy(ComputeOpInterface op, GPUTargetAttr target) {
  return TypeSwitch<Operation *, StrategyAttrInterface>(op)
      .Case([&](HashOp hash) { return GPUHashAttr::get(hash.getContext(), kWarps); })
      .Case([&](LookupOp lookup) { return selectGPULookupStrategy(lookup, target); })
      .Case([&](LinearOp linear) { return selectGPULinearStrategy(linear, target); })
      .Case<AttentionOp, CachedAttentionOp>([&](auto) { return selectGPUAttentionStrategy(op, target); })
      .Case<LinearAttentionOp, ProjectSequenceOp, RecurrentAttentionOp>(
          [&](auto) { return selectGPULinearAttentionStrategy(op); })
      .Case<ActivationOp, AddOp, EmbeddingOp, LayerNormOp, MapCodesOp, MergeTopKOp, QuantizeRowsOp, RMSNormOp, RopeOp,
            TopKOp, UpdateStateOp>([&](auto) { return GPURowsAttr::get(op.getContext(), kWarps); })
      .Default(StrategyAttrInterface());
}
