// Continues a prompt of token ids.
#include "Run.h"

#include "llvm/Support/Format.h"

#include <algorithm>
#include <chrono>

using namespace llvm;
using namespace mf::run;
using Clock = std::chrono::steady_clock;

namespace {
/// A session with one sequence, fed and sampled from.
class Generator {
public:
  static Expected<Generator> create(const Model &model, const OpenSettings &open, const GenerateSettings &settings);

  /// Appends ids and draws the next token.
  Expected<int32_t> next(ArrayRef<long long> ids);

  bool isGreedy() const { return sampling.temperature == 0 && session.getLibrary().tellsBest(); }

private:
  Expected<int32_t> nextGreedy(ArrayRef<long long> ids);
  Generator(Session session, const mf_sampling &sampling, int64_t vocabulary)
      : session(std::move(session)), sampling(sampling), logits(vocabulary) {}

  Session session;
  mf_sampling sampling;
  std::vector<float> logits;
  int32_t sequence = 0;
};
} // namespace

/// A compact tensor over memory of the caller; `shape` has to outlive it.
static DLTensor makeTensor(const void *data, DLDataType dtype, MutableArrayRef<int64_t> shape) {
  DLTensor tensor = {};
  tensor.data = const_cast<void *>(data);
  tensor.device = {kDLCPU, 0};
  tensor.ndim = static_cast<int32_t>(shape.size());
  tensor.dtype = dtype;
  tensor.shape = shape.data();
  return tensor;
}

Expected<Generator> Generator::create(const Model &model, const OpenSettings &open, const GenerateSettings &settings) {
  // The last token is drawn, not fed.
  int64_t positions = int64_t(settings.ids.size()) + std::max(settings.maxNewTokens - 1, 0);
  int64_t limit = model.getLibrary().getMaxPositions();
  if (positions > limit)
    return fail(ExitUsage, "a prompt of " + Twine(settings.ids.size()) + " tokens and " + Twine(settings.maxNewTokens) +
                               " new ones need " + Twine(positions) + " positions, the model has " + Twine(limit));
  auto session = Session::create(model, open, std::max(open.maxSequences, 1), static_cast<int32_t>(positions));
  if (!session)
    return session.takeError();
  Generator generator(std::move(*session), settings.sampling, model.getLibrary().getVocabulary());
  const Library &library = model.getLibrary();
  if (Error error = library.check(library.getAPI().sequence_add(generator.session.get(), &generator.sequence)))
    return error;
  return generator;
}

/// Appends ids and takes the likeliest token; its logits stay where they are.
Expected<int32_t> Generator::nextGreedy(ArrayRef<long long> ids) {
  const Library &library = session.getLibrary();
  int64_t idShape[] = {int64_t(ids.size())}, bestShape[] = {1, 1};
  int32_t token = 0;
  DLTensor tokens = makeTensor(ids.data(), {kDLInt, 64, 1}, idShape);
  DLTensor best = makeTensor(&token, {kDLInt, 32, 1}, bestShape);
  mf_feed feed = {sequence, &tokens, MF_LOGITS_LAST};
  if (Error error = library.check(library.getAPI().step_top_k(session.get(), &feed, 1, &best, nullptr)))
    return error;
  if (token < 0)
    return fail(ExitFirstStatus + MF_INVALID_ARGUMENT, "logits: expected a logit above minus infinity, found none");
  return token;
}

Expected<int32_t> Generator::next(ArrayRef<long long> ids) {
  if (isGreedy())
    return nextGreedy(ids);
  const Library &library = session.getLibrary();
  int64_t idShape[] = {int64_t(ids.size())}, rowShape[] = {1, int64_t(logits.size())};
  DLTensor tokens = makeTensor(ids.data(), {kDLInt, 64, 1}, idShape);
  DLTensor row = makeTensor(logits.data(), {kDLFloat, 32, 1}, rowShape);
  mf_feed feed = {sequence, &tokens, MF_LOGITS_LAST};
  if (Error error = library.check(library.getAPI().step(session.get(), &feed, 1, &row)))
    return error;
  DLTensor vector = makeTensor(logits.data(), {kDLFloat, 32, 1}, MutableArrayRef(rowShape).drop_front());
  int32_t token = 0;
  if (Error error = library.check(library.getAPI().sample(session.get(), &vector, &sampling, &token)))
    return error;
  ++sampling.counter;
  return token;
}

static void printRate(StringRef name, int64_t tokens, Clock::duration time) {
  double seconds = std::chrono::duration<double>(time).count();
  errs() << format("%s: %lld tokens in %.3f s, %.1f tokens/s\n", name.str().c_str(), static_cast<long long>(tokens),
                   seconds, seconds > 0 ? double(tokens) / seconds : 0.0);
}

Error mf::run::generate(const Model &model, const OpenSettings &open, const GenerateSettings &settings,
                        raw_ostream &os) {
  auto generator = Generator::create(model, open, settings);
  if (!generator)
    return generator.takeError();
  std::vector<int32_t> generated;
  std::vector<long long> fed = settings.ids;
  Clock::time_point start = Clock::now(), prefilled = start;
  while (static_cast<int32_t>(generated.size()) < settings.maxNewTokens) {
    Expected<int32_t> token = generator->next(fed);
    if (!token)
      return token.takeError();
    if (generated.empty())
      prefilled = Clock::now();
    if (settings.stream) {
      os << (generated.empty() ? "" : ",") << *token;
      os.flush();
    }
    generated.push_back(*token);
    fed.assign(1, *token);
  }
  if (!settings.stream)
    interleave(generated, os, ",");
  os << '\n';
  if (settings.timing && !generated.empty()) {
    printRate("prefill", int64_t(settings.ids.size()), prefilled - start);
    printRate("decode", int64_t(generated.size()) - 1, Clock::now() - prefilled);
  }
  return Error::success();
}
