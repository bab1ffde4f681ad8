// mf-compile: compiles a model to a shared library, or to any stage on the way there.
#include "mf/Pipelines/InitAll.h"
#include "mf/Target/Compiler.h"
#include "mf/Target/LibraryPlan.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Process.h"

using namespace mlir::mf;
namespace cl = llvm::cl;

static cl::OptionCategory category("mf-compile");

static cl::opt<std::string> input(cl::Positional, cl::value_desc("model"), cl::cat(category),
                                  cl::desc("<checkpoint directory, configuration name, config.json, or *.mlir>"));
static cl::opt<std::string> output("o", cl::value_desc("file"), cl::cat(category),
                                   cl::desc("Output; a library's parameters and header go beside it"));
static cl::opt<EmitKind> emitKind("emit", cl::desc("What to write (default: lib)"), cl::cat(category),
                                  cl::values(clEnumValN(EmitKind::MLIR, "mlir", "MLIR after --compile-to"),
                                             clEnumValN(EmitKind::LLVM, "llvm", "LLVM IR of one variant"),
                                             clEnumValN(EmitKind::Assembly, "asm", "assembly of one variant"),
                                             clEnumValN(EmitKind::Object, "obj", "object of one variant"),
                                             clEnumValN(EmitKind::Library, "lib", "model.so, model.mfp and model.h"),
                                             clEnumValN(EmitKind::Header, "header", "the C header"),
                                             clEnumValN(EmitKind::PTX, "ptx", "the kernels of --gpu-arch")));
static cl::opt<std::string> compileTo("compile-to", cl::value_desc("stage"), cl::cat(category),
                                      cl::desc("Stop after import, model, strategy, tile, pack, bufferize or cpu"));
static cl::opt<std::string> triple("mtriple", cl::value_desc("triple"), cl::cat(category),
                                   cl::init("x86_64-unknown-linux-gnu"),
                                   cl::desc("x86_64-unknown-linux-gnu (default) or aarch64-unknown-linux-gnu"));
static cl::list<std::string> cpus("mcpu", cl::CommaSeparated, cl::value_desc("cpu"), cl::cat(category),
                                  cl::desc("Variants to compile: names of default variants, CPUs of LLVM, native"));
static cl::opt<std::string> variant("variant", cl::value_desc("name"), cl::cat(category),
                                    cl::desc("The variant that is written (default: the best; not for libraries)"));
static cl::list<std::string>
    gpuArchs("gpu-arch", cl::CommaSeparated, cl::value_desc("name"), cl::cat(category),
             cl::desc("Add kernels for CUDA devices to a library, or the architecture of other "
                      "kernels for GPUs: sm_80 (default), sm_90a"));
static cl::opt<std::string> ptxas("ptxas", cl::value_desc("path"), cl::cat(category), cl::init("auto"),
                                  cl::desc("Assembler of kernels for CUDA devices; none: leave it to the driver "
                                           "(default: auto, where it is found)"));
static cl::opt<std::string> gpuKernels("gpu-kernels", cl::value_desc("file"), cl::cat(category),
                                       cl::desc("With --gpu-host: a module that has passed mf-gpu-pipeline, for the "
                                                "model's own kernels"));
static cl::opt<bool> gpuHost("gpu-host", cl::cat(category),
                             cl::desc("Add kernels for GPUs to a library, for mf-run --device=gpu-host"));
static cl::opt<std::string> strategy("strategy", cl::value_desc("file"), cl::cat(category),
                                     cl::desc("Strategies that mf-bench --tune found"));
static cl::opt<std::string> name("name", cl::value_desc("identifier"), cl::cat(category),
                                 cl::desc("Name of the model (default: from the input)"));
static cl::opt<std::string> randomWeights("random-weights", cl::ValueOptional, cl::value_desc("seed"),
                                          cl::cat(category), cl::desc("Pseudo-random parameters (default seed: 0)"));
static cl::opt<ImportOptions::ElementType>
    randomType("random-dtype", cl::cat(category),
               cl::desc("Element type of pseudo-random tables and matrices (default: f32)"),
               cl::values(clEnumValN(ImportOptions::ElementType::F32, "f32", ""),
                          clEnumValN(ImportOptions::ElementType::F16, "f16", ""),
                          clEnumValN(ImportOptions::ElementType::BF16, "bf16", "")));
static cl::list<std::string> layerKinds("layer-kinds", cl::CommaSeparated, cl::value_desc("kind"), cl::cat(category),
                                        cl::desc("Layers as memory or dense: one word for all, or one for each"));
