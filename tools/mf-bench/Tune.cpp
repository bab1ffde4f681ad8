// Times strategies against each other.
#include "Tune.h"
#include "Machine.h"
#include "mf/Codegen/Strategy/Strategies.h"
#include "mf/Codegen/Strategy/Target.h"
#include "mf/Pipelines/Pipelines.h"
#include "mf/Target/Artifact.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/TargetParser/Host.h"

#include <cmath>

using namespace llvm;
using namespace mf::bench;
using namespace mf::run;
using namespace mlir::mf;

/// What a strategy has to win against the selected one, so that noise decides nothing.
static constexpr double leastGain = 0.01;

namespace {
/// A strategy of one op, compiled and timed.
struct Candidate {
  mlir::mf::StrategyAttrInterface strategy;
  std::string problem = ""; ///< why it does not run, or empty
  std::optional<CompiledKernel> compiled = {};
  std::optional<OpenKernel> open = {};
  std::vector<CallCycle> cycles = {}; ///< one a number of tokens, like the next two
  std::vector<int64_t> calls = {};
  std::vector<std::vector<double>> seconds = {};

  /// Median seconds per call for the i-th number of tokens.
  double getSeconds(size_t i) const { return summarize(seconds[i]).median; }
};

/// The search.
class Tuner {
public:
  Tuner(const KernelSettings &settings, const mlir::DialectRegistry &registry)
      : settings(settings), registry(registry), context(registry) {}

  /// Brings the module to where strategies are selected.
  Error load();
  Error tuneAll();
  Error write(StringRef path);
  Table takeTable() { return std::move(table); }

private:
  Error tune(ComputeOpInterface op);
  StrategyRuleAttr makeRule(ComputeOpInterface op, StrategyAttrInterface strategy) const;
  std::string writeRules(ArrayRef<StrategyRuleAttr> all) const;
  Error prepare(ComputeOpInterface op, Candidate &candidate, const Candidate *first);
  Error openKernel(Candidate &candidate, const Candidate *first);
  Error time(std::vector<Candidate> &candidates);
  size_t choose(const std::vector<Candidate> &candidates) const;
  void report(ComputeOpInterface op, const std::vector<Candidate> &candidates, size_t chosen);

  KernelSettings settings;
  const mlir::DialectRegistry &registry;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  CPUTargetAttr target;
  std::vector<StrategyRuleAttr> rules; ///< chosen so far
  Table table;
};
} // namespace

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

/// Whether this CPU has all features of `target`.
static bool runsHere(CPUTargetAttr target) {
  StringMap<bool> host = sys::getHostCPUFeatures();
  SmallVector<StringRef> features;
  target.getFeatures().split(features, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  return all_of(features, [&](StringRef feature) { return !feature.consume_front("+") || host.lookup(feature); });
}

Error Tuner::load() {
  context.loadDialect<MFDialect>();
  std::string triple = llvm::sys::getDefaultTargetTriple(), problem;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) { problem = diagnostic.str(); });
  SmallVector<StringRef> cpus(settings.compile.cpus.begin(), settings.compile.cpus.end());
  auto targets = getTargets(&context, triple, cpus, [&] { return emitError(mlir::UnknownLoc::get(&context)); });
  if (failed(targets))
    return fail(ExitUsage, "--mcpu: " + problem);
  const auto *runs = find_if(*targets, runsHere);
  if (runs == targets->end())
    return fail(ExitUsage, "--tune: this CPU does not run '" + targets->back().getVariant() + "'");
  target = *runs;
  settings.compile.cpus = {target.getVariant().str()};
  auto text = writeInput(settings.kernel, registry);
  if (!text)
    return text.takeError();
  module = mlir::parseSourceString<mlir::ModuleOp>(*text, &context);
  mlir::PassManager passes(&context);
  buildStagePipeline(passes, Stage::Model);
  if (!module || failed(passes.run(*module)))
    return fail(ExitLibrary, "the kernel cannot be compiled: " + problem);
  return Error::success();
}

StrategyRuleAttr Tuner::makeRule(ComputeOpInterface op, StrategyAttrInterface strategy) const {
  return StrategyRuleAttr::get(&const_cast<mlir::MLIRContext &>(context), op->getName().getStringRef(),
                               target.getVariant(), getStrategySizes(op), strategy);
}

std::string Tuner::writeRules(ArrayRef<StrategyRuleAttr> all) const {
  std::string text;
  raw_string_ostream os(text);
  os << "module attributes {mf.strategies = [";
  for (auto [i, rule] : enumerate(all))
    os << (i ? ",\n  " : "\n  ") << rule;
  os << "\n]} {}\n";
  return text;
}

Error Tuner::write(StringRef path) {
  std::string tokens = join(map_range(settings.tokens, [](int64_t count) { return std::to_string(count); }), ",");
  std::string text = ("// mf-bench --tune on " + getMachine().cpu + ": " + stringify(settings.kernel.kind) + ", " +
                      stringify(settings.kernel.dtype) + ", tokens " + tokens + ", threads " +
                      Twine(settings.threads.front()) + ".\n" + writeRules(rules))
                         .str();
  return writeOutput(path, text);
}

//===----------------------------------------------------------------------===//
// Candidates
//===----------------------------------------------------------------------===//

