// Runs a compiled model from the command line: token ids in, token ids out; or any entry point on .npy files.
#include "Run.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"

using namespace llvm;
using namespace mf::run;

static cl::OptionCategory category("mf-run options");
static cl::SubCommand verifyCommand("verify", "Check a parameter file");

static cl::opt<std::string> modelPath(cl::Positional, cl::desc("<model.so>"), cl::cat(category));
static cl::list<long long> ids("ids", cl::desc("Prompt: token ids separated by commas"), cl::CommaSeparated,
                               cl::cat(category));
static cl::opt<int> maxNewTokens("max-new-tokens", cl::desc("Tokens to generate"), cl::init(32), cl::cat(category));
static cl::opt<float> temperature("temperature", cl::desc("0: always the most probable token"), cl::init(0),
                                  cl::cat(category));
static cl::opt<int> topK("top-k", cl::desc("Sample from the k most probable tokens; 0: all"), cl::init(0),
                         cl::cat(category));
static cl::opt<float> topP("top-p", cl::desc("Sample from the smallest set of this probability"), cl::init(1),
                           cl::cat(category));
static cl::opt<unsigned long long> seed("seed", cl::desc("Of the sampling"), cl::init(0), cl::cat(category));
static cl::opt<bool> stream("stream", cl::desc("Print each id when it is known"), cl::cat(category));
static cl::opt<std::string> entryName("entry",
                                      cl::desc("Entry point to call; 'forward' of a language model takes ids "
                                               "[batch, length]"),
                                      cl::cat(category));
static cl::list<std::string> inputs("input", cl::desc("Input of the entry, in operand order or by name"),
                                    cl::value_desc("[name=]@x.npy"), cl::cat(category));
static cl::list<std::string> outputs("output", cl::desc("File for an output; outputs without one are printed shortly"),
                                     cl::value_desc("[name=]@y.npy"), cl::cat(category));
static cl::list<std::string> expected("expected", cl::desc("What an output must be"), cl::value_desc("[name=]@z.npy"),
                                      cl::cat(category));
static cl::opt<double> absoluteTolerance("atol", cl::desc("Accepted absolute error of --expected"), cl::init(0),
                                         cl::cat(category));
static cl::opt<double> relativeTolerance("rtol", cl::desc("Accepted relative error of --expected"), cl::init(0),
                                         cl::cat(category));
static cl::opt<std::string> countFile("count-codes", cl::desc("Write how often the ids use each row of each table"),
                                      cl::value_desc("counts.json"), cl::cat(category));
static cl::opt<std::string> idsFile("ids-file", cl::desc("Ids of --count-codes: .npy, or ids in a text"),
                                    cl::value_desc("file"), cl::cat(category));
static cl::opt<int64_t> window("window", cl::desc("Tokens of a sequence of --count-codes; 0: 512"), cl::init(0),
                               cl::cat(category));
static cl::opt<bool> showInfo("info", cl::desc("Print what was compiled, as JSON"), cl::cat(category));
static cl::opt<std::string> parameters("parameters", cl::desc("Parameter file; default: the one beside the library"),
                                       cl::cat(category));
static cl::opt<mf_load_mode> loadMode("load", cl::desc("How parameters enter memory"), cl::init(MF_LOAD_MAP),
                                      cl::values(clEnumValN(MF_LOAD_MAP, "map", "Mapped, shared between processes"),
                                                 clEnumValN(MF_LOAD_COPY, "copy", "Read into huge pages")),
                                      cl::cat(category));
static cl::opt<int> threads("threads", cl::desc("Threads; 0: as many as the process may use"), cl::init(0),
                            cl::cat(category));
static cl::opt<std::string> variant("variant", cl::desc("Instruction-set variant; default: the best this CPU runs"),
                                    cl::cat(category));
static cl::opt<std::string> device("device",
                                   cl::desc("What runs the model: cpu (default), gpu-host (its kernels for GPUs on "
                                            "threads of this CPU, mf-compile --gpu-host) or cuda:N (a CUDA device, "
                                            "mf-compile --gpu-arch)"),
                                   cl::init("cpu"), cl::cat(category));
static cl::opt<bool> check("check", cl::desc("gpu-host: check accesses to memory, races and divergence"),
                           cl::cat(category));
static cl::opt<CountFormat> countFormat("count", cl::desc("gpu-host: print what kernels moved and executed to stderr"),
                                        cl::init(CountFormat::None),
                                        cl::values(clEnumValN(CountFormat::JSON, "json", "As JSON")),
                                        cl::cat(category));
