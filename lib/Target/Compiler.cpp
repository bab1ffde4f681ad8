// The compiler: reads the model, runs the stages, writes what was asked for.
#include "mf/Target/Compiler.h"
#include "BuildLibrary.h"
#include "CompileVariant.h"
#include "LoadModel.h"
#include "Progress.h"
#include "Report.h"
#include "mf/Codegen/Strategy/Target.h"
#include "mf/Target/Artifact.h"
#include "mf/Target/HeaderEmitter.h"
#include "mf/Target/PTXEmitter.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/Threading.h"
#include <chrono>
#include <unistd.h>

using namespace mlir;
using namespace mlir::mf;

/// LLVM gives up in some places without a way back: says so, and leaves no file.
static void exitAtFatalError(void *, const char *reason, bool) {
  llvm::errs() << "mf-compile: error: internal error in LLVM: " << reason << "\n";
  llvm::errs().flush();
  llvm::sys::RunInterruptHandlers();
  _exit(static_cast<int>(ErrorKind::Compile));
}

static llvm::Expected<SmallVector<CPUTargetAttr>> findTargets(MLIRContext &context, const DiagnosticLog &log,
                                                              const CompilerOptions &options) {
  context.loadDialect<MFDialect>();
  SmallVector<StringRef> cpus(options.cpus.begin(), options.cpus.end());
  auto targets = getTargets(&context, options.triple, cpus, [&] { return emitError(UnknownLoc::get(&context)); });
  if (failed(targets))
    return makeError(ErrorKind::CommandLine, log.getError("unknown CPU"));
  return *targets;
}

/// The one variant that everything but a library is made of.
static llvm::Expected<CPUTargetAttr> chooseTarget(ArrayRef<CPUTargetAttr> targets, StringRef variant) {
  if (variant.empty())
    return targets.front();
  std::string names;
  for (CPUTargetAttr target : targets) {
    if (target.getVariant() == variant)
      return target;
    names += (names.empty() ? "" : ", ") + target.getVariant().str();
  }
  return makeError(ErrorKind::CommandLine, "--variant expects one of " + names + ", found '" + variant + "'");
}

namespace {
/// A compilation on its way.
class Compilation {
public:
  Compilation(const CompilerOptions &options, const DialectRegistry &registry)
      : options(options), registry(registry), context(registry), log(&context), progress(options.progress) {}

  llvm::Error run();

private:
  llvm::Error load();
  llvm::Error emitMLIR();
  llvm::Error emitVariant(EmitKind kind);
  llvm::Error emitKernels();
  /// Runs the chosen variant up to `last`.
  llvm::Expected<std::unique_ptr<VariantCompiler>> compileVariant(Stage last);
  std::string getOutput(StringRef suffix) const {
    return options.output.empty() ? getModelName(*module, options) + suffix.str() : options.output;
  }
  llvm::Error writeModule(ModuleOp toWrite);

  const CompilerOptions &options;
  const DialectRegistry &registry;
  MLIRContext context;
  DiagnosticLog log;
  Progress progress;
  Report report;
  SmallVector<CPUTargetAttr> targets;
  OwningOpRef<ModuleOp> module;
};
} // namespace

llvm::Error Compilation::load() {
  auto start = std::chrono::steady_clock::now();
  progress.show("reading " + options.input);
  llvm::Expected<OwningOpRef<ModuleOp>> loaded = loadModel(context, log, options);
  if (!loaded)
    return loaded.takeError();
  module = std::move(*loaded);
  std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  report.steps.push_back({"import", elapsed.count()});
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<VariantCompiler>> Compilation::compileVariant(Stage last) {
  llvm::Expected<CPUTargetAttr> target = chooseTarget(targets, options.variant);
  if (!target)
    return target.takeError();
  auto variant = std::make_unique<VariantCompiler>(writeVariantBytecode(*module, *target), registry);
  if (llvm::Error error = variant->runTo(last))
    return error;
  return variant;
}

llvm::Error Compilation::writeModule(ModuleOp toWrite) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (!StringRef(options.output).ends_with(".mlirbc"))
    os << toWrite << "\n";
  else if (failed(writeBytecodeToFile(toWrite, os)))
    return makeError(ErrorKind::Compile, log.getError("the module cannot be written as bytecode"));
  return writeOutput(getOutput(".mlir"), text);
}

