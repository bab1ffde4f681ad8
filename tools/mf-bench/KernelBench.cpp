// Times a kernel and compares it with the machine's ceilings.
#include "KernelBench.h"
#include "Machine.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace llvm;
using namespace mf::bench;
using namespace mf::run;

//===----------------------------------------------------------------------===//
// Models and copies
//===----------------------------------------------------------------------===//

/// Files to open: the parameters, and copies of them where they are mapped. Read into memory they are copies anyway.
static Expected<std::string> getCopy(const CompiledKernel &compiled, const std::string &parameters, int64_t copy,
                                     mf_load_mode loadMode) {
  if (copy == 0 || loadMode == MF_LOAD_COPY)
    return parameters;
  std::string path = compiled.getFolder().getFile("copy" + std::to_string(copy) + ".mfp");
  if (std::error_code error = sys::fs::exists(path) ? std::error_code() : sys::fs::copy_file(parameters, path))
    return fail(ExitFile, "cannot copy the parameters to " + path + ": " + error.message());
  return path;
}

Expected<OpenKernel> OpenKernel::open(const CompiledKernel &compiled, const std::string &parameters, StringRef variant,
                                      int64_t threads, mf_load_mode loadMode, int64_t copies) {
  OpenKernel kernel;
  int64_t hugeBytes = getHugePageBytes();
  for (int64_t i = 0; i < copies; ++i) {
    auto path = getCopy(compiled, parameters, i, loadMode);
    if (!path)
      return path.takeError();
    OpenSettings settings;
    settings.parameters = *path;
    settings.variant = variant.str();
    settings.loadMode = loadMode;
    settings.threads = static_cast<int32_t>(threads);
    // Reads all of it: every page is in place before anything is timed.
    settings.verify = true;
    auto model = Model::open(compiled.getLibrary(), settings);
    if (!model)
      return model.takeError();
    kernel.models.push_back(std::move(*model));
  }
  if (getHugePageBytes() - hugeBytes > compiled.getParametersBytes() * copies / 2)
    kernel.pages = Pages::Huge;
  return kernel;
}

std::vector<const Model *> OpenKernel::getModels() const {
  std::vector<const Model *> pointers;
  for (const Model &model : models)
    pointers.push_back(&model);
  return pointers;
}

/// So many copies that a table comes back when the L3 has long forgotten it, as far as memory goes.
static int64_t countCopies(const CompiledKernel &compiled) {
  const Machine &machine = getMachine();
  int64_t bytes = std::max<int64_t>(compiled.getParametersBytes(), 1);
  int64_t wanted = divideCeil(16 * machine.l3Bytes, bytes), most = machine.freeBytes / 2 / bytes;
  return std::max<int64_t>(std::min(wanted, machine.freeBytes ? most : wanted), 2);
}

/// So many sets of inputs that all calls together read four times what the L3 holds.
static int64_t countSets(const Work &work, int64_t copies) {
  double perCall = std::max(work.parameterBytes, 1.0);
  return std::clamp<int64_t>(std::llround(4 * double(getMachine().l3Bytes) / perCall / double(copies)), 2, 1 << 14);
}

//===----------------------------------------------------------------------===//
// Time
//===----------------------------------------------------------------------===//

Expected<int64_t> mf::bench::calibrate(CallCycle &cycle) {
  double start = now();
  int64_t calls = 0;
  while (now() - start < kRepetitionSeconds || calls < 2) {
    auto seconds = cycle.time(1);
    if (!seconds)
      return seconds.takeError();
    ++calls;
  }
  return std::max<int64_t>(1, std::llround(double(calls) * kRepetitionSeconds / (now() - start)));
}

namespace {
/// One number of tokens.
struct Case {
  int64_t tokens = 0;
  CallCycle cycle;
  int64_t calls = 0;                ///< of a repetition
  std::vector<double> seconds = {}; ///< per call
};
} // namespace

