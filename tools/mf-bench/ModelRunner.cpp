// Times calls of a session.
#include "ModelRunner.h"
#include "Statistics.h"

using namespace llvm;
using namespace mf::bench;
using namespace mf::run;

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

Expected<int64_t> mf::bench::countPositions(const std::vector<Test> &tests, const Library &library) {
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

std::string mf::bench::getVariant(const Model &model) {
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
