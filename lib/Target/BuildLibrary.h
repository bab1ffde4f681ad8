// Builds a library of all variants.
#ifndef MF_LIB_TARGET_BUILDLIBRARY_H
#define MF_LIB_TARGET_BUILDLIBRARY_H

#include "Progress.h"
#include "Report.h"
#include "mf/Target/Artifact.h"
#include "mf/Target/Compiler.h"
#include "llvm/Support/MemoryBuffer.h"

namespace mlir::mf {

/// What the options and a module's attributes say about the library; variants, entries and parameters are left empty.
LibraryPlan describeLibrary(ModuleOp module, const CompilerOptions &options);

/// From a module at the model level to the files of a library.
class LibraryBuilder {
public:
  LibraryBuilder(ModuleOp module, ArrayRef<CPUTargetAttr> targets, const CompilerOptions &options,
                 const DialectRegistry &registry, const DiagnosticLog &log, Progress &progress, Report &report);

  llvm::Error build(const std::string &output);

private:
  /// A variant to compile.
  struct Variant {
    CPUTargetAttr target;
    std::optional<GPUHostVariant> gpu;        ///< what runs in place of the CPU's kernels
    std::string cudaArch;                     ///< whose kernels run on CUDA devices; empty: none do
    std::unique_ptr<VariantCompiler> kernels; ///< of that architecture, once they are built
  };

  /// Packs a copy of the module, whose parameters are those of every variant.
  llvm::Error planParameters();
  llvm::Expected<std::vector<Variant>> listVariants();
  /// Builds the kernels of a variant for CUDA devices, and their PTX. No other thread may run: it forks.
  llvm::Error compileKernels(Variant &variant);
  llvm::Error compileVariant(Variant &variant, StringRef bytecode, size_t index, std::vector<EntryPlan> &entries);
  llvm::Error compileVariants();
  llvm::Error writeParameters(const std::string &output);
  llvm::Error link(const std::string &output);
  llvm::Expected<CodeBuffer> emitPlan();
  llvm::Error commit(const std::string &output);
  /// Runs a step and records its time.
  llvm::Error timed(StringRef step, llvm::function_ref<llvm::Error()> run);

  ModuleOp module;
  ArrayRef<CPUTargetAttr> targets;
  const CompilerOptions &options;
  const DialectRegistry &registry;
  const DiagnosticLog &log;
  Progress &progress;
  Report &report;
  unsigned jobs;

  LibraryPlan plan;
  OwningOpRef<ModuleOp> packed;
  SmallVector<ParameterOp> parameters;
  std::vector<CodeBuffer> objects;
  std::optional<PendingFile> parameterFile;
  std::unique_ptr<llvm::MemoryBuffer> library;
};

} // namespace mlir::mf

#endif // MF_LIB_TARGET_BUILDLIBRARY_H
