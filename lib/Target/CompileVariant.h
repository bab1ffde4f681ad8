// The way of one variant, from the model level to code, in a context of its own.
#ifndef MF_LIB_TARGET_COMPILEVARIANT_H
#define MF_LIB_TARGET_COMPILEVARIANT_H

#include "DiagnosticLog.h"
#include "mf/Pipelines/Pipelines.h"
#include "mf/Target/Compiler.h"
#include "mf/Target/LibraryPlan.h"
#include "mf/Target/ObjectEmitter.h"
#include "mlir/IR/OwningOpRef.h"

namespace mlir::mf {

/// How long a step took.
struct StepTime {
  std::string step;
  double seconds;
};

/// Runs one stage and records its time.
llvm::Error runStage(ModuleOp module, Stage stage, const DiagnosticLog &log, std::vector<StepTime> &times);

/// Runs the model stage with the element types that `options` ask for.
llvm::Error runModelStage(ModuleOp module, const CompilerOptions &options, const DiagnosticLog &log,
                          std::vector<StepTime> &times);

/// Kernels of a GPU that run on threads of the host, instead of the CPU's.
struct GPUHostVariant {
  std::string arch; ///< whose strategies they have
  bool checked = false;

  std::string getName() const { return checked ? "gpu-host-checked" : "gpu-host"; }
};

/// One variant of a model.
class VariantCompiler {
public:
  /// `bytecode` is a module at the model level with `mf.target`. One that cannot be read is reported by the first call.
  VariantCompiler(StringRef bytecode, const DialectRegistry &registry);
  ~VariantCompiler();

  /// Runs the stages up to `last` that have not run yet, and fills in what they tell.
  llvm::Error runTo(Stage last);
  /// Runs what stands in place of the stages: kernels for a GPU, then the host's code of them. The module may have
  /// passed mf-gpu-pipeline already: its kernels may have been changed by hand.
  llvm::Error runOnHost(const GPUHostVariant &variant);
  /// Runs the model on to kernels for a GPU, the first part of `runOnHost`, and what stands before `launchOnCUDA`.
  llvm::Error buildKernels(StringRef arch);
  /// From kernels to the code that launches them on CUDA devices, where `plan.cuda` has the kernels.
  llvm::Error launchOnCUDA();
  /// Generates code once all stages have run.
  llvm::Error generate(CodeKind kind, Sanitizer sanitizer);
  ModuleOp getModule() { return module.get(); }

  /// What the parameters must be, because all variants share them; null: not checked.
  const ParameterFile *planned = nullptr;

  VariantPlan plan;
  std::vector<EntryPlan> entries; ///< after the stage Bufferize
  CodeBuffer code;
  std::vector<StepTime> times;

private:
  llvm::Error checkParameters();
  llvm::Error fillEntries();

  MLIRContext context;
  DiagnosticLog log;
  OwningOpRef<ModuleOp> module;
  size_t stagesRun = 1; ///< of getStages(); the model level was run before
};

/// Bytecode of `module` with `target` as its target.
std::string writeVariantBytecode(ModuleOp module, CPUTargetAttr target);

} // namespace mlir::mf

#endif // MF_LIB_TARGET_COMPILEVARIANT_H