static cl::opt<int> maxTokensPerCall("max-tokens-per-call", cl::desc("Longer calls run in chunks of this; 0: 2048"),
                                     cl::init(0), cl::cat(category));
static cl::opt<int> maxSequences("max-sequences", cl::desc("Sequences of the session; 0: as many as are needed"),
                                 cl::init(0), cl::cat(category));
static cl::opt<bool> timing("timing", cl::desc("Print times to stderr"), cl::cat(category));

static cl::opt<std::string> verifyPath(cl::Positional, cl::Required, cl::desc("<model.mfp>"), cl::sub(verifyCommand),
                                       cl::cat(category));
static cl::opt<std::string> verifyLibrary("library", cl::desc("Library that the file must belong to"),
                                          cl::sub(verifyCommand), cl::cat(category));
static cl::extrahelp exitCodes(exitCodeHelp);

/// The options that say how to open the model, once they go together.
static Expected<OpenSettings> getOpenSettings() {
  OpenSettings settings = {parameters, variant,          device,       loadMode,
                           threads,    maxTokensPerCall, maxSequences, /*verify=*/false};
  if (!check && countFormat == CountFormat::None)
    return settings;
  if (device != "gpu-host" || !variant.empty())
    return fail(ExitUsage, "--check and --count are for --device=gpu-host");
  settings.variant = "gpu-host-checked";
  return settings;
}

static Error runVerify() {
  if (verifyLibrary.empty())
    return verifyParameterFile(verifyPath, nullptr, outs());
  auto library = Library::load(verifyLibrary);
  return library ? verifyParameterFile(verifyPath, &*library, outs()) : library.takeError();
}

static Error runGenerate(const Model &model, const OpenSettings &open) {
  if (!model.getLibrary().isLanguageModel())
    return fail(ExitUsage, "--ids: the library is no language model; call an entry point with --entry");
  if (maxNewTokens < 0)
    return fail(ExitUsage, "--max-new-tokens: expected at least 0, found " + Twine(maxNewTokens.getValue()));
  GenerateSettings settings;
  settings.ids = ids;
  settings.maxNewTokens = maxNewTokens;
  settings.sampling = {sizeof(mf_sampling), temperature, topK, topP, seed, 0};
  settings.stream = stream;
  settings.timing = timing;
  return generate(model, open, settings, outs());
}

static Error runAction(const Model &model, const OpenSettings &open) {
  if (!countFile.empty())
    return countCodes(model, {countFile, ids, idsFile, window}, outs());
  if (!ids.empty())
    return runGenerate(model, open);
  EntrySettings settings = {entryName, inputs, outputs, expected, absoluteTolerance, relativeTolerance, timing};
  return callEntry(model, open, settings, outs());
}

static Error runModel() {
  if (modelPath.empty())
    return fail(ExitUsage, "expected a model library");
  bool counts = !countFile.empty();
  int actions = (!ids.empty() || counts) + !entryName.empty() + showInfo;
  if (actions != 1)
    return fail(ExitUsage, "expected one of --ids, --entry, --count-codes and --info, found " + Twine(actions));
  if (!counts && (!idsFile.empty() || window.getNumOccurrences()))
    return fail(ExitUsage, "--ids-file and --window need --count-codes");
  if (entryName.empty() && inputs.size() + outputs.size() + expected.size())
    return fail(ExitUsage, "--input, --output and --expected need --entry");
  auto library = Library::load(modelPath);
  if (!library)
    return library.takeError();
  if (showInfo) {
    outs() << formatv("{0:2}\n", json::Value(json::Object(library->getInfo())));
    return Error::success();
  }
  auto open = getOpenSettings();
  if (!open)
    return open.takeError();
  auto model = Model::open(*library, *open);
  if (!model)
    return model.takeError();
  if (Error error = runAction(*model, *open))
    return error;
  return countFormat == CountFormat::JSON ? printCounts(*model, errs()) : Error::success();
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions({&category});
  cl::HideUnrelatedOptions({&category}, verifyCommand);
  std::string usage;
  raw_string_ostream usageStream(usage);
  if (!cl::ParseCommandLineOptions(argc, argv, "Runs compiled MemoryFormer models\n", &usageStream)) {
    errs() << usage;
    return ExitUsage;
  }
  int exitCode = ExitSuccess;
  handleAllErrors(verifyCommand ? runVerify() : runModel(), [&](const Failure &failure) {
    errs() << "mf-run: error: " << failure.message() << '\n';
    exitCode = failure.getExitCode();
  });
  return exitCode;
}
