// Reads the input of a compilation.
#ifndef MF_LIB_TARGET_LOADMODEL_H
#define MF_LIB_TARGET_LOADMODEL_H

#include "DiagnosticLog.h"
#include "mf/Target/Compiler.h"

namespace mlir::mf {

/// Checks options against each other and the output's directory, before anything costs time.
llvm::Error checkOptions(const CompilerOptions &options);

/// Imports or parses the model.
llvm::Expected<OwningOpRef<ModuleOp>> loadModel(MLIRContext &context, const DiagnosticLog &log,
                                                const CompilerOptions &options);

/// Parses the module that `options.gpuKernels` names; null where it names none.
llvm::Expected<OwningOpRef<ModuleOp>> loadKernels(MLIRContext &context, const DiagnosticLog &log,
                                                  const CompilerOptions &options);

/// The name of the model: the option, the module's own, or made from the input's.
std::string getModelName(ModuleOp module, const CompilerOptions &options);

} // namespace mlir::mf

#endif // MF_LIB_TARGET_LOADMODEL_H
