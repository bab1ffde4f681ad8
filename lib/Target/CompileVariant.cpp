// Runs the stages of one variant. A variant has a context of its own, so that all of them run at once without a lock.
#include "CompileVariant.h"
#include "mf/Codegen/GPU/Passes.h"
#include "mf/Codegen/Strategy/Target.h"
#include "mf/Target/CompileError.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Parser/Parser.h"
#include <chrono>

using namespace mlir;
using namespace mlir::mf;

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string mlir::mf::writeVariantBytecode(ModuleOp module, CPUTargetAttr target) {
  OwningOpRef<ModuleOp> copy = module.clone();
  (*copy)->setAttr("mf.target", target);
  std::string bytecode;
  llvm::raw_string_ostream os(bytecode);
  (void)writeBytecodeToFile(*copy, os);
  return bytecode;
}

static llvm::Error runStage(ModuleOp module, StringRef stage, function_ref<void(OpPassManager &)> build,
                            const DiagnosticLog &log, std::vector<StepTime> &times) {
  double start = now();
  PassManager passManager(module.getContext());
  if (failed(applyPassManagerCLOptions(passManager)))
    return makeError(ErrorKind::CommandLine, log.getError("the options of the pass manager contradict each other"));
  build(passManager);
  bool failed = mlir::failed(passManager.run(module));
  times.push_back({stage.str(), now() - start});
  if (failed)
    return makeError(ErrorKind::Compile,
                     log.getError("internal error: the stage '" + stage + "' failed without a message"));
  return llvm::Error::success();
}

llvm::Error mlir::mf::runStage(ModuleOp module, Stage stage, const DiagnosticLog &log, std::vector<StepTime> &times) {
  return ::runStage(
      module, stringifyStage(stage), [&](OpPassManager &passManager) { buildStagePipeline(passManager, stage); }, log,
      times);
}

llvm::Error mlir::mf::runModelStage(ModuleOp module, const CompilerOptions &options, const DiagnosticLog &log,
                                    std::vector<StepTime> &times) {
  ModelOptions modelOptions;
  modelOptions.tableDtype = options.tableType;
  modelOptions.cacheDtype = options.cacheType;
  modelOptions.headDtype = options.headType;
  modelOptions.headGroup = options.headGroup;
  modelOptions.weightDtype = options.weightType;
  modelOptions.weightGroup = options.weightGroup;
  modelOptions.pruneTables = options.pruneTables;
  modelOptions.pruneAtMost = options.pruneAtMost;
  modelOptions.pruneKept = options.pruneKept;
  modelOptions.pruneOf = options.pruneOf;
  modelOptions.traceCodes = options.traceCodes;
  return ::runStage(
      module, stringifyStage(Stage::Model),
      [&](OpPassManager &passManager) { buildModelPipeline(passManager, modelOptions); }, log, times);
}

VariantCompiler::VariantCompiler(StringRef bytecode, const DialectRegistry &registry)
    : context(registry, MLIRContext::Threading::DISABLED), log(&context) {
  module = parseSourceString<ModuleOp>(bytecode, ParserConfig(&context));
  auto target = module ? (*module)->getAttrOfType<CPUTargetAttr>("mf.target") : CPUTargetAttr();
  if (!target)
    return;
  plan.name = target.getVariant().str();
  plan.cpu = target.getCpu().str();
  plan.features = target.getFeatures().str();
  plan.vectorBits = target.getVectorBits();
  plan.requiredFeatures = getRequiredFeatures(target);
}

VariantCompiler::~VariantCompiler() = default;

llvm::Error VariantCompiler::runTo(Stage last) {
  if (!module)
    return makeError(ErrorKind::Compile, log.getError("internal error: the module does not survive bytecode"));
  for (ArrayRef<Stage> stages = getStages(); stagesRun < stages.size() && stages[stagesRun] <= last; ++stagesRun) {
    Stage stage = stages[stagesRun];
    if (llvm::Error error = runStage(*module, stage, log, times))
      return error;
    if (stage == Stage::Strategy)
      plan.strategies = collectStrategies(*module);
    if (stage == Stage::Pack && planned)
      if (llvm::Error error = checkParameters())
        return error;
    if (stage != Stage::Bufferize)
      continue;
    llvm::Expected<std::vector<EntryPlan>> collected = collectEntries(*module);
    if (!collected)
      return collected.takeError();
    entries = std::move(*collected);
    plan.loops = countLoops(*module);
  }
  return llvm::Error::success();
}

