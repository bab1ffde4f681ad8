// What strategies may say.
#include "mf/Dialect/MF/IR/MFAttributes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Strategies on CPUs
//===----------------------------------------------------------------------===//

/// Lanes of a vector: a power of two, 1 for scalar code.
static LogicalResult verifyLanes(function_ref<InFlightDiagnostic()> emitError, StringRef name, int64_t lanes) {
  if (lanes < 1 || lanes > 64 || !llvm::isPowerOf2_64(lanes))
    return emitError() << "expects " << name << " to be a power of two in [1, 64], found " << lanes;
  return success();
}

static LogicalResult verifyTokens(function_ref<InFlightDiagnostic()> emitError, StringRef name, int64_t tokens,
                                  int64_t least) {
  if (tokens < least || tokens > 4096)
    return emitError() << "expects " << name << " to be in [" << least << ", 4096], found " << tokens;
  return success();
}

LogicalResult CPURowsAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t tokens, int64_t lanes) {
  return success(succeeded(verifyTokens(emitError, "tokens", tokens, 0)) &&
                 succeeded(verifyLanes(emitError, "lanes", lanes)));
}
int64_t CPURowsAttr::getTokenTile() const { return getTokens(); }

LogicalResult CPUHashAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t tokens, int64_t tables) {
  return success(succeeded(verifyTokens(emitError, "tokens", tokens, 0)) &&
                 succeeded(verifyLanes(emitError, "tables", tables)));
}
int64_t CPUHashAttr::getTokenTile() const { return getTokens(); }

LogicalResult CPURowGatherAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t tokens, int64_t columns,
                                       int64_t lanes) {
  if (failed(verifyTokens(emitError, "tokens", tokens, 0)) || failed(verifyLanes(emitError, "lanes", lanes)))
    return failure();
  if (columns < lanes || columns % lanes != 0)
    return emitError() << "expects columns to be a multiple of lanes (" << lanes << "), found " << columns;
  return success();
}
int64_t CPURowGatherAttr::getTokenTile() const { return getTokens(); }

LogicalResult CPUStripsAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t strips, int64_t tables,
                                    int64_t rowBytes, int64_t ahead, int64_t namedTokens, int64_t gatherTokens,
                                    int64_t gatherAhead, int64_t lanes) {
  if (failed(verifyLanes(emitError, "lanes", lanes)))
    return failure();
  if (strips < 1)
    return emitError() << "expects strips to be 1 or more, found " << strips;
  if (tables < 4 || tables % 4 != 0)
    return emitError() << "expects tables to be a multiple of 4, found " << tables;
  if (rowBytes < 64 || rowBytes % 64 != 0)
    return emitError() << "expects row_bytes to be a multiple of 64, found " << rowBytes;
  if (ahead < 0 || ahead > 16 || gatherAhead < 0 || gatherAhead > 256)
    return emitError() << "expects ahead in [0, 16] and gather_ahead in [0, 256], found " << ahead << " and "
                       << gatherAhead;
  if (gatherTokens < 0 || namedTokens < 0)
    return emitError() << "expects gather_tokens and named_tokens to be 0 or more, found " << gatherTokens << " and "
                       << namedTokens;
  return success();
}
int64_t CPUStripsAttr::getTokenTile() const { return 0; }

LogicalResult CPUFlashAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t queries, int64_t keys,
                                   int64_t rows, int64_t vectors, int64_t lanes) {
  if (failed(verifyTokens(emitError, "queries", queries, 1)) || failed(verifyTokens(emitError, "rows", rows, 1)) ||
      failed(verifyTokens(emitError, "vectors", vectors, 1)) || failed(verifyLanes(emitError, "lanes", lanes)))
    return failure();
  if (keys < kCacheKeys || keys % kCacheKeys != 0 || keys % lanes != 0)
    return emitError() << "expects keys to be a multiple of " << std::max(kCacheKeys, lanes) << ", found " << keys;
  return success();
}
int64_t CPUFlashAttr::getTokenTile() const { return 0; }

LogicalResult CPULinearAttentionAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows,
                                             int64_t columns, int64_t lanes) {
  if (failed(verifyTokens(emitError, "rows", rows, 1)) || failed(verifyLanes(emitError, "lanes", lanes)))
    return failure();
  if (columns < lanes || columns % lanes != 0)
    return emitError() << "expects columns to be a multiple of lanes (" << lanes << "), found " << columns;
  return success();
}
int64_t CPULinearAttentionAttr::getTokenTile() const { return 0; }

LogicalResult CPUPanelGemmAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns,
                                       int64_t lanes, int64_t tileRows, int64_t tileColumns, int64_t features) {
  if (failed(verifyTokens(emitError, "rows", rows, 1)) || failed(verifyLanes(emitError, "lanes", lanes)))
    return failure();
  if (columns < lanes || columns % lanes != 0)
    return emitError() << "expects columns to be a multiple of lanes (" << lanes << "), found " << columns;
  if (tileRows < rows || tileRows % rows != 0)
    return emitError() << "expects tile_rows to be a multiple of rows (" << rows << "), found " << tileRows;
  if (tileColumns < 1)
    return emitError() << "expects tile_columns to be 1 or more, found " << tileColumns;
  if (features < lanes || features % lanes != 0)
    return emitError() << "expects features to be a multiple of lanes (" << lanes << "), found " << features;
  return success();
}
int64_t CPUPanelGemmAttr::getTokenTile() const { return 0; }

