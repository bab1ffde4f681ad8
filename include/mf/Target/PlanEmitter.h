// The plan of a library as code: the constant that the runtime reads, and the exported functions.
#ifndef MF_TARGET_PLANEMITTER_H
#define MF_TARGET_PLANEMITTER_H

#include "mf/Target/LibraryPlan.h"
#include "llvm/IR/Module.h"
#include <memory>

namespace mlir::mf {

/// A module with `mf_rt_library_plan`, `mf_model_api` and `mf_<model>_api`; it refers to the symbols of all variants
/// and to the runtime. Triple and data layout are the caller's.
std::unique_ptr<llvm::Module> buildPlanModule(const LibraryPlan &plan, llvm::LLVMContext &context);

/// The names of the exported functions.
SmallVector<std::string> getExportedSymbols(const LibraryPlan &plan);

} // namespace mlir::mf

#endif // MF_TARGET_PLANEMITTER_H