/// Opens the candidate's library with the parameters of the first one where they are the same, so that all of them read
/// the same memory.
Error Tuner::openKernel(Candidate &candidate, const Candidate *first) {
  const CompiledKernel &compiled = *candidate.compiled;
  StringRef digest = "parameters_digest";
  bool isShared = first && first->compiled->getInfo().getString(digest) == compiled.getInfo().getString(digest);
  auto open = OpenKernel::open(compiled, (isShared ? *first->compiled : compiled).getParametersPath(),
                               compiled.getVariants().front(), settings.threads.front(), settings.loadMode, 1);
  if (!open)
    return open.takeError();
  candidate.open = std::move(*open);
  for (int64_t tokens : settings.tokens) {
    auto cycle = CallCycle::create(candidate.open->getModels(), tokens, settings.kernel.bits, 1);
    if (!cycle)
      return cycle.takeError();
    auto calls = calibrate(*cycle);
    if (!calls)
      return calls.takeError();
    candidate.cycles.push_back(std::move(*cycle));
    candidate.calls.push_back(*calls);
    candidate.seconds.emplace_back();
  }
  return Error::success();
}

Error Tuner::prepare(ComputeOpInterface op, Candidate &candidate, const Candidate *first) {
  auto folder = TemporaryFolder::create();
  if (!folder)
    return folder.takeError();
  std::vector<StrategyRuleAttr> all = rules;
  all.push_back(makeRule(op, candidate.strategy));
  CompileSettings compile = settings.compile;
  compile.strategyFile = folder->getFile("strategies.mlir");
  if (Error error = writeOutput(compile.strategyFile, writeRules(all)))
    return error;
  auto compiled = CompiledKernel::compile(settings.kernel, compile, registry);
  if (!compiled) {
    // A strategy that the kernel cannot have is no reason to stop; the selected one is.
    if (!first)
      return compiled.takeError();
    candidate.problem = toString(compiled.takeError());
    return Error::success();
  }
  candidate.compiled = std::move(*compiled);
  return openKernel(candidate, first);
}

//===----------------------------------------------------------------------===//
// Search
//===----------------------------------------------------------------------===//

Error Tuner::time(std::vector<Candidate> &candidates) {
  for (int64_t repetition = 0; repetition < settings.repetitions; ++repetition)
    for (size_t i = 0; i < settings.tokens.size(); ++i)
      for (Candidate &candidate : candidates) {
        if (!candidate.problem.empty())
          continue;
        auto warmUp = candidate.cycles[i].time(1), seconds = candidate.cycles[i].time(candidate.calls[i]);
        if (!warmUp || !seconds)
          return joinErrors(warmUp.takeError(), seconds.takeError());
        candidate.seconds[i].push_back(*seconds);
      }
  return Error::success();
}

size_t Tuner::choose(const std::vector<Candidate> &candidates) const {
  size_t best = 0;
  double bestSum = std::log(1 - leastGain) * double(settings.tokens.size());
  for (size_t c = 1; c < candidates.size(); ++c) {
    if (!candidates[c].problem.empty())
      continue;
    double sum = 0;
    for (size_t i = 0; i < settings.tokens.size(); ++i)
      sum += std::log(candidates[c].getSeconds(i) / candidates[0].getSeconds(i));
    if (sum < bestSum) {
      best = c;
      bestSum = sum;
    }
  }
  return best;
}

void Tuner::report(ComputeOpInterface op, const std::vector<Candidate> &candidates, size_t chosen) {
  for (auto [c, candidate] : enumerate(candidates))
    for (auto [i, tokens] : enumerate(settings.tokens)) {
      json::Value microseconds = nullptr, spread = nullptr, relative = nullptr;
      if (candidate.problem.empty()) {
        Summary summary = summarize(candidate.seconds[i]);
        microseconds = summary.median * 1e6 / double(tokens);
        spread = summary.spreadPercent;
        relative = summary.median / candidates[0].getSeconds(i);
      }
      std::string strategy;
      raw_string_ostream(strategy) << candidate.strategy;
      StringRef note = c == chosen ? "chosen" : c == 0 ? "selected without a file" : "";
      table.add({{"op", op->getName().getStringRef().str()},
                 {"strategy", strategy},
                 {"tokens", tokens},
                 {"us/token", std::move(microseconds)},
                 {"spread %", std::move(spread)},
                 {"of selected", std::move(relative)},
                 {"note", candidate.problem.empty() ? note.str() : candidate.problem}});
    }
}

Error Tuner::tune(ComputeOpInterface op) {
  std::vector<Candidate> candidates;
  for (StrategyAttrInterface strategy : listStrategies(op, target))
    candidates.push_back({strategy});
  if (candidates.size() < 2)
    return Error::success();
  for (auto [c, candidate] : enumerate(candidates))
    if (Error error = prepare(op, candidate, c ? &candidates.front() : nullptr))
      return error;
  if (Error error = time(candidates))
    return error;
  size_t chosen = choose(candidates);
  report(op, candidates, chosen);
  rules.push_back(makeRule(op, candidates[chosen].strategy));
  return Error::success();
}

Error Tuner::tuneAll() {
  SmallVector<ComputeOpInterface> ops;
  module->walk([&](ComputeOpInterface op) { ops.push_back(op); });
  for (ComputeOpInterface op : ops)
    if (Error error = tune(op))
      return error;
  if (rules.empty())
    return fail(ExitUsage,
                "--tune: there is one strategy only for each op of '" + stringify(settings.kernel.kind) + "'");
  return Error::success();
}

Expected<Table> mf::bench::tuneKernel(const KernelSettings &settings, StringRef path,
                                      const mlir::DialectRegistry &registry) {
  Tuner tuner(settings, registry);
  if (Error error = tuner.load())
    return error;
  if (Error error = tuner.tuneAll())
    return error;
  if (Error error = tuner.write(path))
    return error;
  return tuner.takeTable();
}