llvm::Error Compilation::emitMLIR() {
  if (options.compileTo.empty() || options.compileTo == "import")
    return writeModule(*module);
  if (llvm::Error error = runModelStage(*module, options, log, report.steps))
    return error;
  Stage last = *parseStage(options.compileTo);
  if (last == Stage::Model)
    return writeModule(*module);
  llvm::Expected<std::unique_ptr<VariantCompiler>> variant = compileVariant(last);
  return variant ? writeModule((*variant)->getModule()) : variant.takeError();
}

llvm::Error Compilation::emitVariant(EmitKind kind) {
  if (llvm::Error error = runModelStage(*module, options, log, report.steps))
    return error;
  llvm::Expected<std::unique_ptr<VariantCompiler>> variant =
      compileVariant(kind == EmitKind::Header ? Stage::Bufferize : Stage::CPU);
  if (!variant)
    return variant.takeError();
  if (kind == EmitKind::Header) {
    LibraryPlan plan = describeLibrary(*module, options);
    plan.entries = (*variant)->entries;
    std::string header = writeHeader(plan, plan.modelName + ".so");
    return writeOutput(getOutput(".h"), header);
  }
  CodeKind codeKind = kind == EmitKind::Object     ? CodeKind::Object
                      : kind == EmitKind::Assembly ? CodeKind::Assembly
                                                   : CodeKind::LLVMText;
  if (llvm::Error error = (*variant)->generate(codeKind, options.sanitizer))
    return error;
  const CodeBuffer &code = (*variant)->code;
  const char *suffix = kind == EmitKind::Object ? ".o" : kind == EmitKind::Assembly ? ".s" : ".ll";
  return writeOutput(getOutput(suffix), StringRef(code.data(), code.size()));
}

llvm::Error Compilation::emitKernels() {
  if (llvm::Error error = runModelStage(*module, options, log, report.steps))
    return error;
  GPUOptions gpuOptions;
  gpuOptions.arch = options.getGPUArch();
  PassManager passManager(&context);
  if (failed(applyPassManagerCLOptions(passManager)))
    return makeError(ErrorKind::CommandLine, log.getError("the options of the pass manager contradict each other"));
  buildGPUPipeline(passManager, gpuOptions);
  if (failed(passManager.run(*module)))
    return makeError(ErrorKind::Compile, log.getError("internal error: the GPU pipeline failed without a message"));
  llvm::Expected<std::string> ptx = emitPTX(*module, options.getGPUArch(), registry);
  return ptx ? writeOutput(getOutput(".ptx"), *ptx) : ptx.takeError();
}

llvm::Error Compilation::run() {
  if (llvm::Error error = checkOptions(options))
    return error;
  llvm::Expected<SmallVector<CPUTargetAttr>> found = findTargets(context, log, options);
  if (!found)
    return found.takeError();
  targets = std::move(*found);
  if (llvm::Error error = load())
    return error;
  EmitKind kind = options.emit.value_or(options.compileTo.empty() ? EmitKind::Library : EmitKind::MLIR);
  if (kind == EmitKind::MLIR)
    return emitMLIR();
  if (kind == EmitKind::PTX)
    return emitKernels();
  if (kind != EmitKind::Library)
    return emitVariant(kind);
  if (llvm::Error error = runModelStage(*module, options, log, report.steps))
    return error;
  if (options.report != ReportKind::None) {
    report.costOptions.sizes = options.reportSizes;
    addCosts(*module, report);
    addPruning(*module, report);
  }
  LibraryBuilder builder(*module, targets, options, registry, log, progress, report);
  if (llvm::Error error = builder.build(getOutput(".so")))
    return error;
  progress.show("");
  if (options.report == ReportKind::Text)
    printTextReport(report, llvm::errs());
  if (options.report == ReportKind::JSON)
    printJSONReport(report, llvm::errs());
  return llvm::Error::success();
}

llvm::Error mlir::mf::compile(const CompilerOptions &options, const DialectRegistry &registry) {
  initializeCodeGenerators();
  llvm::ScopedFatalErrorHandler fatal(exitAtFatalError);
  return Compilation(options, registry).run();
}
