// Strategies of dense layers and attention on GPUs: tensor cores for floats of 16 bits, f32 arithmetic for others.
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

static bool isHalf(Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  return element.isF16() || element.isBF16();
}

static int64_t getLastSize(Value value) { return cast<ShapedType>(value.getType()).getShape().back(); }

/// Elements of 16 bits that are 16 bytes.
static constexpr int64_t kPiece = 8;

//===----------------------------------------------------------------------===//
// Dense layers
//===----------------------------------------------------------------------===//

bool mlir::mf::hasDenseMatrices(LinearOp op) {
  PanelLayoutAttr layout = op.getLayoutAttr();
  if (op.isQuantized() || !isHalf(op.getWeight()) || op.getPruningAttr())
    return false;
  if (layout && (layout.getInterleave() != 1 || layout.getColumns() % kPiece != 0))
    return false;
  int64_t features = getLastSize(op.getX());
  return features > 0 && features % kPiece == 0;
}

StrategyAttrInterface mlir::mf::selectGPULinearStrategy(LinearOp op, GPUTargetAttr target) {
  constexpr int64_t streamTokens = 8;
  if (op.isQuantized())
    return GPUIntegerDenseAttr::get(op.getContext(), /*rows=*/64, /*columns=*/64, /*features=*/64, streamTokens);
  // At most 128 slices, whose sums of 4 tokens and 32 columns are 64 KiB of workgroup memory.
  constexpr int64_t features = 32, mostSlices = 128;
  int64_t size = getLastSize(op.getX());
  int64_t slice = std::max<int64_t>(2 * features, llvm::alignTo(llvm::divideCeil(size, mostSlices), features));
  // A warp reads 6 KiB of workgroup memory for 32 products, which take longer than that.
  constexpr int64_t side = 128, stages = 3, bytes = stages * 2 * side * features * 2;
  if (hasDenseMatrices(op) && bytes <= target.getWorkgroupBytes())
    return GPUMatrixDenseAttr::get(op.getContext(), /*rows=*/side, /*columns=*/side, features, /*warp_rows=*/64,
                                   /*warp_columns=*/32, stages, /*registers=*/168, slice, streamTokens);
  return GPUDenseTileAttr::get(op.getContext(), /*rows=*/64, /*columns=*/64, features, slice, streamTokens);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

bool mlir::mf::hasAttentionMatrices(CachedAttentionOp op) {
  constexpr int64_t depth = 16, most = 128;
  int64_t keySize = getLastSize(op.getKeys()), valueSize = getLastSize(op.getValues());
  auto isWhole = [](int64_t size) { return size > 0 && size % depth == 0 && size <= most; };
  if (!isHalf(op.getKeys()) || getElementTypeOrSelf(op.getKeys()) != getElementTypeOrSelf(op.getValues()))
    return false;
  // Pairs of features or of keys are no rows of matrices.
  CacheLayoutAttr layout = op.getLayoutAttr();
  bool hasRows =
      !op.getValuesLayoutAttr() && (!layout || (layout.getFeatures() == 1 && layout.getKeys() % kPiece == 0));
  return hasRows && isWhole(keySize) && isWhole(valueSize);
}

/// Few tokens have few queries per key: keys are shared among warps.
static constexpr int64_t kSplitTokens = 16;

static GPUMatrixFlashAttr selectMatrices(CachedAttentionOp op, GPUTargetAttr target) {
  constexpr int64_t warps = 4;
  int64_t keySize = getLastSize(op.getKeys()), valueSize = getLastSize(op.getValues());
  // Results take a register for 2 features, scores of a block one for 2 keys: wide heads have fewer keys. The
  // limits of registers are those with which ptxas 13.0 spills nothing for heads of 64, 96 and 128, found by trying.
  bool isWide = valueSize > 96;
  int64_t registers = isWide && target.getArch() == "sm_80" ? 240 : 255;
  int64_t keys = keySize + 2 * valueSize <= 192 ? 64 : 32;
  // Where rows are no permutation of pieces, they are longer by one.
  int64_t bytes = warps * keys * (keySize + valueSize + 2 * kPiece) * 2;
  if (!hasAttentionMatrices(op) || bytes > target.getWorkgroupBytes())
    return {};
  return GPUMatrixFlashAttr::get(op.getContext(), warps, keys, kSplitTokens, registers);
}

StrategyAttrInterface mlir::mf::selectGPUAttentionStrategy(ComputeOpInterface op, GPUTargetAttr target) {
  auto cached = dyn_cast<CachedAttentionOp>(op.getOperation());
  if (GPUMatrixFlashAttr matrices = cached ? selectMatrices(cached, target) : GPUMatrixFlashAttr())
    return matrices;
  // Beside the results, of all keys and of a block, a row has limits and addresses: 8 of them would spill.
  int64_t rows = getLastSize(op->getOperand(2)) <= 128 ? 4 : 2;
  return GPUFlashAttr::get(op.getContext(), /*warps=*/4, rows, /*split_tokens=*/cached ? kSplitTokens : 0);
}

int64_t mlir::mf::getSplitTokens(CachedAttentionOp op) {
  return TypeSwitch<Attribute, int64_t>(op.getStrategyAttr())
      .Case<GPUFlashAttr, GPUMatrixFlashAttr>([](auto strategy) { return strategy.getSplitTokens(); })
      .Default(int64_t(0));
}

int64_t mlir::mf::getSplitKeys(CachedAttentionOp op) {
  if (getSplitTokens(op) == 0)
    return 0;
  auto matrices = dyn_cast<GPUMatrixFlashAttr>(op.getStrategyAttr());
  return matrices ? matrices.getKeys() : kWarpThreads;
}
