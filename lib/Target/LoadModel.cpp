// Checks the options of a compilation and reads its input.
#include "LoadModel.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "mf/Frontend/Config.h"
#include "mf/Pipelines/Pipelines.h"
#include "mf/Target/EmbeddedFiles.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

static bool isModule(StringRef path) { return path.ends_with(".mlir") || path.ends_with(".mlirbc"); }

static llvm::Error checkInput(const CompilerOptions &options) {
  bool isName = options.randomSeed && namedConfigText(options.input);
  llvm::sys::fs::file_status status;
  if (std::error_code error = llvm::sys::fs::status(options.input, status); error && !isName)
    return namedConfigText(options.input)
               ? makeError(ErrorKind::CommandLine,
                           "'" + options.input + "' is a configuration without parameters: add --random-weights")
               : makeIOError("cannot read", options.input, error);
  if (options.randomSeed && isModule(options.input))
    return makeError(ErrorKind::CommandLine, "--random-weights is for checkpoints and configurations, not for '" +
                                                 options.input + "', which says where its parameters come from");
  return llvm::Error::success();
}

static llvm::Error checkOutput(const CompilerOptions &options) {
  bool isLibrary =
      options.emit.value_or(options.compileTo.empty() ? EmitKind::Library : EmitKind::MLIR) == EmitKind::Library;
  if (options.output.empty() || options.output == "-") {
    if (isLibrary && options.output == "-")
      return makeError(ErrorKind::CommandLine, "a library is several files and cannot go to standard output");
    return llvm::Error::success();
  }
  StringRef parent = llvm::sys::path::parent_path(options.output), directory = parent.empty() ? "." : parent;
  std::error_code error = llvm::sys::fs::access(directory, llvm::sys::fs::AccessMode::Write);
  if (!error && !llvm::sys::fs::is_directory(directory))
    error = std::make_error_code(std::errc::not_a_directory);
  if (error)
    return makeIOError("cannot write to the directory of", options.output, error);
  llvm::sys::fs::file_status status;
  if (llvm::sys::fs::status(options.output, status))
    return llvm::Error::success();
  bool isFile = status.type() == llvm::sys::fs::file_type::regular_file;
  if (status.type() == llvm::sys::fs::file_type::directory_file || (isLibrary && !isFile))
    return makeError(ErrorKind::IO, "the output '" + options.output + "' exists and is no regular file");
  return llvm::Error::success();
}

static llvm::Error checkStage(const CompilerOptions &options) {
  if (options.compileTo.empty())
    return llvm::Error::success();
  if (options.emit && *options.emit != EmitKind::MLIR)
    return makeError(ErrorKind::CommandLine, "--compile-to stops at MLIR: it goes with --emit=mlir only");
  std::string names = "import";
  for (Stage stage : getStages())
    names += ", " + stringifyStage(stage).str();
  if (options.compileTo != "import" && !parseStage(options.compileTo))
    return makeError(ErrorKind::CommandLine,
                     "--compile-to expects one of " + names + ", found '" + options.compileTo + "'");
  return llvm::Error::success();
}

static llvm::Error checkGPU(const CompilerOptions &options) {
  for (const std::string &arch : options.gpuArchs)
    if (!isGPUArchitecture(arch) || llvm::count(options.gpuArchs, arch) > 1)
      return makeError(ErrorKind::CommandLine,
                       "--gpu-arch expects sm_80, sm_90a or both, found '" + llvm::join(options.gpuArchs, ",") + "'");
  if (options.emit == EmitKind::PTX && options.gpuArchs.size() > 1)
    return makeError(ErrorKind::CommandLine,
                     "--emit=ptx expects one --gpu-arch, found '" + llvm::join(options.gpuArchs, ",") + "'");
  if (options.traceCodes && !options.gpuArchs.empty())
    return makeError(ErrorKind::CommandLine, "--trace-codes does not go with --gpu-arch: what counts is on the CPU");
  if (!options.gpuHost)
    return options.gpuKernels.empty() ? llvm::Error::success()
                                      : makeError(ErrorKind::CommandLine, "--gpu-kernels is for --gpu-host");
  if (!options.compileTo.empty() || options.emit.value_or(EmitKind::Library) != EmitKind::Library)
    return makeError(ErrorKind::CommandLine, "--gpu-host is for libraries");
  if (options.sanitizer != Sanitizer::None)
    return makeError(ErrorKind::CommandLine,
                     "--gpu-host goes with no sanitizer: threads of kernels have stacks that it does not know");
  return llvm::Error::success();
}

static llvm::Error checkElementTypes(const CompilerOptions &options) {
  static constexpr StringLiteral types[] = {"keep", "f32", "bf16", "f16", "i8", "i4"};
  for (auto [option, type] : {std::pair("--table-dtype", StringRef(options.tableType)),
                              std::pair("--head-dtype", StringRef(options.headType)),
                              std::pair("--weight-dtype", StringRef(options.weightType))})
    if (!llvm::is_contained(types, type))
      return makeError(ErrorKind::CommandLine,
                       Twine(option) + " expects keep, f32, bf16, f16, i8 or i4, found '" + type + "'");
  if (options.cacheType != "auto" && !llvm::is_contained(ArrayRef(types).take_front(4), StringRef(options.cacheType)))
    return makeError(ErrorKind::CommandLine,
                     "--cache-dtype expects auto, keep, f32, bf16 or f16, found '" + options.cacheType + "'");
  for (auto [option, group] :
       {std::pair("--head-group", options.headGroup), std::pair("--weight-group", options.weightGroup)})
    if (group < 0)
      return makeError(ErrorKind::CommandLine, Twine(option) + " expects 0 or more features, found " + Twine(group));
  return llvm::Error::success();
}