llvm::Error VariantCompiler::buildKernels(StringRef arch) {
  if (!module)
    return makeError(ErrorKind::Compile, log.getError("internal error: the module does not survive bytecode"));
  GPUSelectStrategiesPassOptions strategies;
  strategies.arch = arch.str();
  auto select = [&](OpPassManager &passManager) { passManager.addPass(createGPUSelectStrategiesPass(strategies)); };
  if (llvm::Error error = ::runStage(*module, "gpu-strategy", select, log, times))
    return error;
  plan.strategies = collectStrategies(*module);
  if (llvm::Error error = runStage(*module, Stage::Pack, log, times))
    return error;
  if (planned)
    if (llvm::Error error = checkParameters())
      return error;
  GPUOptions options;
  options.arch = arch.str();
  auto build = [&](OpPassManager &passManager) { buildGPUPipeline(passManager, options); };
  return ::runStage(*module, "gpu", build, log, times);
}

llvm::Error VariantCompiler::runOnHost(const GPUHostVariant &variant) {
  if (!module)
    return makeError(ErrorKind::Compile, log.getError("internal error: the module does not survive bytecode"));
  plan.name = variant.getName();
  if (module->getOps<gpu::GPUModuleOp>().empty())
    if (llvm::Error error = buildKernels(variant.arch))
      return error;
  if (llvm::Error error = fillEntries())
    return error;
  GPUHostOptions options;
  options.checked = variant.checked;
  auto build = [&](OpPassManager &passManager) { buildGPUHostPipeline(passManager, options); };
  return ::runStage(*module, "gpu-host", build, log, times);
}

llvm::Error VariantCompiler::fillEntries() {
  llvm::Expected<std::vector<EntryPlan>> collected = collectEntries(*module);
  if (!collected)
    return collected.takeError();
  entries = std::move(*collected);
  return llvm::Error::success();
}

llvm::Error VariantCompiler::launchOnCUDA() {
  if (llvm::Error error = fillEntries())
    return error;
  auto build = [](OpPassManager &passManager) { buildGPUCUDAPipeline(passManager, GPUCUDAOptions()); };
  return ::runStage(*module, "cuda", build, log, times);
}

llvm::Error VariantCompiler::generate(CodeKind kind, Sanitizer sanitizer) {
  double start = now();
  auto target = (*module)->getAttrOfType<CPUTargetAttr>("mf.target");
  llvm::LLVMContext llvmContext;
  llvm::Expected<std::unique_ptr<llvm::Module>> translated = translateVariant(*module, plan, entries, llvmContext);
  if (!translated) {
    std::string text = llvm::toString(translated.takeError());
    return makeError(ErrorKind::Compile, log.getError(text));
  }
  MachineOptions options{target.getTriple().str(), getCodegenCPU(target).str(), target.getFeatures().str(),
                         getTuneCPU(target).str(), target.getVectorBits(),      sanitizer};
  times.push_back({"translate", now() - start});
  start = now();
  llvm::Expected<CodeBuffer> emitted = emitCode(**translated, options, kind);
  if (!emitted)
    return emitted.takeError();
  code = std::move(*emitted);
  times.push_back({"codegen", now() - start});
  return llvm::Error::success();
}

llvm::Error VariantCompiler::checkParameters() {
  llvm::Expected<SmallVector<ParameterOp>> parameters = getIndexedParameters(*module);
  if (!parameters)
    return parameters.takeError();
  llvm::Expected<ParameterFile> file = planParameterFile(*parameters);
  if (!file)
    return file.takeError();
  bool same = file->fileBytes == planned->fileBytes && file->records.size() == planned->records.size();
  for (size_t i = 0; same && i < planned->records.size(); ++i)
    same = file->records[i].name == planned->records[i].name && file->records[i].shape == planned->records[i].shape &&
           file->records[i].layout == planned->records[i].layout;
  if (same)
    return llvm::Error::success();
  return makeError(ErrorKind::Compile,
                   "internal error: variant '" + plan.name + "' expects other parameters than were planned for all");
}
