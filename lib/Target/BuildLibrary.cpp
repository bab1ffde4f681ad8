// Builds a library: variants in parallel, then the parameters, then the plan that names their digest, then the link.
#include "BuildLibrary.h"
#include "CUDACode.h"
#include "LoadModel.h"
#include "mf/Codegen/Strategy/Target.h"
#include "mf/Target/HeaderEmitter.h"
#include "mf/Target/Linker.h"
#include "mf/Target/PlanEmitter.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Threading.h"
#include "llvm/Support/thread.h"
#include <atomic>
#include <chrono>
#include <optional>

using namespace mlir;
using namespace mlir::mf;

/// Parameters of more bytes are not embedded: the library would be slow to load and to link.
static constexpr uint64_t maxEmbeddedBytes = 64u << 20;

LibraryPlan mlir::mf::describeLibrary(ModuleOp module, const CompilerOptions &options) {
  LibraryPlan plan;
  plan.modelName = getModelName(module, options);
  plan.triple = llvm::Triple::normalize(options.triple);
  plan.sanitizer = options.sanitizer == Sanitizer::Address  ? "address"
                   : options.sanitizer == Sanitizer::Thread ? "thread"
                                                            : "";
  if (auto config = module->getAttrOfType<StringAttr>("mf.config"))
    plan.config = config.str();
  if (auto model = module->getAttrOfType<LanguageModelAttr>("mf.language_model"))
    plan.languageModel = LanguageModelPlan{model.getVocabulary(), model.getMaxPositions()};
  return plan;
}

LibraryBuilder::LibraryBuilder(ModuleOp module, ArrayRef<CPUTargetAttr> targets, const CompilerOptions &options,
                               const DialectRegistry &registry, const DiagnosticLog &log, Progress &progress,
                               Report &report)
    : module(module), targets(targets), options(options), registry(registry), log(log), progress(progress),
      report(report),
      jobs(options.jobs ? options.jobs : std::max(1u, llvm::hardware_concurrency().compute_thread_count())),
      plan(describeLibrary(module, options)) {}

llvm::Error LibraryBuilder::timed(StringRef step, llvm::function_ref<llvm::Error()> run) {
  auto start = std::chrono::steady_clock::now();
  llvm::Error error = run();
  std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  report.steps.push_back({step.str(), elapsed.count()});
  return error;
}

llvm::Error LibraryBuilder::planParameters() {
  packed = module.clone();
  std::vector<StepTime> unused;
  if (llvm::Error error = runStage(*packed, Stage::Pack, log, unused))
    return error;
  llvm::Expected<SmallVector<ParameterOp>> indexed = getIndexedParameters(*packed);
  if (!indexed)
    return indexed.takeError();
  parameters = std::move(*indexed);
  llvm::Expected<ParameterFile> file = planParameterFile(parameters);
  if (!file)
    return file.takeError();
  plan.parameters = std::move(*file);
  if (options.embedParameters && plan.parameters.fileBytes > maxEmbeddedBytes)
    return makeError(ErrorKind::CommandLine, "--embed-parameters is for at most 64 MiB of parameters, the model has " +
                                                 Twine(plan.parameters.fileBytes) + " bytes");
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

/// Calls run(0), ..., run(count - 1) on up to `jobs` threads.
static void runInParallel(size_t count, unsigned jobs, llvm::function_ref<void(size_t)> run) {
  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i; (i = next++) < count;)
      run(i);
  };
  std::vector<llvm::thread> threads;
  // The code generator recurses deeply: llvm::thread has a large stack.
  for (size_t i = 1; i < std::min<size_t>(jobs, count); ++i)
    threads.emplace_back(std::optional<unsigned>(8u << 20), work);
  work();
  for (llvm::thread &thread : threads)
    thread.join();
}

