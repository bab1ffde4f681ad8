// The stages of a compilation as pipelines. Each ends in its contract pass and is registered for textual use as
// `mf-<stage>-pipeline`; `mf-compile-pipeline` is all of them.
#ifndef MF_PIPELINES_PIPELINES_H
#define MF_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include <optional>

namespace mlir::mf {

/// In the order of a compilation.
enum class Stage { Model, Strategy, Tile, Pack, Bufferize, CPU };

/// All stages, in order.
ArrayRef<Stage> getStages();

/// The name in `mf-<name>-pipeline` and in `--compile-to=<name>`.
StringRef stringifyStage(Stage stage);

/// The stage of that name, if there is one.
std::optional<Stage> parseStage(StringRef name);

struct ModelOptions : public PassPipelineOptions<ModelOptions> {
  Option<bool> fuseLookups{*this, "fuse-lookups",
                           llvm::cl::desc("Make lookups that share codes and scores one op (default: true)"),
                           llvm::cl::init(true)};
  Option<std::string> tableDtype{*this, "table-dtype",
                                 llvm::cl::desc("Type of tables: keep (default), f32, bf16, f16, i8 or i4"),
                                 llvm::cl::init("keep")};
  Option<std::string> headDtype{*this, "head-dtype",
                                llvm::cl::desc("Type of the head: keep (default), f32, bf16, f16, i8 or i4"),
                                llvm::cl::init("keep")};
  Option<int64_t> headGroup{*this, "head-group",
                            llvm::cl::desc("Features that share a scale of an i4 head (default: 32; 0: all)"),
                            llvm::cl::init(32)};
  Option<std::string> weightDtype{
      *this, "weight-dtype", llvm::cl::desc("Type of other dense weights: keep (default), f32, bf16, f16, i8 or i4"),
      llvm::cl::init("keep")};
  Option<int64_t> weightGroup{*this, "weight-group",
                              llvm::cl::desc("Features that share a scale of an i4 weight (default: 32; 0: all)"),
                              llvm::cl::init(32)};
  Option<std::string> pruneTables{
      *this, "prune-tables",
      llvm::cl::desc("File of mf-run --count-codes: drop the rows of tables that are hardly used (default: none)"),
      llvm::cl::init("")};
  Option<int64_t> pruneAtMost{*this, "prune-at-most", llvm::cl::desc("Uses of a row that is dropped (default: 0)"),
                              llvm::cl::init(0)};
  Option<int64_t> pruneKept{*this, "prune-kept",
                            llvm::cl::desc("Features of each prune-of that dense weights keep (default: 0, all)"),
                            llvm::cl::init(0)};
  Option<int64_t> pruneOf{*this, "prune-of", llvm::cl::desc("Features of a group of prune-kept (default: 4)"),
                          llvm::cl::init(4)};
  Option<bool> traceCodes{*this, "trace-codes",
                          llvm::cl::desc("Add the entry point that mf-run --count-codes calls (default: false)"),
                          llvm::cl::init(false)};
  Option<std::string> cacheDtype{
      *this, "cache-dtype", llvm::cl::desc("Type of caches: auto (default: bf16 with integers), keep, f32, bf16 or f16"),
      llvm::cl::init("auto")};
};

struct StrategyOptions : public PassPipelineOptions<StrategyOptions> {
  Option<std::string> triple{*this, "triple",
                             llvm::cl::desc("LLVM triple of the target, where the module has none (default: "
                                            "x86_64-unknown-linux-gnu)"),
                             llvm::cl::init("x86_64-unknown-linux-gnu")};
  Option<std::string> cpu{*this, "cpu",
                          llvm::cl::desc("CPU of the target, where the module has none: a default variant, an LLVM CPU "
                                         "or native (default: the best default variant)"),
                          llvm::cl::init("")};
};

struct TileOptions : public PassPipelineOptions<TileOptions> {};

struct PackOptions : public PassPipelineOptions<PackOptions> {};

struct BufferizeOptions : public PassPipelineOptions<BufferizeOptions> {};

struct CPUOptions : public PassPipelineOptions<CPUOptions> {
  Option<bool> shareKernels{*this, "share-kernels", llvm::cl::desc("Keep one of equal kernels (default: true)"),
                            llvm::cl::init(true)};
};

struct GPUOptions : public PassPipelineOptions<GPUOptions> {
  Option<std::string> arch{*this, "arch", llvm::cl::desc("sm_80 (default) or sm_90a"), llvm::cl::init("sm_80")};
};

struct GPUHostOptions : public PassPipelineOptions<GPUHostOptions> {
  Option<bool> checked{*this, "checked", llvm::cl::desc("Check and count what kernels do (default: false)"),
                       llvm::cl::init(false)};
};

/// Graph level: shared values, element types of parameters, fused lookups, layouts.
void buildModelPipeline(OpPassManager &passManager, const ModelOptions &options);

/// A target for the module, unless it has one, and a strategy for each op.
void buildStrategyPipeline(OpPassManager &passManager, const StrategyOptions &options);

/// Parallel loops over tiles.
void buildTilePipeline(OpPassManager &passManager, const TileOptions &options);

/// Indices and stored shapes of parameters.
void buildPackPipeline(OpPassManager &passManager, const PackOptions &options);

/// Functions of a frame on memrefs, all of them in one planned workspace.
void buildBufferizePipeline(OpPassManager &passManager, const BufferizeOptions &options);

/// Kernels, then vectors, then the LLVM dialect.
void buildCPUPipeline(OpPassManager &passManager, const CPUOptions &options);

/// Adds `stage` with its default options.
void buildStagePipeline(OpPassManager &passManager, Stage stage);

/// After the model stage: kernels for a GPU in `gpu.module`s, and functions of a frame that launch them over one
/// planned workspace; ends in `mf-verify-gpu-kernel-contract`.
void buildGPUPipeline(OpPassManager &passManager, const GPUOptions &options);

/// The kernels as PTX in `gpu.binary` ops. The back end aborts where it fails: see emitPTX for a way around that.
void buildGPUToPTXPipeline(OpPassManager &passManager, const GPUOptions &options);

struct GPUCUDAOptions : public PassPipelineOptions<GPUCUDAOptions> {};

/// What launches the kernels in the LLVM dialect, for the runtime's side of CUDA (lib/Runtime/CUDA). The kernels go.
void buildGPUCUDAPipeline(OpPassManager &passManager, const GPUCUDAOptions &options);

/// The kernels and what launches them in the LLVM dialect, for threads of the host (lib/Runtime/GPUHost).
void buildGPUHostPipeline(OpPassManager &passManager, const GPUHostOptions &options);

/// Registers `mf-gpu-pipeline`, `mf-gpu-to-ptx-pipeline`, `mf-gpu-cuda-pipeline` and `mf-gpu-host-pipeline`.
void registerGPUPipelines();

/// Registers `mf-<stage>-pipeline` for all stages and `mf-compile-pipeline`.
void registerPipelines();

} // namespace mlir::mf

#endif // MF_PIPELINES_PIPELINES_H
