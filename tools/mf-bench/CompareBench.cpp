// Times two language models in turn.
#include "CompareBench.h"
#include "ModelRunner.h"
#include "Statistics.h"

#include "llvm/Support/Path.h"

#include <algorithm>
#include <cmath>
#include <optional>

using namespace llvm;
using namespace mf::bench;
using namespace mf::run;

/// Calls of one model in a repetition take at least this long.
static constexpr double repetitionSeconds = 0.01;

namespace {
/// The times of both models in one case.
struct Case {
  int64_t depth, tokens;
  std::vector<double> a = {}, b = {}; ///< seconds of a call, one a repetition
};

/// What a case's repetitions say.
struct Verdict {
  double ratio = 1;  ///< median of times of b over those of a
  double spread = 0; ///< see Summary::spreadPercent
  char faster = 0;   ///< 'a' or 'b'; 0: the quartiles disagree
};
} // namespace

static Expected<Library> loadModel(const std::string &path) {
  auto library = Library::load(path);
  if (library && !library->isLanguageModel())
    return fail(ExitUsage, "--compare: '" + path + "' is no language model");
  return library;
}

/// The cases in ascending order.
static std::vector<Case> listCases(const CompareSettings &settings, int64_t positions) {
  std::vector<Case> cases;
  for (int64_t depth : settings.depths) {
    std::vector<int64_t> tokens = settings.tokens;
    if (tokens.empty())
      for (int64_t count = 1; count + depth <= positions; count *= 2)
        tokens.push_back(count);
    std::sort(tokens.begin(), tokens.end());
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (int64_t count : tokens)
      cases.push_back({depth, count});
  }
  return cases;
}

/// Seconds of a call, over `calls` of them.
static Expected<double> timeCalls(Runner &runner, const Case &test, int64_t calls) {
  double seconds = 0;
  for (int64_t call = 0; call < calls; ++call) {
    if (Error error = runner.setDepth(test.depth))
      return error;
    auto elapsed = runner.time({/*isPrefill=*/true, test.depth, test.tokens});
    if (!elapsed)
      return elapsed.takeError();
    seconds += *elapsed;
  }
  return seconds / double(calls);
}

/// Times one case. The first call of each warms up and says how many calls a repetition has.
static Error timeCase(Runner &a, Runner &b, Case &test, int64_t repetitions) {
  std::pair<Runner *, std::vector<double> *> sides[] = {{&a, &test.a}, {&b, &test.b}};
  int64_t calls[2];
  for (int side : {0, 1}) {
    auto first = timeCalls(*sides[side].first, test, 1);
    if (!first)
      return first.takeError();
    calls[side] = std::clamp<int64_t>(int64_t(repetitionSeconds / std::max(*first, 1e-9)), 1, 1000);
  }
  for (int64_t repetition = 0; repetition < repetitions; ++repetition)
    for (int turn : {0, 1}) {
      int side = (turn + repetition) % 2;
      auto seconds = timeCalls(*sides[side].first, test, calls[side]);
      if (!seconds)
        return seconds.takeError();
      sides[side].second->push_back(*seconds);
    }
  return Error::success();
}

static Verdict judge(const Case &test) {
  std::vector<double> ratios;
  for (auto [a, b] : zip_equal(test.a, test.b))
    ratios.push_back(b / a);
  Summary summary = summarize(ratios);
  Verdict verdict{summary.median, summary.spreadPercent};
  if (summary.lowerQuartile > 1)
    verdict.faster = 'a';
  if (summary.upperQuartile < 1)
    verdict.faster = 'b';
  return verdict;
}

/// Where the line between two points of (log tokens, log ratio) meets a ratio of 1.
static double interpolate(int64_t tokens0, double ratio0, int64_t tokens1, double ratio1) {
  double x0 = std::log(double(tokens0)), x1 = std::log(double(tokens1));
  double y0 = std::log(ratio0), y1 = std::log(ratio1);
  return std::exp(x0 + (x1 - x0) * y0 / (y0 - y1));
}

/// Rows of the cases, which are sorted.
static void addRows(const CompareSettings &settings, int64_t threads, ArrayRef<Case> cases, Table &table) {
  std::optional<std::pair<Case, Verdict>> last; // that one of the two was faster in
  for (const Case &test : cases) {
    Verdict verdict = judge(test);
    if (last && last->first.depth != test.depth)
      last.reset();
    json::Value crossover = nullptr;
    if (verdict.faster) {
      if (last && last->second.faster != verdict.faster)
        crossover = interpolate(last->first.tokens, last->second.ratio, test.tokens, verdict.ratio);
      last.emplace(test, verdict);
    }
    double micro = 1e6 / double(test.tokens);
    table.add({{"a", sys::path::stem(settings.a).str()},
               {"b", sys::path::stem(settings.b).str()},
               {"threads", threads},
               {"depth", test.depth},
               {"tokens", test.tokens},
               {"a us/token", micro * summarize(test.a).median},
               {"b us/token", micro * summarize(test.b).median},
               {"b / a", verdict.ratio},
               {"spread %", verdict.spread},
               {"faster", verdict.faster ? std::string(1, verdict.faster) : "neither"},
               {"crossover", std::move(crossover)}});
  }
}

/// Cases for all positions that both models have; ExitUsage where that is too few.
static Expected<std::vector<Case>> prepareCases(const CompareSettings &settings, const Library &a, const Library &b) {
  std::vector<Case> cases = listCases(settings, std::min(a.getMaxPositions(), b.getMaxPositions()));
  std::vector<Test> tests;
  for (const Case &test : cases)
    tests.push_back({/*isPrefill=*/true, test.depth, test.tokens});
  for (const Library *library : {&a, &b})
    if (auto positions = countPositions(tests, *library); !positions)
      return positions.takeError();
  return cases;
}

Expected<Table> mf::bench::compareModels(const CompareSettings &settings) {
  auto a = loadModel(settings.a), b = loadModel(settings.b);
  if (!a || !b)
    return joinErrors(a.takeError(), b.takeError());
  auto cases = prepareCases(settings, *a, *b);
  if (!cases)
    return cases.takeError();
  int64_t positions = 1;
  for (const Case &test : *cases)
    positions = std::max(positions, test.depth + test.tokens);
  Table table;
  for (int64_t threads : settings.threads) {
    OpenSettings open = settings.open;
    open.threads = static_cast<int32_t>(threads);
    auto modelA = Model::open(*a, open), modelB = Model::open(*b, open);
    if (!modelA || !modelB)
      return joinErrors(modelA.takeError(), modelB.takeError());
    auto runnerA = Runner::create(*modelA, open, positions), runnerB = Runner::create(*modelB, open, positions);
    if (!runnerA || !runnerB)
      return joinErrors(runnerA.takeError(), runnerB.takeError());
    std::vector<Case> timed = *cases;
    for (Case &test : timed)
      if (Error error = timeCase(*runnerA, *runnerB, test, settings.repetitions))
        return error;
    addRows(settings, threads, timed, table);
  }
  return table;
}