//===----------------------------------------------------------------------===//
// Strategies on GPUs
//===----------------------------------------------------------------------===//

/// The most threads of a block.
static constexpr int64_t kMaxThreads = 1024;

static LogicalResult verifyWarps(function_ref<InFlightDiagnostic()> emitError, int64_t warps) {
  if (warps >= 1 && warps <= kMaxThreads / kWarpThreads)
    return success();
  return emitError() << "expects warps to be in [1, " << kMaxThreads / kWarpThreads << "], found " << warps;
}

static LogicalResult verifyThreads(function_ref<InFlightDiagnostic()> emitError, int64_t threads) {
  if (threads >= kWarpThreads && threads <= kMaxThreads && threads % kWarpThreads == 0)
    return success();
  return emitError() << "expects threads to be a multiple of " << kWarpThreads << " up to " << kMaxThreads << ", found "
                     << threads;
}

LogicalResult GPURowsAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t warps) {
  return verifyWarps(emitError, warps);
}
int64_t GPURowsAttr::getTokenTile() const { return 0; }

LogicalResult GPUHashAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t warps) {
  return verifyWarps(emitError, warps);
}
int64_t GPUHashAttr::getTokenTile() const { return 0; }

LogicalResult GPURowGatherAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t threads) {
  return verifyThreads(emitError, threads);
}
int64_t GPURowGatherAttr::getTokenTile() const { return 0; }

LogicalResult GPUTableTileAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t threads, int64_t tokens,
                                       int64_t rows, int64_t gatherTokens, int64_t tables, int64_t rowBytes,
                                       int64_t cluster) {
  constexpr int64_t bankBytes = 128, mostBlocks = 8;
  if (failed(verifyThreads(emitError, threads)))
    return failure();
  if (rowBytes == 0 && tables != 1 && tables != 2)
    return emitError() << "expects tables to be 1 or 2, found " << tables;
  if (rowBytes != 0 && ((rowBytes != 16 && rowBytes != 32 && rowBytes != 64) || tables * rowBytes != bankBytes))
    return emitError() << "expects row_bytes to be 16, 32 or 64, and tables to be 128 / row_bytes, found " << rowBytes
                       << " and " << tables;
  if (cluster < 0 || cluster > mostBlocks || (cluster & (cluster - 1)) != 0)
    return emitError() << "expects cluster to be 0, 1, 2, 4 or 8, found " << cluster;
  if (rowBytes != 0 && cluster != 0)
    return emitError() << "expects row_bytes or cluster, found both";
  if (tokens < 1)
    return emitError() << "expects tokens to be 1 or more, found " << tokens;
  if (rows < 1)
    return emitError() << "expects rows to be 1 or more, found " << rows;
  if (gatherTokens < 0)
    return emitError() << "expects gather_tokens to be 0 or more, found " << gatherTokens;
  return success();
}
int64_t GPUTableTileAttr::getTokenTile() const { return 0; }

/// Whether threads with kDenseThreadRows x kDenseThreadColumns results each have a tile.
static LogicalResult verifyTile(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns) {
  int64_t threads = rows / kDenseThreadRows * (columns / kDenseThreadColumns);
  if (rows < 1 || columns < 1 || rows % kDenseThreadRows != 0 || columns % (4 * kDenseThreadColumns) != 0 ||
      threads > kMaxThreads || threads % kWarpThreads != 0)
    return emitError() << "expects rows and columns to be multiples of " << kDenseThreadRows << " and "
                       << 4 * kDenseThreadColumns << " for whole warps of threads with " << kDenseThreadRows << " x "
                       << kDenseThreadColumns << " results, found " << rows << " and " << columns;
  return success();
}

LogicalResult GPUDenseTileAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns,
                                       int64_t features, int64_t slice, int64_t streamTokens) {
  if (failed(verifyTile(emitError, rows, columns)))
    return failure();
  if (features < 1 || features % 8 != 0)
    return emitError() << "expects features to be a multiple of 8, found " << features;
  if (slice < 1 || slice % features != 0)
    return emitError() << "expects slice to be a multiple of features, found " << slice;
  if (streamTokens < 0)
    return emitError() << "expects stream_tokens to be 0 or more, found " << streamTokens;
  return success();
}
int64_t GPUDenseTileAttr::getTokenTile() const { return 0; }

LogicalResult GPUIntegerDenseAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns,
                                          int64_t features, int64_t streamTokens) {
  if (failed(verifyTile(emitError, rows, columns)))
    return failure();
  if (features < 1 || features % 16 != 0)
    return emitError() << "expects features to be a multiple of 16, found " << features;
  if (streamTokens < 0)
    return emitError() << "expects stream_tokens to be 0 or more, found " << streamTokens;
  return success();
}
int64_t GPUIntegerDenseAttr::getTokenTile() const { return 0; }

