// Optimises LLVM IR and generates code, with the pass pipeline and function attributes of clang.
#include "mf/Target/ObjectEmitter.h"
#include "mf/Target/CompileError.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Instrumentation/AddressSanitizer.h"
#include "llvm/Transforms/Instrumentation/ThreadSanitizer.h"

using namespace mlir;
using namespace mlir::mf;

void mlir::mf::initializeCodeGenerators() {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  LLVMInitializeX86AsmParser();
  LLVMInitializeAArch64TargetInfo();
  LLVMInitializeAArch64Target();
  LLVMInitializeAArch64TargetMC();
  LLVMInitializeAArch64AsmPrinter();
  LLVMInitializeAArch64AsmParser();
}

static llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createMachine(const MachineOptions &options) {
  llvm::Triple triple(options.triple);
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return makeError(ErrorKind::CommandLine, "no code generator for '" + options.triple + "': " + error);
  llvm::TargetOptions targetOptions;
  // The linker drops what no variant and no entry refers to.
  targetOptions.FunctionSections = true;
  targetOptions.DataSections = true;
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, options.cpu, options.features, targetOptions, llvm::Reloc::PIC_,
                                  llvm::CodeModel::Small, llvm::CodeGenOptLevel::Aggressive));
  if (!machine)
    return makeError(ErrorKind::Compile, "no code generator for CPU '" + options.cpu + "'");
  return machine;
}

/// What clang would write on every function.
static void addAttributes(llvm::Function &function, const MachineOptions &options) {
  function.addFnAttr("target-cpu", options.cpu);
  function.addFnAttr("target-features", options.features);
  if (!options.tuneCPU.empty())
    function.addFnAttr("tune-cpu", options.tuneCPU);
  // Some CPUs' tuning prefers narrower vectors than the strategies were chosen for.
  function.addFnAttr("prefer-vector-width", std::to_string(options.vectorBits));
  function.addFnAttr("no-trapping-math", "true");
  function.addFnAttr(llvm::Attribute::NoUnwind);
  // For debuggers and profilers of the host program.
  function.setUWTableKind(llvm::UWTableKind::Async);
  if (options.sanitizer == Sanitizer::Address)
    function.addFnAttr(llvm::Attribute::SanitizeAddress);
  if (options.sanitizer == Sanitizer::Thread)
    function.addFnAttr(llvm::Attribute::SanitizeThread);
  if (options.sanitizer != Sanitizer::None)
    function.addFnAttr("frame-pointer", "all");
}

static void addSanitizer(llvm::PassBuilder &builder, Sanitizer sanitizer) {
  builder.registerOptimizerLastEPCallback(
      [sanitizer](llvm::ModulePassManager &passes, llvm::OptimizationLevel, llvm::ThinOrFullLTOPhase) {
        if (sanitizer == Sanitizer::Address)
          passes.addPass(llvm::AddressSanitizerPass(llvm::AddressSanitizerOptions()));
        if (sanitizer == Sanitizer::Thread) {
          passes.addPass(llvm::ModuleThreadSanitizerPass());
          passes.addPass(llvm::createModuleToFunctionPassAdaptor(llvm::ThreadSanitizerPass()));
        }
      });
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine, Sanitizer sanitizer) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = true;
  tuning.LoopInterleaving = true;
  tuning.LoopUnrolling = true;
  tuning.SLPVectorization = true;
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::TargetLibraryInfoImpl library(machine.getTargetTriple());
  functions.registerPass([&] { return llvm::TargetLibraryAnalysis(library); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  addSanitizer(builder, sanitizer);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
}

static llvm::Error writeMachineCode(llvm::Module &module, llvm::TargetMachine &machine, CodeKind kind,
                                    llvm::raw_pwrite_stream &os) {
  llvm::legacy::PassManager passes;
  passes.add(new llvm::TargetLibraryInfoWrapperPass(llvm::TargetLibraryInfoImpl(machine.getTargetTriple())));
  auto type = kind == CodeKind::Object ? llvm::CodeGenFileType::ObjectFile : llvm::CodeGenFileType::AssemblyFile;
  if (machine.addPassesToEmitFile(passes, os, /*DwoOut=*/nullptr, type))
    return makeError(ErrorKind::Compile, "the code generator cannot write files of this kind");
  passes.run(module);
  return llvm::Error::success();
}

namespace {
/// Keeps the errors that LLVM would print, or exit at.
struct ErrorCollector : public llvm::DiagnosticHandler {
  explicit ErrorCollector(std::string &errors) : errors(errors) {}

  bool handleDiagnostics(const llvm::DiagnosticInfo &info) override {
    if (info.getSeverity() != llvm::DS_Error)
      return true;
    llvm::raw_string_ostream os(errors);
    os << (errors.empty() ? "" : "; ");
    llvm::DiagnosticPrinterRawOStream printer(os);
    info.print(printer);
    return true;
  }

  std::string &errors;
};
} // namespace

llvm::Expected<CodeBuffer> mlir::mf::emitCode(llvm::Module &module, const MachineOptions &options, CodeKind kind) {
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine = createMachine(options);
  if (!machine)
    return machine.takeError();
  std::string errors;
  module.getContext().setDiagnosticHandler(std::make_unique<ErrorCollector>(errors));
  // The collector refers to a local.
  llvm::scope_exit dropCollector([&] { module.getContext().setDiagnosticHandler(nullptr); });
  module.setTargetTriple((*machine)->getTargetTriple());
  module.setDataLayout((*machine)->createDataLayout());
  module.setPICLevel(llvm::PICLevel::BigPIC);
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      addAttributes(function, options);
  llvm::raw_string_ostream errorStream(errors);
  if (llvm::verifyModule(module, &errorStream))
    return makeError(ErrorKind::Compile, "internal error: invalid LLVM IR: " + errors);

  CodeBuffer code;
  llvm::raw_svector_ostream os(code);
  optimize(module, **machine, options.sanitizer);
  if (kind == CodeKind::LLVMText)
    module.print(os, nullptr);
  else if (llvm::Error error = writeMachineCode(module, **machine, kind, os))
    return error;
  if (!errors.empty())
    return makeError(ErrorKind::Compile, "code generation for '" + options.cpu + "' failed: " + errors);
  return code;
}
