// Times sessions of a language model.
#include "ModelBench.h"
#include "ModelRunner.h"
#include "Statistics.h"

using namespace llvm;
using namespace mf::bench;
using namespace mf::run;

static std::vector<Test> listTests(const ModelSettings &settings) {
  std::vector<Test> tests;
  for (int64_t depth : settings.depths)
    for (bool isPrefill : {true, false})
      for (int64_t tokens : isPrefill ? settings.prefill : settings.decode)
        if (tokens > 0)
          tests.push_back({isPrefill, depth, tokens});
  return tests;
}

/// Runs all tests in turn, once to warm up and then `repetitions` times.
static Error runTests(Runner &runner, std::vector<Test> &tests, int64_t repetitions) {
  for (int64_t repetition = -1; repetition < repetitions; ++repetition)
    for (Test &test : tests) {
      if (Error error = runner.setDepth(test.depth))
        return error;
      auto seconds = runner.time(test);
      if (!seconds)
        return seconds.takeError();
      if (repetition >= 0)
        test.seconds.push_back(*seconds);
    }
  return Error::success();
}

static Row describeTest(const ModelSettings &settings, const Library &library, StringRef variant, int64_t threads,
                        const Test &test) {
  Summary summary = summarize(test.seconds);
  double tokens = double(test.tokens);
  const json::Object &info = library.getInfo();
  return {{"model", info.getString("name").value_or("").str()},
          {"MiB", double(info.getInteger("parameters_bytes").value_or(0)) / (1 << 20)},
          {"variant", variant.str()},
          {"load", settings.open.loadMode == MF_LOAD_COPY ? "copy" : "map"},
          {"threads", threads},
          {"test", test.isPrefill ? "prefill" : "decode"},
          {"tokens", test.tokens},
          {"depth", test.depth},
          {"tokens/s", tokens / summary.median},
          {"best", tokens / summary.best},
          {"spread %", summary.spreadPercent},
          {"ms/token", 1e3 * summary.median / tokens},
          {"model compiler", info.getString("compiler").value_or("").str()}};
}

Expected<Table> mf::bench::benchModel(const ModelSettings &settings) {
  auto library = Library::load(settings.path);
  if (!library)
    return library.takeError();
  if (!library->isLanguageModel())
    return fail(ExitUsage, "-m: '" + settings.path + "' is no language model");
  std::vector<Test> tests = listTests(settings);
  auto positions = countPositions(tests, *library);
  if (!positions)
    return positions.takeError();
  Table table;
  for (int64_t threads : settings.threads) {
    OpenSettings open = settings.open;
    open.threads = static_cast<int32_t>(threads);
    auto model = Model::open(*library, open);
    if (!model)
      return model.takeError();
    auto runner = Runner::create(*model, open, *positions);
    if (!runner)
      return runner.takeError();
    std::vector<Test> timed = tests;
    if (Error error = runTests(*runner, timed, settings.repetitions))
      return error;
    for (const Test &test : timed)
      table.add(describeTest(settings, *library, getVariant(*model), threads, test));
  }
  return table;
}