static cl::opt<std::string> tableType("table-dtype", cl::value_desc("type"), cl::cat(category), cl::init("keep"),
                                      cl::desc("Tables as f32, bf16, f16, i8 or i4 (default: keep)"));
static cl::opt<std::string> headType("head-dtype", cl::value_desc("type"), cl::cat(category), cl::init("keep"),
                                     cl::desc("Head as f32, bf16, f16, i8 or i4 (default: keep)"));
static cl::opt<std::string> cacheType("cache-dtype", cl::value_desc("type"), cl::cat(category), cl::init("auto"),
                                      cl::desc("Caches of keys and values as f32, bf16 or f16 (default: auto, bf16 "
                                               "with tables or weights of integers, else keep, f32)"));
static cl::opt<int64_t> headGroup("head-group", cl::value_desc("n"), cl::cat(category), cl::init(32),
                                  cl::desc("Features that share a scale of an i4 head (default: 32; 0: all)"));
static cl::opt<std::string> weightType("weight-dtype", cl::value_desc("type"), cl::cat(category), cl::init("keep"),
                                       cl::desc("Other dense weights as f32, bf16, f16, i8 or i4 (default: keep)"));
static cl::opt<int64_t> weightGroup("weight-group", cl::value_desc("n"), cl::cat(category), cl::init(32),
                                    cl::desc("Features that share a scale of an i4 weight (default: 32; 0: all)"));
static cl::opt<std::string> pruneTables("prune-tables", cl::value_desc("counts.json"), cl::cat(category),
                                        cl::desc("Drop rows of tables that are hardly used, by a file of mf-run "
                                                 "--count-codes"));
static cl::opt<int64_t> pruneAtMost("prune-at-most", cl::value_desc("n"), cl::cat(category), cl::init(0),
                                    cl::desc("Uses of a row that --prune-tables drops (default: 0)"));
static cl::opt<std::string> pruneWeights("prune-weights", cl::value_desc("n:m"), cl::cat(category),
                                         cl::desc("Keep n of each m adjacent features of dense weights, e.g. 2:4"));
static cl::opt<bool> traceCodes("trace-codes", cl::cat(category),
                                cl::desc("Add the entry point that mf-run --count-codes calls"));
static cl::opt<unsigned> jobs("j", cl::value_desc("n"), cl::cat(category),
                              cl::desc("Threads (default: as many as the process may use)"));
static cl::opt<Sanitizer> sanitizer("sanitize", cl::cat(category), cl::desc("Instrument the library (x86-64)"),
                                    cl::values(clEnumValN(Sanitizer::Address, "address", ""),
                                               clEnumValN(Sanitizer::Thread, "thread", "")));
static cl::opt<bool> embed("embed-parameters", cl::cat(category),
                           cl::desc("Put the parameters into the library (at most 64 MiB)"));
static cl::opt<ReportKind>
    report("report", cl::ValueOptional, cl::cat(category), cl::desc("Sizes, times and costs on standard error"),
           cl::values(clEnumValN(ReportKind::Text, "", ""), clEnumValN(ReportKind::Text, "text", ""),
                      clEnumValN(ReportKind::JSON, "json", "")));
static cl::opt<int64_t> tokens("tokens", cl::value_desc("n"), cl::cat(category), cl::init(-1),
                               cl::desc("Report: tokens of the call whose cost is evaluated"));
static cl::opt<int64_t> cache("cache", cl::value_desc("n"), cl::cat(category), cl::init(0),
                              cl::desc("Report: tokens of its sequence before that call (default: 0)"));

static cl::extrahelp exitCodes("\nExit status:\n"
                               "  0  done\n"
                               "  1  the model, checkpoint or module that was given is wrong\n"
                               "  2  the command line is wrong\n"
                               "  3  a file cannot be read or written\n"
                               "  4  the model cannot be compiled, or the compiler is at fault\n");

static int fail(ErrorKind kind, const llvm::Twine &message) {
  llvm::errs() << "mf-compile: error: " << message << "\n";
  return static_cast<int>(kind);
}

/// Hides the options of LLVM and MLIR from --help; --help-hidden lists them.
static void hideForeignOptions() {
  for (auto &entry : cl::getRegisteredOptions())
    if (!llvm::is_contained(entry.second->Categories, &category) && entry.first != "help" && entry.first != "version")
      if (entry.second->getOptionHiddenFlag() == cl::NotHidden)
        entry.second->setHiddenFlag(cl::Hidden);
}