static llvm::Error checkPruning(const CompilerOptions &options) {
  if (options.pruneKept != 0 && (options.weightType == "i8" || options.weightType == "i4"))
    return makeError(ErrorKind::CommandLine, "--prune-weights is for weights of floats: it does not go with "
                                             "--weight-dtype=" +
                                                 options.weightType);
  if (options.pruneAtMost < 0)
    return makeError(ErrorKind::CommandLine,
                     "--prune-at-most expects 0 or more uses, found " + Twine(options.pruneAtMost));
  if (!options.pruneTables.empty())
    if (std::error_code error = llvm::sys::fs::access(options.pruneTables, llvm::sys::fs::AccessMode::Exist))
      return makeIOError("cannot read", options.pruneTables, error);
  return llvm::Error::success();
}

static llvm::Error checkLayerKinds(const CompilerOptions &options) {
  if (!options.layerKinds.empty() && isModule(options.input))
    return makeError(ErrorKind::CommandLine, "--layer-kinds is for checkpoints and configurations, not for '" +
                                                 options.input + "', whose layers are what they are");
  return llvm::Error::success();
}

llvm::Error mlir::mf::checkOptions(const CompilerOptions &options) {
  if (!options.name.empty() && makeIdentifier(options.name) != options.name)
    return makeError(ErrorKind::CommandLine, "--name expects a C identifier, found '" + options.name + "'");
  llvm::Triple triple(llvm::Triple::normalize(options.triple));
  if (!triple.isOSLinux() || (triple.getArch() != llvm::Triple::x86_64 && triple.getArch() != llvm::Triple::aarch64))
    return makeError(ErrorKind::CommandLine, "-mtriple expects x86_64-unknown-linux-gnu or aarch64-unknown-linux-gnu, "
                                             "found '" +
                                                 options.triple + "'");
  llvm::Expected<RuntimeFiles> runtime = getRuntimeFiles(triple, options.sanitizer);
  if (!runtime)
    return runtime.takeError();
  for (auto *check : {checkStage, checkInput, checkOutput, checkElementTypes, checkLayerKinds, checkPruning, checkGPU})
    if (llvm::Error error = check(options))
      return error;
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Input
//===----------------------------------------------------------------------===//

static llvm::Expected<OwningOpRef<ModuleOp>> parseModule(MLIRContext &context, const DiagnosticLog &log,
                                                         const std::string &path) {
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return makeIOError("cannot read", path, buffer.getError());
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  if (!module)
    return makeError(ErrorKind::InputModel, log.getError("'" + path + "' is no module"));
  return module;
}

static llvm::Expected<OwningOpRef<ModuleOp>> import(MLIRContext &context, const DiagnosticLog &log,
                                                    const CompilerOptions &options) {
  ImportOptions importOptions{options.input, options.name, options.randomSeed, options.randomElementType,
                              options.layerKinds};
  Problems problems;
  FailureOr<OwningOpRef<ModuleOp>> module = importModel(&context, importOptions, problems);
  if (succeeded(module))
    return std::move(*module);
  std::string text;
  for (const Problem &problem : problems.list())
    text += (text.empty() ? "" : "\nmf-compile: error: ") + problem.str();
  return makeError(ErrorKind::InputModel,
                   text.empty() ? log.getError("'" + options.input + "' cannot be imported") : text);
}

/// Adds the rules of the strategy file behind those of the module.
static llvm::Error addStrategies(ModuleOp module, const DiagnosticLog &log, const std::string &path) {
  llvm::Expected<OwningOpRef<ModuleOp>> file = parseModule(*module.getContext(), log, path);
  if (!file)
    return file.takeError();
  auto added = (**file)->getAttrOfType<ArrayAttr>("mf.strategies");
  if (!added)
    return makeError(ErrorKind::InputModel,
                     "the strategy file '" + path + "' expects a module with the attribute 'mf.strategies'");
  SmallVector<Attribute> rules;
  if (auto own = module->getAttrOfType<ArrayAttr>("mf.strategies"))
    llvm::append_range(rules, own);
  llvm::append_range(rules, added);
  module->setAttr("mf.strategies", ArrayAttr::get(module.getContext(), rules));
  return llvm::Error::success();
}

llvm::Expected<OwningOpRef<ModuleOp>> mlir::mf::loadModel(MLIRContext &context, const DiagnosticLog &log,
                                                          const CompilerOptions &options) {
  llvm::Expected<OwningOpRef<ModuleOp>> module =
      isModule(options.input) ? parseModule(context, log, options.input) : import(context, log, options);
  if (module && !options.strategyFile.empty())
    if (llvm::Error error = addStrategies(**module, log, options.strategyFile))
      return error;
  return module;
}

llvm::Expected<OwningOpRef<ModuleOp>> mlir::mf::loadKernels(MLIRContext &context, const DiagnosticLog &log,
                                                            const CompilerOptions &options) {
  if (options.gpuKernels.empty())
    return OwningOpRef<ModuleOp>();
  llvm::Expected<OwningOpRef<ModuleOp>> module = parseModule(context, log, options.gpuKernels);
  if (module && (**module).getOps<gpu::GPUModuleOp>().empty())
    return makeError(ErrorKind::InputModel, "--gpu-kernels expects a module that has passed mf-gpu-pipeline, found '" +
                                                options.gpuKernels + "' without a gpu.module");
  return module;
}

std::string mlir::mf::getModelName(ModuleOp module, const CompilerOptions &options) {
  if (!options.name.empty())
    return options.name;
  if (auto model = module->getAttrOfType<LanguageModelAttr>("mf.language_model"))
    return model.getName().str();
  if (module.getSymName())
    return makeIdentifier(*module.getSymName());
  return makeIdentifier(llvm::sys::path::stem(options.input));
}