LogicalResult GPUFlashAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t warps, int64_t rows,
                                   int64_t splitTokens) {
  if (failed(verifyWarps(emitError, warps)))
    return failure();
  if (rows < 1 || rows > kWarpThreads)
    return emitError() << "expects rows to be in [1, " << kWarpThreads << "], found " << rows;
  if (splitTokens < 0)
    return emitError() << "expects split_tokens to be 0 or more, found " << splitTokens;
  return success();
}
int64_t GPUFlashAttr::getTokenTile() const { return 0; }

LogicalResult GPULinearAttentionAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t warps,
                                             int64_t rows) {
  if (failed(verifyWarps(emitError, warps)))
    return failure();
  if (rows < 1 || rows > kWarpThreads)
    return emitError() << "expects rows to be in [1, " << kWarpThreads << "], found " << rows;
  return success();
}
int64_t GPULinearAttentionAttr::getTokenTile() const { return 0; }

/// For addresses, limits and what is on its way, beside matrices.
static constexpr int64_t kOtherRegisters = 40;

/// Threads of a block share these, and one has 255 at most.
static LogicalResult verifyRegisters(function_ref<InFlightDiagnostic()> emitError, int64_t registers, int64_t threads) {
  constexpr int64_t all = 65536, most = 255;
  int64_t has = std::min(most, all / threads);
  if (registers <= has)
    return success();
  return emitError() << "expects tiles that need at most " << has << " registers of each of " << threads
                     << " threads, found " << registers;
}

/// Of the sums of a warp's results a lane has as many as it has of those of the slices before.
static int64_t getDenseRegisters(int64_t warpRows, int64_t warpColumns) {
  constexpr int64_t partsOfX = 8;
  return 2 * warpRows * warpColumns / kWarpThreads + warpColumns / 4 + partsOfX + kOtherRegisters;
}
int64_t GPUMatrixDenseAttr::getRegisters() const { return getDenseRegisters(getWarpRows(), getWarpColumns()); }

int64_t GPUMatrixFlashAttr::getRegisters(int64_t valueSize) const {
  return valueSize / 2 + getKeys() / 2 + getKeys() / 4 + kOtherRegisters;
}

LogicalResult GPUMatrixDenseAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns,
                                         int64_t features, int64_t warpRows, int64_t warpColumns, int64_t stages,
                                         int64_t slice, int64_t streamTokens) {
  // What a warp loads at once.
  constexpr int64_t side = 16, loadedColumns = 32;
  if (warpRows < 1 || warpRows % side != 0 || warpColumns < 1 || warpColumns % loadedColumns != 0)
    return emitError() << "expects warp_rows to be a multiple of " << side << " and warp_columns one of "
                       << loadedColumns << ", found " << warpRows << " and " << warpColumns;
  if (rows < 1 || rows % warpRows != 0 || columns < 1 || columns % warpColumns != 0)
    return emitError() << "expects rows and columns to be multiples of warp_rows and warp_columns, found " << rows
                       << " and " << columns;
  int64_t warps = rows / warpRows * (columns / warpColumns);
  if (failed(verifyWarps(emitError, warps)) ||
      failed(verifyRegisters(emitError, getDenseRegisters(warpRows, warpColumns), warps * kWarpThreads)))
    return failure();
  if (features < 1 || features % side != 0)
    return emitError() << "expects features to be a multiple of " << side << ", found " << features;
  if (stages < 2)
    return emitError() << "expects stages to be 2 or more, found " << stages;
  if (slice < 1 || slice % features != 0)
    return emitError() << "expects slice to be a multiple of features, found " << slice;
  if (streamTokens < 0)
    return emitError() << "expects stream_tokens to be 0 or more, found " << streamTokens;
  return success();
}
int64_t GPUMatrixDenseAttr::getTokenTile() const { return 0; }

LogicalResult GPUMatrixFlashAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t warps, int64_t keys,
                                         int64_t splitTokens) {
  if (failed(verifyWarps(emitError, warps)))
    return failure();
  if (keys < 1 || keys % 32 != 0)
    return emitError() << "expects keys to be a multiple of 32, found " << keys;
  if (splitTokens < 0)
    return emitError() << "expects split_tokens to be 0 or more, found " << splitTokens;
  return success();
}
int64_t GPUMatrixFlashAttr::getTokenTile() const { return 0; }

//===----------------------------------------------------------------------===//
// Choices of strategies
//===----------------------------------------------------------------------===//

LogicalResult StrategyRuleAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef op, StringRef,
                                       DictionaryAttr, StrategyAttrInterface strategy) {
  if (!op.starts_with("mf."))
    return emitError() << "expects op to be the name of an op of the dialect mf, found \"" << op << "\"";
  if (!strategy)
    return emitError() << "expects a strategy";
  return success();
}
