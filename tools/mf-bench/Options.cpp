// Parses the command line.
#include "Options.h"
#include "Lists.h"
#include "Machine.h"
#include "mf/Target/LibraryPlan.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/CommandLine.h"

using namespace llvm;
using namespace mf::bench;
using namespace mf::run;

static cl::OptionCategory category("mf-bench options");
#define MF_OPTION(type, variable, name, text, initial)                                                                 \
  static cl::opt<type> variable(name, cl::desc(text), cl::init(initial), cl::cat(category))

MF_OPTION(std::string, modelPath, "m", "Model library to measure", "");
MF_OPTION(std::string, threadList, "t", "Threads (default: as many as the process may use)", "");
MF_OPTION(int, repetitions, "r", "Repetitions after the warm-up; the median counts (default: 7)", 7);
MF_OPTION(std::string, prefillList, "p", "Model: tokens of a prefill, 0 for none (default: 512)", "512");
MF_OPTION(std::string, decodeList, "n", "Model: tokens to decode one by one, 0 for none (default: 128)", "128");
MF_OPTION(std::string, depthList, "d", "Model, comparison: tokens in the cache before (default: 0)", "0");
MF_OPTION(std::string, parameters, "parameters", "Model: parameter file (default: beside the library)", "");
MF_OPTION(std::string, variant, "variant", "Model: instruction-set variant (default: the best this CPU runs)", "");
MF_OPTION(std::string, device, "device", "Model: what runs it, as for mf-run (default: the CPU)", "");
MF_OPTION(int, maxTokensPerCall, "max-tokens-per-call", "Model: longer calls run in chunks of this; 0: 2048", 0);
MF_OPTION(int64_t, width, "width", "Kernel: elements of a token (default: 1024)", 1024);
MF_OPTION(int64_t, columns, "columns", "Kernel: outputs of a dense layer (default: width)", 0);
MF_OPTION(int64_t, tables, "tables", "Kernel: tables, one a chunk (default: width / bits)", 0);
MF_OPTION(int64_t, bits, "bits", "Kernel: bits of a code (default: 8)", 8);
MF_OPTION(int64_t, headSize, "head-size", "Kernel: width of a head of attention (default: 64)", 64);
MF_OPTION(std::string, tokenList, "tokens",
          "Kernel, comparison: tokens of a call (default: 1,16,128,512,2048,4096; of a comparison powers of two)",
          "1,16,128,512,2048,4096");
MF_OPTION(bool, cold, "cold", "Kernel: other tables each call, out of memory; 1 to 256 tokens", false);
MF_OPTION(bool, probeMachine, "probe", "Measure the machine's ceilings, for each number of threads", false);
MF_OPTION(int, probeMebibytes, "probe-mib", "Memory to measure on, in MiB; 0: 1024 or 16 times the L3 (default: 0)", 0);
MF_OPTION(bool, noProbe, "no-probe", "Kernel: do not measure ceilings, leave the shares out", false);
MF_OPTION(std::string, tuneFile, "tune", "Kernel: search its strategies, write the choices to this file", "");
MF_OPTION(std::string, strategyFile, "strategy", "Kernel: strategies to compile with, as for mf-compile", "");
static cl::list<std::string> cpus("mcpu", cl::CommaSeparated, cl::cat(category),
                                  cl::desc("Kernel: variants to compile, as for mf-compile (default: native)"));
static cl::list<std::string> compared("compare", cl::multi_val(2), cl::value_desc("a.so b.so"), cl::cat(category),
                                      cl::desc("Two model libraries to measure in turn: which one is faster where"));
static cl::opt<KernelKind>
    kernelKind("kernel", cl::desc("Kernel to compile and measure"), cl::cat(category),
               cl::values(clEnumValN(KernelKind::Lookup, "lookup", "codes and scores to sums of table rows"),
                          clEnumValN(KernelKind::Hash, "hash", "activations to codes and scores"),
                          clEnumValN(KernelKind::Linear, "linear", "dense layer, width to columns"),
                          clEnumValN(KernelKind::Attention, "attention", "causal attention of one sequence"),
                          clEnumValN(KernelKind::LinearAttention, "linear-attention",
                                     "causal linear attention of one sequence, elu + 1"),
                          clEnumValN(KernelKind::MemoryLayer, "memory-layer", "hash, then lookup"),
                          clEnumValN(KernelKind::FFN, "ffn", "hash, lookup, layer norm, hash, lookup")));
static cl::opt<TableType> dtype("dtype", cl::desc("Kernel: of tables and weights (default: f32)"), cl::cat(category),
                                cl::values(clEnumValN(TableType::F32, "f32", ""), clEnumValN(TableType::F16, "f16", ""),
                                           clEnumValN(TableType::BF16, "bf16", ""), clEnumValN(TableType::I8, "i8", ""),
                                           clEnumValN(TableType::I4, "i4", "")));
static cl::opt<mf_load_mode> loadMode("load", cl::desc("How parameters enter memory"), cl::cat(category),
                                      cl::init(MF_LOAD_MAP),
                                      cl::values(clEnumValN(MF_LOAD_MAP, "map", "mapped files (default)"),
                                                 clEnumValN(MF_LOAD_COPY, "copy", "anonymous memory on huge pages")));
static cl::opt<Format> outputFormat("o", cl::desc("Output"), cl::cat(category), cl::init(Format::Markdown),
                                    cl::values(clEnumValN(Format::Markdown, "md", "Markdown table (default)"),
                                               clEnumValN(Format::CSV, "csv", "comma-separated values"),
                                               clEnumValN(Format::JSONLines, "jsonl", "a JSON object a line")));
