// The stages of a compilation as chains of passes.
#include "mf/Pipelines/Pipelines.h"
#include "Bufferization.h"
#include "mf/Codegen/CPU/Passes.h"
#include "mf/Codegen/Common/Passes.h"
#include "mf/Conversion/Passes.h"
#include "mf/Dialect/MF/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Stages
//===----------------------------------------------------------------------===//

static constexpr Stage allStages[] = {Stage::Model, Stage::Strategy,  Stage::Tile,
                                      Stage::Pack,  Stage::Bufferize, Stage::CPU};
static constexpr StringLiteral stageNames[] = {"model", "strategy", "tile", "pack", "bufferize", "cpu"};

ArrayRef<Stage> mlir::mf::getStages() { return allStages; }

StringRef mlir::mf::stringifyStage(Stage stage) { return stageNames[static_cast<int>(stage)]; }

std::optional<Stage> mlir::mf::parseStage(StringRef name) {
  for (Stage stage : allStages)
    if (stringifyStage(stage) == name)
      return stage;
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Pipelines
//===----------------------------------------------------------------------===//

void mlir::mf::buildModelPipeline(OpPassManager &passManager, const ModelOptions &options) {
  passManager.addPass(createInlinerPass());
  passManager.addPass(createSymbolDCEPass());
  passManager.addPass(createCanonicalizerPass());
  passManager.addPass(createCSEPass());
  if (options.traceCodes)
    passManager.addPass(createTraceCodesPass());
  if (!options.pruneTables.empty()) {
    PruneTablesPassOptions rows;
    rows.counts = options.pruneTables;
    rows.atMost = options.pruneAtMost;
    passManager.addPass(createPruneTablesPass(rows));
  }
  if (options.pruneKept != 0) {
    PruneWeightsPassOptions features;
    features.kept = options.pruneKept;
    features.of = options.pruneOf;
    passManager.addPass(createPruneWeightsPass(features));
  }
  QuantizeParametersPassOptions elements;
  elements.tableDtype = options.tableDtype;
  elements.headDtype = options.headDtype;
  elements.headGroup = options.headGroup;
  elements.weightDtype = options.weightDtype;
  elements.weightGroup = options.weightGroup;
  passManager.addPass(createQuantizeParametersPass(elements));
  passManager.addPass(createShareParametersPass());
  passManager.addPass(createCSEPass());
  if (options.fuseLookups)
    passManager.addNestedPass<func::FuncOp>(createFuseLookupsPass());
  passManager.addPass(createSelectLayoutsPass());
  SelectCachesPassOptions caches;
  caches.cacheDtype = options.cacheDtype;
  passManager.addPass(createSelectCachesPass(caches));
  passManager.addPass(createCanonicalizerPass());
  passManager.addPass(createVerifyModelContractPass());
}

void mlir::mf::buildStrategyPipeline(OpPassManager &passManager, const StrategyOptions &options) {
  ExpandAttentionPassOptions forms;
  forms.withoutKernel = true;
  passManager.addNestedPass<func::FuncOp>(createExpandAttentionPass(forms));
  CPUSetTargetPassOptions target;
  target.triple = options.triple;
  target.cpu = options.cpu;
  passManager.addPass(createCPUSetTargetPass(target));
  passManager.addPass(createCPUSelectStrategiesPass());
  passManager.addPass(createVerifyStrategyContractPass());
}

void mlir::mf::buildTilePipeline(OpPassManager &passManager, const TileOptions &) {
  passManager.addNestedPass<func::FuncOp>(createTileAndFusePass());
  passManager.addPass(createCanonicalizerPass());
  passManager.addPass(createVerifyTileContractPass());
}

void mlir::mf::buildPackPipeline(OpPassManager &passManager, const PackOptions &) {
  passManager.addPass(createPackParametersPass());
  passManager.addPass(createVerifyPackContractPass());
}

void mlir::mf::addBufferization(OpPassManager &passManager) {
  passManager.addPass(createLowerEntryPointsPass());
  passManager.addPass(bufferization::createEmptyTensorEliminationPass());
  passManager.addPass(bufferization::createOneShotBufferizePass());
  // Tiles that were computed in place are copied to themselves until CSE has made both sides of the copy one value.
  passManager.addPass(createCanonicalizerPass());
  passManager.addPass(createCSEPass());
  passManager.addPass(createCanonicalizerPass());
}

void mlir::mf::buildBufferizePipeline(OpPassManager &passManager, const BufferizeOptions &) {
  addBufferization(passManager);
  passManager.addPass(createCPUAddScratchPass());
  passManager.addPass(createPlanWorkspacePass());
  // No canonicalisation here: it would inline loops of one iteration, and with them the worker's index.
  passManager.addPass(createCSEPass());
  passManager.addPass(createVerifyBufferizeContractPass());
}

void mlir::mf::buildCPUPipeline(OpPassManager &passManager, const CPUOptions &options) {
  passManager.addPass(createOutlineKernelsPass());
  passManager.addPass(createCanonicalizerPass());
  passManager.addPass(createCSEPass());
  if (options.shareKernels)
    passManager.addPass(createShareKernelsPass());
  buildLowerToLLVMPipeline(passManager);
}

void mlir::mf::buildStagePipeline(OpPassManager &passManager, Stage stage) {
  switch (stage) {
  case Stage::Model:
    return buildModelPipeline(passManager, ModelOptions());
  case Stage::Strategy:
    return buildStrategyPipeline(passManager, StrategyOptions());
  case Stage::Tile:
    return buildTilePipeline(passManager, TileOptions());
  case Stage::Pack:
    return buildPackPipeline(passManager, PackOptions());
  case Stage::Bufferize:
    return buildBufferizePipeline(passManager, BufferizeOptions());
  case Stage::CPU:
    return buildCPUPipeline(passManager, CPUOptions());
  }
}

//===----------------------------------------------------------------------===//
// Registration
//===----------------------------------------------------------------------===//

namespace {
/// Options of the pipeline of all stages.
struct CompileOptions : public PassPipelineOptions<CompileOptions> {
  Option<std::string> triple{*this, "triple", llvm::cl::desc("Like that of mf-strategy-pipeline"),
                             llvm::cl::init("x86_64-unknown-linux-gnu")};
  Option<std::string> cpu{*this, "cpu", llvm::cl::desc("Like that of mf-strategy-pipeline"), llvm::cl::init("")};
  Option<Stage> to{*this, "to", llvm::cl::desc("Last stage (default: cpu)"), llvm::cl::init(Stage::CPU),
                   llvm::cl::values(clEnumValN(Stage::Model, "model", ""), clEnumValN(Stage::Strategy, "strategy", ""),
                                    clEnumValN(Stage::Tile, "tile", ""), clEnumValN(Stage::Pack, "pack", ""),
                                    clEnumValN(Stage::Bufferize, "bufferize", ""), clEnumValN(Stage::CPU, "cpu", ""))};
};
} // namespace

static void buildCompilePipeline(OpPassManager &passManager, const CompileOptions &options) {
  StrategyOptions strategy;
  strategy.triple = options.triple;
  strategy.cpu = options.cpu;
  for (Stage stage : getStages()) {
    if (stage == Stage::Strategy)
      buildStrategyPipeline(passManager, strategy);
    else
      buildStagePipeline(passManager, stage);
    if (stage == options.to)
      return;
  }
}

void mlir::mf::registerPipelines() {
  PassPipelineRegistration<ModelOptions>("mf-model-pipeline", "Graph level: shared values, fused lookups, layouts",
                                         buildModelPipeline);
  PassPipelineRegistration<StrategyOptions>("mf-strategy-pipeline", "A target and a strategy for each op",
                                            buildStrategyPipeline);
  PassPipelineRegistration<TileOptions>("mf-tile-pipeline", "Parallel loops over tiles", buildTilePipeline);
  PassPipelineRegistration<PackOptions>("mf-pack-pipeline", "Indices and stored shapes of parameters",
                                        buildPackPipeline);
  PassPipelineRegistration<BufferizeOptions>(
      "mf-bufferize-pipeline", "Functions of a frame on memrefs in one planned workspace", buildBufferizePipeline);
  PassPipelineRegistration<CPUOptions>("mf-cpu-pipeline", "Kernels, then vectors, then the LLVM dialect",
                                       buildCPUPipeline);
  PassPipelineRegistration<CompileOptions>("mf-compile-pipeline", "All stages", buildCompilePipeline);
}
