// Strategies of kernels for NVIDIA GPUs: pure functions from an op and a target to a typed attribute.
#ifndef MF_CODEGEN_STRATEGY_GPUSTRATEGIES_H
#define MF_CODEGEN_STRATEGY_GPUSTRATEGIES_H

#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {

/// Bytes that a thread loads or copies at once.
inline constexpr int64_t kThreadBytes = 16;

/// Whether `name` is sm_80 or sm_90a.
bool isGPUArchitecture(StringRef name);

/// The description of `arch` (sm_80 or sm_90a). Fails, with a message through `emitError`, for others.
FailureOr<GPUTargetAttr> getGPUTarget(MLIRContext *context, StringRef arch,
                                      function_ref<InFlightDiagnostic()> emitError);

/// Whether slices of the tables of `op` can pass through workgroup memory: tables in strips of whole 16 bytes, a power
/// of two of them up to a warp; of floats every set has only whole strips.
bool hasTableSlices(LookupOp op);

/// Adjacent strips that a row of a slice holds: of integers as many as 128 bytes, a power of two, else 1.
int64_t getSliceStrips(LookupOp op);

/// Tables in strips: slices of as many rows as fit twice into workgroup memory, 256 at most, and a gather of rows below
/// a quarter of the rows of a table. Other tables, pruned ones too: a gather.
StrategyAttrInterface selectGPULookupStrategy(LookupOp op, GPUTargetAttr target);

/// Tiles of 64 x 64 results; a stream of weights below 8 tokens.
GPUDenseTileAttr selectGPULinearStrategy(LinearOp op);

/// The same for quantised weights.
GPUIntegerDenseAttr selectGPUIntegerLinearStrategy(LinearOp op);

/// A warp for 4 queries, for 2 of results that are too wide for registers. Caches are split below 16 tokens.
GPUFlashAttr selectGPUAttentionStrategy(ComputeOpInterface op);

/// Bytes of workgroup memory of a thread block of linear attention.
int64_t getLinearAttentionBytes(const RecurrentState &state, GPULinearAttentionAttr strategy);

/// 8 warps and 8 queries at a time, fewer where their features and weights are more than 48 KiB of workgroup memory.
GPULinearAttentionAttr selectGPULinearAttentionStrategy(ComputeOpInterface op);

/// Warps of a block where each takes one token of `op`, as its strategy says; 0 where tokens are computed otherwise.
int64_t getRowWarps(Operation *op);

/// The strategy of any compute op; null for an op that has no kernel for GPUs.
StrategyAttrInterface selectGPUStrategy(ComputeOpInterface op, GPUTargetAttr target);

} // namespace mlir::mf

#endif // MF_CODEGEN_STRATEGY_GPUSTRATEGIES_H
