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

/// Whether `op` can be products of matrices: floats of 16 bits as weights, in panels of whole pieces of 16 bytes, which
/// x has too.
bool hasDenseMatrices(LinearOp op);

/// Tensor cores where they can take it and `target` has the workgroup memory: tiles of 128 x 128 results, a stream of
/// weights below 32 tokens. Others: tiles of 64 x 64, a stream below 8 tokens. Integers for quantised weights.
StrategyAttrInterface selectGPULinearStrategy(LinearOp op, GPUTargetAttr target);

/// Whether `op` can be products of matrices: caches of floats of one type of 16 bits, in any layout, whose features are
/// multiples of 16, 128 at most.
bool hasAttentionMatrices(CachedAttentionOp op);

/// Tensor cores where they can take it and `target` has the workgroup memory: 4 warps, blocks of 64 keys,
/// of 32 where a thread would need more than 128 registers. Others: a warp for 4 queries, for 2 of results that are too
/// wide for registers. Caches are split below 16 tokens.
StrategyAttrInterface selectGPUAttentionStrategy(ComputeOpInterface op, GPUTargetAttr target);

/// Keys of a block that few tokens of a cached attention share among warps; 0 where its strategy does not.
int64_t getSplitKeys(CachedAttentionOp op);
/// Below how many tokens they do.
int64_t getSplitTokens(CachedAttentionOp op);

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
