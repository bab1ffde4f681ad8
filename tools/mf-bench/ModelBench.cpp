// Times sessions of a language model.
#include "ModelBench.h"
#include "Statistics.h"

#include "llvm/Support/Path.h"

using namespace llvm;
using namespace mf::bench;
using namespace mf::run;

namespace {
/// Tokens to append to a sequence of a given length.
struct Test {
  bool isPrefill;
  int64_t depth, tokens;
  std::vector<double> seconds = {};
};

/// A session with one sequence.
class Runner {
public:
  static Expected<Runner> create(const Model &model, const OpenSettings &open, int64_t positions);

  /// Brings the sequence to `depth` tokens.
  Error setDepth(int64_t depth);
  /// Appends `count` tokens in one call, with logits of the last one.
  Error append(int64_t count, mf_logits which);
  /// Appends a token and asks for the likeliest next one, without logits where the library can.
  Error decode();
  /// Seconds of the test; the sequence has its depth.
  Expected<double> time(const Test &test);

private:
  Runner(Session session, int64_t vocabulary, int64_t positions);
  Error check(mf_status status) const { return session.getLibrary().check(status); }
  const mf_api &api() const { return session.getLibrary().getAPI(); }

  Session session;
  int32_t sequence = 0;
  std::vector<int32_t> ids; ///< pseudo-random, one a position
  std::vector<float> logits;
};
} // namespace

Runner::Runner(Session session, int64_t vocabulary, int64_t positions)
    : session(std::move(session)), logits(vocabulary) {
  for (int64_t i = 0; i < positions; ++i)
    ids.push_back(static_cast<int32_t>((uint64_t(i) * 0x9e3779b97f4a7c15 >> 33) % uint64_t(vocabulary)));
}

Expected<Runner> Runner::create(const Model &model, const OpenSettings &open, int64_t positions) {
  auto session = Session::create(model, open, /*maxSequences=*/1, static_cast<int32_t>(positions));
  if (!session)
    return session.takeError();
  Runner runner(std::move(*session), model.getLibrary().getVocabulary(), positions);
  if (Error error = runner.check(runner.api().sequence_add(runner.session.get(), &runner.sequence)))
    return error;
  return runner;
}

Error Runner::append(int64_t count, mf_logits which) {
  int32_t length = 0;
  if (Error error = check(api().sequence_length(session.get(), sequence, &length)))
    return error;
  int64_t idShape[] = {count}, rowShape[] = {1, int64_t(logits.size())};
  DLTensor tokens = {ids.data() + length, {kDLCPU, 0}, 1, {kDLInt, 32, 1}, idShape, nullptr, 0};
  DLTensor row = {logits.data(), {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, rowShape, nullptr, 0};
  mf_feed feed = {sequence, &tokens, which};
  return check(api().step(session.get(), &feed, 1, which == MF_LOGITS_NONE ? nullptr : &row));
}

Error Runner::decode() {
  const Library &library = session.getLibrary();
  if (!library.tellsBest())
    return append(1, MF_LOGITS_LAST);
  int32_t length = 0, best = 0;
  if (Error error = check(api().sequence_length(session.get(), sequence, &length)))
    return error;
  int64_t idShape[] = {1}, bestShape[] = {1, 1};
  DLTensor tokens = {ids.data() + length, {kDLCPU, 0}, 1, {kDLInt, 32, 1}, idShape, nullptr, 0};
  DLTensor result = {&best, {kDLCPU, 0}, 2, {kDLInt, 32, 1}, bestShape, nullptr, 0};
  mf_feed feed = {sequence, &tokens, MF_LOGITS_LAST};
  return check(api().step_top_k(session.get(), &feed, 1, &result, nullptr));
}

Error Runner::setDepth(int64_t depth) {
  int32_t length = 0;
  if (Error error = check(api().sequence_length(session.get(), sequence, &length)))
    return error;
  if (length < depth)
    return append(depth - length, MF_LOGITS_NONE);
  return check(api().sequence_truncate(session.get(), sequence, static_cast<int32_t>(depth)));
}

Expected<double> Runner::time(const Test &test) {
  double start = now();
  for (int64_t done = 0; done < test.tokens; done += test.isPrefill ? test.tokens : 1)
    if (Error error = test.isPrefill ? append(test.tokens, MF_LOGITS_LAST) : decode())
      return error;
  return now() - start;
}

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

/// The variant that an open model runs.
static std::string getVariant(const Model &model) {
  const char *text = nullptr;
  if (model.getLibrary().getAPI().model_info(model.get(), &text) != MF_OK)
    return "";
  auto info = json::parse(text);
  if (!info) {
    consumeError(info.takeError());
    return "";
  }
  const json::Object *object = info->getAsObject(), *runtime = object ? object->getObject("runtime") : nullptr;
  return runtime ? runtime->getString("variant").value_or("").str() : "";
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

/// The positions that the longest test needs.
static Expected<int64_t> countPositions(const std::vector<Test> &tests, const Library &library) {
  int64_t limit = library.getMaxPositions(), positions = 1;
  for (const Test &test : tests) {
    positions = std::max(positions, test.depth + test.tokens);
    if (positions > limit)
      return fail(ExitUsage, Twine(test.isPrefill ? "prefill" : "decode") + " of " + Twine(test.tokens) +
                                 " tokens at depth " + Twine(test.depth) + " needs " + Twine(positions) +
                                 " positions, the model has " + Twine(limit));
  }
  return positions;
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