/// Parses the command line; false after a message.
static bool parseCommandLine(int argc, char **argv) {
  hideForeignOptions();
  cl::SetVersionPrinter([](llvm::raw_ostream &os) { os << "mf-compile " << getCompilerVersion() << "\n"; });
  std::string message;
  llvm::raw_string_ostream os(message);
  if (cl::ParseCommandLineOptions(argc, argv, "MemoryFormer compiler\n", &os))
    return true;
  // A wrong value has been told on standard error already.
  llvm::StringRef text = llvm::StringRef(message).trim().split('\n').first;
  text.consume_front("mf-compile: ");
  if (!text.empty())
    fail(ErrorKind::CommandLine, text);
  return false;
}

/// Parses --prune-weights=n:m; false after a message.
static bool convertPruning(CompilerOptions &options) {
  if (pruneWeights.empty())
    return true;
  auto [kept, of] = llvm::StringRef(pruneWeights).split(':');
  if (!kept.getAsInteger(10, options.pruneKept) && !of.getAsInteger(10, options.pruneOf) && options.pruneKept >= 1 &&
      options.pruneKept < options.pruneOf && options.pruneOf <= 64)
    return true;
  fail(ErrorKind::CommandLine, "--prune-weights expects n:m with 1 <= n < m <= 64, found '" + pruneWeights + "'");
  return false;
}

/// The options as the library takes them; false after a message.
static bool convertOptions(CompilerOptions &options) {
  options.input = input;
  options.output = output;
  if (emitKind.getNumOccurrences())
    options.emit = emitKind;
  options.compileTo = compileTo;
  options.triple = triple;
  options.cpus.assign(cpus.begin(), cpus.end());
  options.variant = variant;
  options.gpuArchs.assign(gpuArchs.begin(), gpuArchs.end());
  options.ptxas = ptxas;
  options.gpuHost = gpuHost;
  options.gpuKernels = gpuKernels;
  options.strategyFile = strategy;
  options.name = name;
  options.randomElementType = randomType;
  options.tableType = tableType;
  options.cacheType = cacheType;
  options.headType = headType;
  options.headGroup = headGroup;
  options.weightType = weightType;
  options.weightGroup = weightGroup;
  options.layerKinds.assign(layerKinds.begin(), layerKinds.end());
  options.pruneTables = pruneTables;
  options.pruneAtMost = pruneAtMost;
  options.traceCodes = traceCodes;
  options.jobs = jobs;
  options.sanitizer = sanitizer;
  options.embedParameters = embed;
  options.report = report;
  if (tokens.getNumOccurrences() || cache.getNumOccurrences()) {
    if (tokens < 0 || cache < 0 || report == ReportKind::None) {
      fail(ErrorKind::CommandLine,
           "--tokens and --cache are for --report, and expect --tokens=N and --cache=N from 0 on");
      return false;
    }
    options.reportSizes["tokens"] = tokens;
    options.reportSizes["cache"] = cache;
  }
  if (!convertPruning(options))
    return false;
  options.progress = llvm::sys::Process::StandardErrIsDisplayed();
  if (!randomWeights.getNumOccurrences())
    return true;
  uint64_t seed = 0;
  if (!randomWeights.empty() && llvm::StringRef(randomWeights).getAsInteger(10, seed)) {
    fail(ErrorKind::CommandLine, "--random-weights expects a seed of 64 bits, found '" + randomWeights + "'");
    return false;
  }
  options.randomSeed = seed;
  return true;
}

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registerAllDialectsAndPasses(registry);
  mlir::registerAsmPrinterCLOptions();
  mlir::registerMLIRContextCLOptions();
  mlir::registerPassManagerCLOptions();
  if (!parseCommandLine(argc, argv))
    return static_cast<int>(ErrorKind::CommandLine);
  if (input.empty())
    return fail(ErrorKind::CommandLine, "no model: give a checkpoint directory, a configuration or a module");
  // The linker in this process registers an option of the same name.
  cpus.removeArgument();
  CompilerOptions options;
  if (!convertOptions(options))
    return static_cast<int>(ErrorKind::CommandLine);
  int status = 0;
  llvm::handleAllErrors(
      compile(options, registry), [&](const CompileError &error) { status = fail(error.getKind(), error.message()); },
      [&](const llvm::ErrorInfoBase &error) { status = fail(ErrorKind::Compile, error.message()); });
  return status;
}
