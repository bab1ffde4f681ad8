// Translates a variant to LLVM IR and gives its functions the names and linkage that the plan refers to.
#include "mf/Target/CompileError.h"
#include "mf/Target/ObjectEmitter.h"
#include "mlir/Target/LLVMIR/Export.h"

using namespace mlir;
using namespace mlir::mf;

/// Renames a function of the plan; it is met by no other library.
static llvm::Error exposeFunction(llvm::Module &module, StringRef name, StringRef variant) {
  llvm::Function *function = module.getFunction(name);
  if (!function || function->isDeclaration())
    return makeError(ErrorKind::Compile,
                     "internal error: the code of variant '" + variant + "' has no function '" + name + "'");
  function->setName(getVariantSymbol(name, variant));
  function->setLinkage(llvm::GlobalValue::ExternalLinkage);
  function->setVisibility(llvm::GlobalValue::HiddenVisibility);
  function->setDSOLocal(true);
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<llvm::Module>> mlir::mf::translateVariant(ModuleOp module, const VariantPlan &variant,
                                                                         ArrayRef<EntryPlan> entries,
                                                                         llvm::LLVMContext &context) {
  std::unique_ptr<llvm::Module> translated = translateModuleToLLVMIR(module, context, variant.name);
  if (!translated)
    return makeError(ErrorKind::Compile,
                     "internal error: the code of variant '" + variant.name + "' does not translate to LLVM IR");
  for (llvm::Function &function : *translated)
    if (!function.isDeclaration())
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
  for (llvm::GlobalVariable &variable : translated->globals())
    if (!variable.isDeclaration())
      variable.setLinkage(llvm::GlobalValue::InternalLinkage);
  for (const EntryPlan &entry : entries)
    for (const std::string &name : {entry.name, getWorkspaceFunction(entry.name)})
      if (llvm::Error error = exposeFunction(*translated, name, variant.name))
        return error;
  // The runtime is in the same library: its functions are called directly.
  for (llvm::Function &function : *translated)
    if (function.isDeclaration() && function.getName().starts_with("mf_rt_")) {
      function.setVisibility(llvm::GlobalValue::HiddenVisibility);
      function.setDSOLocal(true);
    }
  return translated;
}
