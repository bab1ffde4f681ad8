// What a compilation cost and made.
#ifndef MF_LIB_TARGET_REPORT_H
#define MF_LIB_TARGET_REPORT_H

#include "CompileVariant.h"
#include "GPUFigures.h"
#include "mf/Codegen/GPU/CUDALaunches.h"
#include "mf/Dialect/MF/Transforms/CostModel.h"

namespace mlir::mf {

/// A parameter of tables that lost rows.
struct PrunedTables {
  std::string name;
  int64_t rows = 0; ///< of all its tables before
  int64_t kept = 0;
  uint64_t bytesBefore = 0; ///< in the parameter file, had it kept all rows
  uint64_t bytes = 0;       ///< in the parameter file
};

/// A dense weight that lost features; bytes are those in the parameter file, with the numbers of the features.
struct PrunedWeight {
  std::string name;
  int64_t features = 0; ///< before
  int64_t kept = 0;
  uint64_t bytesBefore = 0;
  uint64_t bytes = 0;
};

/// A compilation of a library.
struct Report {
  std::vector<StepTime> steps; ///< of the whole: import, model, variants, parameters, link, commit
  struct Variant {
    std::string name;
    uint64_t codeBytes; ///< of the object
    std::vector<StepTime> steps;
    std::vector<StrategyCount> strategies;
    std::vector<LoopCount> loops;
  };
  std::vector<Variant> variants;
  /// The kernels for CUDA devices of one architecture.
  struct GPU {
    std::string arch;
    std::vector<KernelPlan> kernels;
    llvm::StringMap<KernelResources> resources; ///< by the kernel's name; empty where there was no assembler
    SmallVector<LaunchCount> launches;          ///< of calls of one token
  };
  std::vector<GPU> gpus;
  std::vector<std::pair<std::string, uint64_t>> sections; ///< of the library, in bytes
  uint64_t libraryBytes = 0;
  uint64_t parameterBytes = 0;
  uint64_t parameterCount = 0;
  /// What a call needs, computed before anything is compiled.
  CostOptions costOptions;
  std::vector<FunctionCost> costs;
  std::string costError; ///< why `costs` is empty; empty where it is not
  std::vector<PrunedTables> prunedTables;
  uint64_t rowMapBytes = 0; ///< of the maps that pruned tables need, in the parameter file
  std::vector<PrunedWeight> prunedWeights;
  /// Quantised parameters and their relative errors, ParameterRecord::relativeError.
  std::vector<std::pair<std::string, double>> quantizationErrors;
};

/// Sizes of the allocated sections of an ELF library.
std::vector<std::pair<std::string, uint64_t>> measureSections(StringRef library);

/// Computes the costs of a module of the model stage; the first error becomes `costError`.
void addCosts(ModuleOp module, Report &report);

/// Finds out what pruning saves in a module of the model stage.
void addPruning(ModuleOp module, Report &report);

/// What can be said of kernels for CUDA devices, and the least times of calls there (GPUFigures.h). Sizes that
/// `costOptions` does not give are those of a call of one token after an empty cache.
void printGPUs(const Report &report, llvm::raw_ostream &os);
llvm::json::Value describeGPUs(const Report &report);

void printTextReport(const Report &report, llvm::raw_ostream &os);
void printJSONReport(const Report &report, llvm::raw_ostream &os);

} // namespace mlir::mf

#endif // MF_LIB_TARGET_REPORT_H
