// The compiler as one call: from a checkpoint, a configuration or a module to a library or to any stage before it.
#ifndef MF_TARGET_COMPILER_H
#define MF_TARGET_COMPILER_H

#include "mf/Frontend/ImportModel.h"
#include "mf/Target/CompileError.h"
#include "mf/Target/ObjectEmitter.h"
#include "mlir/IR/DialectRegistry.h"
#include "llvm/ADT/StringMap.h"
#include <optional>

namespace mlir::mf {

enum class EmitKind { MLIR, LLVM, Assembly, Object, Library, Header, PTX };
enum class ReportKind { None, Text, JSON };

/// What to compile, and to what.
struct CompilerOptions {
  /// A checkpoint directory; with `randomSeed` also a configuration or its name; or a file *.mlir or *.mlirbc.
  std::string input;
  /// Empty: a name made from the model's, in the current directory. "-": standard output, for text.
  std::string output;
  /// Unset: a library, or MLIR where `compileTo` is given.
  std::optional<EmitKind> emit;
  /// Last stage for MLIR: "import" or the name of a stage.
  std::string compileTo;
  std::string triple = "x86_64-unknown-linux-gnu";
  /// Variants, see getTargets; none: those of the architecture.
  std::vector<std::string> cpus;
  /// The variant that anything but a library is made of; empty: the best.
  std::string variant;
  /// Architectures of GPUs, sm_80 and sm_90a: a library has a variant for CUDA devices of each.
  std::vector<std::string> gpuArchs;
  /// The assembler that makes cubins of PTX: "auto" (ptxas from PATH or /usr/local/cuda/bin, where it is), "none", or
  /// its path.
  std::string ptxas = "auto";
  /// A module that takes the place of what mf-gpu-pipeline makes of the model for `gpuHost`; empty: none. What is for
  /// one architecture, as that is, is for the first of `gpuArchs`, or sm_80.
  std::string gpuKernels;
  bool gpuHost = false; ///< add the variants gpu-host and gpu-host-checked, which run these kernels on host threads
  /// A module whose `mf.strategies` choose strategies, where the model's own do not; empty: none.
  std::string strategyFile;
  /// Name of the model, a C identifier; empty: the module's own, or made from the input's.
  std::string name;
  std::optional<uint64_t> randomSeed;
  ImportOptions::ElementType randomElementType = ImportOptions::ElementType::F32;
  /// Replaces `layer_kinds` of the configuration, see ImportOptions; empty: as it is.
  std::vector<std::string> layerKinds;
  /// Element types of tables, of the head and of other dense weights, and features per scale, see
  /// mf-quantize-parameters.
  std::string tableType = "keep", headType = "keep", weightType = "keep";
  /// Of the sequences' caches: auto, keep, f32, bf16 or f16, see mf-select-caches.
  std::string cacheType = "auto";
  int64_t headGroup = 32, weightGroup = 32;
  /// A file of mf-run --count-codes, see mf-prune-tables; empty: tables keep their rows.
  std::string pruneTables;
  int64_t pruneAtMost = 0;
  int64_t pruneKept = 0; ///< features of each `pruneOf` that dense weights keep, see mf-prune-weights; 0: all
  int64_t pruneOf = 4;
  bool traceCodes = false; ///< with the entry point that mf-run --count-codes calls
  unsigned jobs = 0;       ///< threads; 0: as many as the process may use
  Sanitizer sanitizer = Sanitizer::None;
  bool embedParameters = false; ///< in the library; for at most 64 MiB
  ReportKind report = ReportKind::None;
  /// Sizes that the report evaluates costs at, see CostOptions.
  llvm::StringMap<int64_t> reportSizes;
  bool progress = false; ///< a line on standard error that is overwritten

  std::string getGPUArch() const { return gpuArchs.empty() ? "sm_80" : gpuArchs.front(); }
};

/// Compiles. `registry` has all dialects with their interfaces and translations (registerAllDialectsAndPasses). Files
/// appear complete or not at all. Reports and progress go to standard error.
llvm::Error compile(const CompilerOptions &options, const DialectRegistry &registry);

} // namespace mlir::mf

#endif // MF_TARGET_COMPILER_H