/// The variants of the CPU, best first, then those that nobody gets who does not ask for them.
llvm::Expected<std::vector<LibraryBuilder::Variant>> LibraryBuilder::listVariants() {
  std::vector<Variant> variants;
  for (CPUTargetAttr target : targets)
    variants.push_back({target, std::nullopt, "", nullptr});
  // What launches kernels needs nothing of the CPU.
  for (const std::string &arch : options.gpuArchs)
    variants.push_back({targets.back(), std::nullopt, arch, nullptr});
  if (!options.gpuHost)
    return variants;
  auto fused = llvm::find_if(llvm::reverse(targets), [](CPUTargetAttr target) { return target.getFma(); });
  if (fused == targets.rend())
    return makeError(ErrorKind::CommandLine,
                     "--gpu-host needs a variant with fused products: add x86-64-v3 or a later one to -mcpu");
  for (bool checked : {false, true})
    variants.push_back({*fused, GPUHostVariant{options.getGPUArch(), checked}, "", nullptr});
  return variants;
}

llvm::Error LibraryBuilder::compileKernels(Variant &variant) {
  progress.show("compiling kernels for " + variant.cudaArch);
  variant.kernels = std::make_unique<VariantCompiler>(writeVariantBytecode(module, variant.target), registry);
  VariantCompiler &compiler = *variant.kernels;
  compiler.planned = &plan.parameters;
  if (llvm::Error error = compiler.buildKernels(variant.cudaArch))
    return error;
  llvm::Expected<CUDACode> code = compileCUDACode(compiler.getModule(), variant.cudaArch, options.ptxas, registry);
  if (!code)
    return code.takeError();
  compiler.plan.name = "cuda-" + variant.cudaArch;
  report.gpus.push_back({variant.cudaArch, code->plan.kernels, std::move(code->resources), std::move(code->launches)});
  compiler.plan.cuda = std::move(code->plan);
  return llvm::Error::success();
}

llvm::Error LibraryBuilder::compileVariant(Variant &variant, StringRef bytecode, size_t index,
                                           std::vector<EntryPlan> &entries) {
  std::unique_ptr<VariantCompiler> owned = std::move(variant.kernels);
  if (!owned)
    owned = std::make_unique<VariantCompiler>(bytecode, registry);
  VariantCompiler &compiler = *owned;
  compiler.planned = &plan.parameters;
  llvm::Error error = variant.gpu                ? compiler.runOnHost(*variant.gpu)
                      : variant.cudaArch.empty() ? compiler.runTo(Stage::CPU)
                                                 : compiler.launchOnCUDA();
  if (!error)
    error = compiler.generate(CodeKind::Object, options.sanitizer);
  report.variants[index] = {compiler.plan.name, compiler.code.size(), compiler.times, compiler.plan.strategies,
                            compiler.plan.loops};
  objects[index] = std::move(compiler.code);
  plan.variants[index] = std::move(compiler.plan);
  entries = std::move(compiler.entries);
  return error;
}

static bool haveSameNames(ArrayRef<EntryPlan> entries, ArrayRef<EntryPlan> others) {
  return llvm::equal(entries, others, [](const EntryPlan &entry, const EntryPlan &other) {
    return entry.name == other.name && entry.dims == other.dims && entry.operands.size() == other.operands.size();
  });
}

