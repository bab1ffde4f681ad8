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
  if (!layout || layout.getInterleave() != 1 || layout.getColumns() % kPiece != 0)
    return false;
  int64_t features = getLastSize(op.getX());
  return features > 0 && features % kPiece == 0;
}

StrategyAttrInterface mlir::mf::selectGPULinearStrategy(LinearOp op, GPUTargetAttr target) {
  constexpr int64_t streamTokens = 8, matrixStreamTokens = 32;
  if (op.isQuantized())
    return GPUIntegerDenseAttr::get(op.getContext(), /*rows=*/64, /*columns=*/64, /*features=*/64, streamTokens);
  // At most 128 slices, whose sums of 4 tokens and 32 columns are 64 KiB of workgroup memory.
  constexpr int64_t features = 32, mostSlices = 128;
  int64_t size = op.getNumWeightFeatures();
  int64_t slice = std::max<int64_t>(2 * features, llvm::alignTo(llvm::divideCeil(size, mostSlices), features));
  // x is f32. Sums of a slice and of those before bound the results of a warp.
  constexpr int64_t side = 128, warpSide = 32, stages = 3, bytes = stages * side * features * (4 + 2);
  // At most 16 slices, whose sums of 16 tokens and 64 columns are 64 KiB of workgroup memory.
  constexpr int64_t staged = 64, mostMatrixSlices = 16;
  int64_t matrixSlice = llvm::alignTo(llvm::divideCeil(size, mostMatrixSlices), staged);
  if (hasDenseMatrices(op) && bytes <= target.getWorkgroupBytes())
    return GPUMatrixDenseAttr::get(op.getContext(), /*rows=*/side, /*columns=*/side, features, /*warp_rows=*/warpSide,
                                   /*warp_columns=*/warpSide, stages, matrixSlice, matrixStreamTokens);
  // The columns of a tile have the same features of x.
  int64_t columns = op.getPruningAttr() ? op.getPruningAttr().getColumns() : 64;
  return GPUDenseTileAttr::get(op.getContext(), /*rows=*/64, columns, features, slice, streamTokens);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

bool mlir::mf::hasAttentionMatrices(CachedAttentionOp op) {
  constexpr int64_t depth = 16, most = 128;
  int64_t keySize = getLastSize(op.getKeys()), valueSize = getLastSize(op.getValues());
  auto isWhole = [](int64_t size) { return size > 0 && size % depth == 0 && size <= most; };
  return isHalf(op.getKeys()) && getElementTypeOrSelf(op.getKeys()) == getElementTypeOrSelf(op.getValues()) &&
         isWhole(keySize) && isWhole(valueSize);
}

/// Few tokens have few queries per key: keys are shared among warps.
static constexpr int64_t kSplitTokens = 16;

static GPUMatrixFlashAttr selectMatrices(CachedAttentionOp op, GPUTargetAttr target) {
  constexpr int64_t warps = 4;
  int64_t keySize = getLastSize(op.getKeys()), valueSize = getLastSize(op.getValues());
  // Four blocks of 128 threads share 65,536 registers: wide heads have fewer keys.
  constexpr int64_t registers = 128;
  auto get = [&](int64_t keys) { return GPUMatrixFlashAttr::get(op.getContext(), warps, keys, kSplitTokens); };
  GPUMatrixFlashAttr strategy = get(64);
  if (strategy.getRegisters(valueSize) > registers)
    strategy = get(32);
  // A buffer of keys for each warp, and queries. Where rows are no permutation of pieces, they are longer by two.
  int64_t bytes = warps * strategy.getKeys() * (keySize + valueSize + 4 * kPiece) * 2 + 16 * (keySize + kPiece) * 2;
  if (!hasAttentionMatrices(op) || bytes > target.getWorkgroupBytes())
    return {};
  return strategy;
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