static Expected<std::vector<Case>> timeCases(const KernelSettings &settings, const CompiledKernel &compiled,
                                             const OpenKernel &open) {
  std::vector<Case> cases;
  std::vector<const Model *> models = open.getModels();
  for (int64_t tokens : settings.tokens) {
    Work work = describeWork(settings.kernel, tokens, compiled.getInfo());
    int64_t sets = settings.cold ? countSets(work, int64_t(models.size())) : 1;
    auto cycle = CallCycle::create(models, tokens, settings.kernel.bits, sets);
    if (!cycle)
      return cycle.takeError();
    cases.push_back({tokens, std::move(*cycle)});
  }
  for (Case &entry : cases) {
    auto calls = calibrate(entry.cycle);
    if (!calls)
      return calls.takeError();
    entry.calls = *calls;
  }
  for (int64_t repetition = 0; repetition < settings.repetitions; ++repetition)
    for (Case &entry : cases) {
      // The first call after another case's is warm again; with cold tables there is nothing to warm.
      auto warmUp = entry.cycle.time(settings.cold ? 0 : 1), seconds = entry.cycle.time(entry.calls);
      if (!warmUp || !seconds)
        return warmUp ? seconds.takeError() : joinErrors(warmUp.takeError(), seconds.takeError());
      entry.seconds.push_back(*seconds);
    }
  return cases;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

namespace {
/// A share of a ceiling, in percent; null where there is nothing to compare.
struct Shares {
  json::Value arithmetic = nullptr, memory = nullptr, l2 = nullptr;
};
} // namespace

static json::Value getShare(double rate, Ceiling ceiling) {
  return rate > 0 && ceiling.perSecond > 0 ? json::Value(100 * rate / ceiling.perSecond) : json::Value(nullptr);
}

static Shares compare(const KernelSettings &settings, const Work &work, double seconds, int64_t threads, Pages pages,
                      Probe &probe) {
  Shares shares;
  if (!settings.probe)
    return shares;
  if (work.multiplyAdds > 0)
    shares.arithmetic = getShare(work.multiplyAdds / seconds, probe.getMultiplyAdds(threads));
  // What fits into the caches does not come from memory, unless it is other tables each time.
  if (settings.cold || work.parameterBytes > 4 * double(getMachine().l3Bytes)) {
    Ceiling ceiling = work.pieceBytes ? probe.getRandom(threads, work.pieceBytes, pages) : probe.getSequential(threads);
    shares.memory = getShare(work.parameterBytes / seconds, ceiling);
  }
  if (work.gatheredBytes > 0)
    shares.l2 = getShare(work.gatheredBytes / seconds, probe.getL2(threads));
  return shares;
}

static Row describeCase(const KernelSettings &settings, const CompiledKernel &compiled, StringRef variant,
                        int64_t threads, Pages pages, const Case &entry, Probe &probe) {
  const Kernel &kernel = settings.kernel;
  Summary summary = summarize(entry.seconds);
  Work work = describeWork(kernel, entry.tokens, compiled.getInfo());
  double seconds = summary.median, tokens = double(entry.tokens);
  Shares shares = compare(settings, work, seconds, threads, pages, probe);
  std::string size = "-";
  if (kernel.isAttention())
    size = "heads of " + std::to_string(kernel.headSize);
  else if (kernel.kind == KernelKind::Linear)
    size = "to " + std::to_string(kernel.getColumns());
  else
    size = std::to_string(kernel.getTables()) + " x " + std::to_string(kernel.bits) + " bits";
  double bytes = work.parameterBytes + work.activationBytes;
  return {{"kernel", stringify(kernel.kind)},
          {"width", kernel.width},
          {"tables", size},
          {"dtype", stringify(kernel.dtype)},
          {"variant", variant.str()},
          {"load", settings.loadMode == MF_LOAD_COPY ? "copy" : "map"},
          {"pages", compiled.getParametersPath().empty() ? "-"
                    : pages == Pages::Huge               ? "huge"
                                                         : "4 KiB"},
          {"cache", settings.cold ? "cold" : "warm"},
          {"threads", threads},
          {"tokens", entry.tokens},
          {"us/token", seconds * 1e6 / tokens},
          {"best", summary.best * 1e6 / tokens},
          {"spread %", summary.spreadPercent},
          {"GMAC/s", work.multiplyAdds > 0 ? json::Value(work.multiplyAdds / seconds / 1e9) : json::Value(nullptr)},
          {"KB/token", bytes / 1e3 / tokens},
          {"GB/s", bytes / seconds / 1e9},
          {"% of FMA", std::move(shares.arithmetic)},
          {"% of memory", std::move(shares.memory)},
          {"% of L2", std::move(shares.l2)}};
}

Expected<Table> mf::bench::benchKernel(const KernelSettings &settings, Probe &probe,
                                       const mlir::DialectRegistry &registry) {
  auto compiled = CompiledKernel::compile(settings.kernel, settings.compile, registry);
  if (!compiled)
    return compiled.takeError();
  Table table;
  int64_t copies = settings.cold ? countCopies(*compiled) : 1;
  for (const std::string &variant : compiled->getVariants())
    for (int64_t threads : settings.threads) {
      auto open =
          OpenKernel::open(*compiled, compiled->getParametersPath(), variant, threads, settings.loadMode, copies);
      if (!open)
        return open.takeError();
      auto cases = timeCases(settings, *compiled, *open);
      if (!cases)
        return cases.takeError();
      for (const Case &entry : *cases)
        table.add(describeCase(settings, *compiled, variant, threads, open->getPages(), entry, probe));
    }
  return table;
}
