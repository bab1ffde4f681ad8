// From the LLVM dialect to machine code.
#ifndef MF_TARGET_OBJECTEMITTER_H
#define MF_TARGET_OBJECTEMITTER_H

#include "mf/Dialect/MF/IR/MFAttributes.h"
#include "mf/Target/LibraryPlan.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/Module.h"
#include <memory>

namespace mlir::mf {

enum class Sanitizer { None, Address, Thread };

/// What code is written as.
enum class CodeKind { Object, Assembly, LLVMText };

/// What LLVM is asked to generate code for.
struct MachineOptions {
  std::string triple;
  std::string cpu;      ///< whose instructions may be used
  std::string features; ///< LLVM's feature string, in addition
  std::string tuneCPU;  ///< whose costs count
  int64_t vectorBits = 128;
  Sanitizer sanitizer = Sanitizer::None;
};

using CodeBuffer = SmallVector<char, 0>;

/// Makes the code generators of all architectures known to LLVM. Call it once, before other threads start.
void initializeCodeGenerators();

/// Translates a module of the LLVM dialect. Entry points and their workspace functions are renamed to the symbols of
/// the variant and hidden; all other functions become internal. An error where an entry has no workspace function.
llvm::Expected<std::unique_ptr<llvm::Module>> translateVariant(ModuleOp module, const VariantPlan &variant,
                                                               ArrayRef<EntryPlan> entries, llvm::LLVMContext &context);

/// Optimises `module` as clang does at -O3, instruments it where asked for, and writes it as `kind`. The module has
/// been changed afterwards. Errors that the back end finds, among them too large stack frames, are collected in the
/// result. Uses no state but the module's context, so it may run on many threads at once.
llvm::Expected<CodeBuffer> emitCode(llvm::Module &module, const MachineOptions &options, CodeKind kind);

} // namespace mlir::mf

#endif // MF_TARGET_OBJECTEMITTER_H