static cl::extrahelp help("\nEXIT CODES:\n"
                          "  0   success\n"
                          "  1   a module is wrong\n"
                          "  2   the command line is wrong\n"
                          "  3   a file cannot be read or written\n"
                          "  4   a library cannot be loaded, or a kernel cannot be compiled\n"
                          "  11  and more: the library's status, as for mf-run\n"
                          "\nLists are numbers and ranges a-b, a-b+step, a-b*factor, separated by commas.\n");

/// Reads a list into `numbers`.
static Error read(const cl::opt<std::string> &option, int64_t least, std::vector<int64_t> &numbers) {
  auto parsed = parseList((option.ArgStr.size() == 1 ? "-" : "--") + option.ArgStr.str(), option, least);
  if (!parsed)
    return parsed.takeError();
  numbers = std::move(*parsed);
  return Error::success();
}

static Error readModel(ModelSettings &settings) {
  settings.path = modelPath;
  settings.open.parameters = parameters;
  settings.open.variant = variant;
  settings.open.device = device;
  settings.open.loadMode = loadMode;
  settings.open.maxTokensPerCall = maxTokensPerCall;
  settings.repetitions = repetitions;
  for (auto [option, numbers] : {std::pair(&prefillList, &settings.prefill), std::pair(&decodeList, &settings.decode),
                                 std::pair(&depthList, &settings.depths)})
    if (Error error = read(*option, 0, *numbers))
      return error;
  return Error::success();
}

static Error readComparison(CompareSettings &settings) {
  if (!parameters.empty())
    return fail(ExitUsage, "--parameters goes with -m alone: --compare takes those beside the libraries");
  if (compared.size() != 2)
    return fail(ExitUsage, "--compare expects two libraries once, found " + Twine(compared.size()));
  settings.a = compared[0];
  settings.b = compared[1];
  settings.open.variant = variant;
  settings.open.loadMode = loadMode;
  settings.open.maxTokensPerCall = maxTokensPerCall;
  settings.repetitions = repetitions;
  if (tokenList.getNumOccurrences())
    if (Error error = read(tokenList, 1, settings.tokens))
      return error;
  return read(depthList, 0, settings.depths);
}

static Error readKernel(KernelSettings &settings) {
  settings.kernel = {kernelKind, width, tables, bits, headSize, dtype, columns};
  settings.compile.cpus.assign(cpus.begin(), cpus.end());
  if (cpus.empty())
    settings.compile.cpus = {"native"};
  settings.compile.strategyFile = strategyFile;
  settings.repetitions = repetitions;
  settings.loadMode = loadMode;
  settings.cold = cold;
  settings.probe = !noProbe;
  if (Error error = checkKernel(settings.kernel))
    return error;
  if (Error error = read(tokenList, 1, settings.tokens))
    return error;
  if (cold && (*max_element(settings.tokens) > 256 || !settings.kernel.hasTables()))
    return fail(ExitUsage, "--cold is for kernels with parameters and for 1 to 256 tokens; give --tokens");
  if (tuneFile.empty())
    return Error::success();
  settings.compile.cpus.assign(cpus.begin(), cpus.end());
  if (settings.threads.size() != 1 || cpus.size() > 1 || cold || !strategyFile.empty())
    return fail(ExitUsage,
                "--tune needs one number of threads (-t) and at most one CPU (--mcpu), and goes with neither "
                "--cold nor --strategy");
  return Error::success();
}

Expected<Options> mf::bench::parseOptions(int argc, char **argv) {
  // The compiler in this process asks for them.
  mlir::registerPassManagerCLOptions();
  cl::HideUnrelatedOptions({&category});
  cl::SetVersionPrinter([](raw_ostream &os) { os << "mf-bench " << mlir::mf::getCompilerVersion() << "\n"; });
  std::string usage;
  raw_string_ostream usageStream(usage);
  if (!cl::ParseCommandLineOptions(argc, argv, "Measures models, kernels and the machine\n", &usageStream))
    return fail(ExitUsage, StringRef(usage).trim().split('\n').first);
  // The linker in this process registers an option of the same name.
  cpus.removeArgument();
  bool isKernel = kernelKind.getNumOccurrences();
  bool isComparison = !compared.empty();
  if (int actions = !modelPath.empty() + isKernel + probeMachine + isComparison; actions != 1)
    return fail(ExitUsage, "expected one of -m, --kernel, --compare and --probe, found " + Twine(actions));
  if (!device.empty() && modelPath.empty())
    return fail(ExitUsage, "--device goes with -m alone; python -m benchmarks measures kernels on devices");
  if (repetitions < 1)
    return fail(ExitUsage, "-r expects at least 1, found " + Twine(repetitions.getValue()));
  if (probeMebibytes < 0 || probeMebibytes > 1 << 20)
    return fail(ExitUsage, "--probe-mib expects 0 to 1048576, found " + Twine(probeMebibytes.getValue()));
  Options options;
  options.probeBytes = int64_t(probeMebibytes) << 20;
  options.action = probeMachine       ? Action::Probe
                   : isComparison     ? Action::Compare
                   : !isKernel        ? Action::Model
                   : tuneFile.empty() ? Action::Kernel
                                      : Action::Tune;
  options.strategyFile = tuneFile;
  if (!tuneFile.empty() && !isKernel)
    return fail(ExitUsage, "--tune needs a --kernel");
  options.format = outputFormat;
  options.threads = {getMachine().cpus};
  if (!threadList.empty())
    if (Error error = read(threadList, 1, options.threads))
      return error;
  options.model.threads = options.kernel.threads = options.compare.threads = options.threads;
  if (isKernel)
    if (Error error = readKernel(options.kernel))
      return error;
  if (isComparison)
    if (Error error = readComparison(options.compare))
      return error;
  if (!modelPath.empty())
    if (Error error = readModel(options.model))
      return error;
  return options;
}