llvm::Error LibraryBuilder::compileVariants() {
  llvm::Expected<std::vector<Variant>> variants = listVariants();
  if (!variants)
    return variants.takeError();
  llvm::Expected<OwningOpRef<ModuleOp>> kernels = loadKernels(*module.getContext(), log, options);
  if (!kernels)
    return kernels.takeError();
  size_t count = variants->size();
  std::vector<std::string> bytecodes;
  for (Variant &variant : *variants) {
    bytecodes.emplace_back();
    if (variant.cudaArch.empty())
      bytecodes.back() = writeVariantBytecode(variant.gpu && *kernels ? **kernels : module, variant.target);
    else if (llvm::Error error = compileKernels(variant))
      return error;
  }
  objects.resize(count);
  plan.variants.resize(count);
  report.variants.resize(count);
  std::vector<std::vector<EntryPlan>> entries(count);
  std::vector<std::string> errors(count);
  std::vector<ErrorKind> kinds(count);
  std::atomic<size_t> done{0};
  std::atomic<bool> failed{false};
  runInParallel(count, jobs, [&](size_t i) {
    if (failed)
      return;
    progress.show("compiling variants, " + Twine(done.load()) + " of " + Twine(count) + " done");
    if (llvm::Error error = compileVariant((*variants)[i], bytecodes[i], i, entries[i])) {
      llvm::handleAllErrors(std::move(error), [&](const CompileError &e) {
        kinds[i] = e.getKind();
        errors[i] = e.message();
      });
      failed = true;
    }
    ++done;
  });
  // The first variant that failed, whichever thread was faster.
  for (auto [message, kind] : llvm::zip_equal(errors, kinds))
    if (!message.empty())
      return makeError(kind, message);
  for (const std::vector<EntryPlan> &other : entries)
    if (!haveSameNames(entries.front(), other))
      return makeError(ErrorKind::InputModel, "'" + options.gpuKernels + "' has other entry points than the model");
  plan.entries = std::move(entries.front());
  return verifyLanguageModel(plan);
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

llvm::Error LibraryBuilder::writeParameters(const std::string &output) {
  if (parameters.empty())
    return llvm::Error::success();
  std::string path = getLibraryStem(output) + ".mfp";
  llvm::Expected<PendingFile> file = PendingFile::create(path);
  if (!file)
    return file.takeError();
  parameterFile.emplace(std::move(*file));
  ParameterWriterOptions writerOptions;
  writerOptions.jobs = jobs;
  writerOptions.progress = [&](uint64_t bytes, uint64_t total) {
    progress.show("writing parameters, " + Twine(bytes >> 20) + " of " + Twine(total >> 20) + " MiB");
  };
  if (llvm::Error error =
          writeParameterFile(parameters, plan.parameters, parameterFile->getDescriptor(), path, writerOptions))
    return error;
  for (const ParameterRecord &record : plan.parameters.records)
    if (record.relativeError)
      report.quantizationErrors.emplace_back(record.name, *record.relativeError);
  if (!options.embedParameters)
    return llvm::Error::success();
  llvm::Expected<std::string> contents = parameterFile->read();
  if (!contents)
    return contents.takeError();
  plan.embeddedParameters = std::move(*contents);
  parameterFile.reset();
  return llvm::Error::success();
}

llvm::Expected<CodeBuffer> LibraryBuilder::emitPlan() {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> planModule = buildPlanModule(plan, context);
  MachineOptions machine;
  machine.triple = targets.front().getTriple().str();
  machine.cpu = getCodegenCPU(targets.front()).str();
  return emitCode(*planModule, machine, CodeKind::Object);
}

llvm::Error LibraryBuilder::link(const std::string &output) {
  progress.show("linking");
  llvm::Expected<CodeBuffer> planObject = emitPlan();
  if (!planObject)
    return planObject.takeError();
  objects.push_back(std::move(*planObject));
  SmallVector<std::string> exports = getExportedSymbols(plan);
  LinkJob job{objects, exports, plan.triple, llvm::sys::path::filename(output).str(), options.sanitizer};
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> linked = linkLibrary(job);
  if (!linked)
    return linked.takeError();
  library = std::move(*linked);
  return llvm::Error::success();
}

llvm::Error LibraryBuilder::commit(const std::string &output) {
  progress.show("writing " + output);
  std::string header = writeHeader(plan, llvm::sys::path::filename(output));
  Artifact artifact{output, library->getBuffer(), header, parameterFile ? &*parameterFile : nullptr,
                    plan.parameters.digest};
  return commitArtifact(artifact);
}

llvm::Error LibraryBuilder::build(const std::string &output) {
  if (llvm::Error error = timed("pack", [&] { return planParameters(); }))
    return error;
  if (llvm::Error error = timed("variants", [&] { return compileVariants(); }))
    return error;
  if (llvm::Error error = timed("parameters", [&] { return writeParameters(output); }))
    return error;
  if (llvm::Error error = timed("link", [&] { return link(output); }))
    return error;
  report.libraryBytes = library->getBufferSize();
  report.sections = measureSections(library->getBuffer());
  report.parameterBytes = plan.parameters.fileBytes;
  report.parameterCount = plan.parameters.records.size();
  return timed("commit", [&] { return commit(output); });
}
