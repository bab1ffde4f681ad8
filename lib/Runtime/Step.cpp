// Appending tokens. Everything is checked before anything is written; then chunks of at most max_tokens_per_call tokens
// run, in the order of the feeds, and put their logits straight into the caller's rows, or only the likeliest tokens.
#include "Error.h"
#include "Session.h"
#include "Tensor.h"

namespace mf::rt {

/// Reads token `index` of a checked i32 or i64 list.
static int64_t readToken(const void *tokens, bool wide, int64_t index) {
  return wide ? static_cast<const int64_t *>(tokens)[index] : static_cast<const int32_t *>(tokens)[index];
}

static bool isWide(const DLTensor *tokens) { return tokens->dtype.bits == 64; }

/// Checks a list of token ids of any rank.
static mf_status checkTokens(const mf_session &session, const TensorName &name, const DLTensor *tokens, int32_t rank,
                             int64_t &count) {
  if (mf_status status = checkLayout(name, tokens, rank))
    return status;
  if (!isDtype(tokens->dtype, dtypeI32) && !isDtype(tokens->dtype, dtypeI64)) {
    char found[40];
    dtypeText(tokens->dtype.code, tokens->dtype.bits, tokens->dtype.lanes, found, sizeof(found));
    return failTensor(name, "dtype: expected i32 or i64, found %s", found);
  }
  void *data;
  if (mf_status status = tensorData(name, tokens, data))
    return status;
  count = 1;
  for (int32_t axis = 0; axis < rank; ++axis)
    if (__builtin_mul_overflow(count, tokens->shape[axis], &count))
      return failTensor(name, "its size overflows 64 bits");
  for (int64_t i = 0; i < count; ++i) {
    int64_t token = readToken(data, isWide(tokens), i);
    if (token < 0 || token >= session.vocabulary)
      return failTensor(name, "token %lld: expected 0 to %d, found %lld", (long long)i, session.vocabulary - 1,
                        (long long)token);
  }
  return MF_OK;
}

static mf_status checkPositions(const mf_session &session, int32_t length, int64_t count, const TensorName &name) {
  if (count <= session.maxPositions - length)
    return MF_OK;
  failTensor(name, "%lld tokens after the %d of its sequence pass the session's %d positions", (long long)count, length,
             session.maxPositions);
  return MF_LIMIT_EXCEEDED;
}

/// Checks a feed, marks its sequence and adds its rows of logits.
static mf_status checkFeed(mf_session &session, const mf_feed &feed, int32_t index, int64_t &rows) {
  if (mf_status status = checkSequence(&session, feed.sequence))
    return status;
  Sequence &sequence = session.sequences[feed.sequence];
  if (sequence.marked)
    return fail(MF_INVALID_ARGUMENT, "feeds[%d].sequence: sequence %d has a feed before", index, feed.sequence);
  sequence.marked = true;
  TensorName name = {"feeds", index, ".tokens"};
  int64_t count;
  if (mf_status status = checkTokens(session, name, feed.tokens, 1, count))
    return status;
  if (count == 0)
    return failTensor(name, "expected at least one token, found none");
  if (mf_status status = checkPositions(session, sequence.length, count, name))
    return status;
  switch (numberOf(feed.logits)) {
  case MF_LOGITS_NONE:
    return MF_OK;
  case MF_LOGITS_LAST:
    rows += 1;
    return MF_OK;
  case MF_LOGITS_ALL:
    rows += count;
    return MF_OK;
  }
  return fail(MF_INVALID_ARGUMENT, "feeds[%d].logits: expected 0 (none), 1 (last) or 2 (all), found %d", index,
              numberOf(feed.logits));
}

/// Checks that `logits` is f32 [leading..., vocabulary].
static mf_status checkLogits(const mf_session &session, const DLTensor *logits, const int64_t *leading, int32_t rank,
                             void *&data) {
  TensorName name = {"logits", -1, ""};
  if (mf_status status = checkLayout(name, logits, rank, modelDevice(*session.model)))
    return status;
  if (mf_status status = checkDtype(name, logits, dtypeF32))
    return status;
  for (int32_t axis = 0; axis < rank; ++axis)
    if (mf_status status = checkExtent(name, logits, axis, axis < rank - 1 ? leading[axis] : session.vocabulary))
      return status;
  return tensorData(name, logits, data);
}

namespace {
/// Where the likeliest tokens of rows go: `count` a row, the logits nowhere where they are null.
struct BestRows {
  int64_t count;
  int32_t *ids;
  float *logits;

  /// Takes the first ones of each of `rows` rows that have run, and goes on behind them.
  void take(const mf_session &session, int64_t rows);
};

/// Gathers tokens into chunks and runs them.
struct ChunkRunner {
  mf_session &session;
  float *logits;            ///< next row to write
  bool onDevice;            ///< whether that is in the device's memory
  BestRows *best = nullptr; ///< what is written instead
  int32_t tokens = 0, rows = 0;
  mf_status status = MF_OK; ///< of the chunks that ran; none runs after one that failed

  /// Appends checked tokens to a slot.
  void append(int32_t slot, const void *list, bool wide, int64_t count, mf_logits wanted);
  /// Runs what is gathered.
  void flush();

private:
  void run();
};
} // namespace

void BestRows::take(const mf_session &session, int64_t rows) {
  for (int64_t row = 0; row < rows; ++row, ids += count) {
    memcpy(ids, session.bestIds + row * session.best, size_t(count) * sizeof(int32_t));
    if (!logits)
      continue;
    memcpy(logits, session.bestLogits + row * session.best, size_t(count) * sizeof(float));
    logits += count;
  }
}

void ChunkRunner::append(int32_t slot, const void *list, bool wide, int64_t count, mf_logits wanted) {
  Sequence &sequence = session.sequences[slot];
  sequence.dirty = true;
  for (int64_t i = 0; i < count; ++i) {
    session.tokens[tokens] = int32_t(readToken(list, wide, i));
    session.slots[tokens] = slot;
    session.positions[tokens] = sequence.length++;
    if (wanted == MF_LOGITS_ALL || (wanted == MF_LOGITS_LAST && i == count - 1))
      session.rows[rows++] = tokens;
    if (++tokens == session.maxTokens)
      flush();
  }
}

void ChunkRunner::flush() {
  if (tokens > 0 && !status)
    run();
  tokens = rows = 0;
}

static mf_status runStep(mf_session &session) {
  mf_model &model = *session.model;
  if (!session.lane)
    return runEntry(model, *session.code, session.dims, session.operands, session.workspace.base);
  int32_t index = int32_t(session.entry - model.plan->entries);
  return model.backend->run(*session.lane, {index, session.dims, session.operands, session.onDevice});
}

void ChunkRunner::run() {
  if (session.dimIndex.tokens >= 0)
    session.dims[session.dimIndex.tokens] = tokens;
  if (session.dimIndex.rows >= 0)
    session.dims[session.dimIndex.rows] = best ? 0 : rows;
  if (session.dimIndex.picks >= 0)
    session.dims[session.dimIndex.picks] = best ? rows : 0;
  // Without rows the output has no elements, but still an address.
  void *output = rows && !best ? static_cast<void *>(logits) : session.weights;
  session.operands[session.logitsOperand] = output;
  session.onDevice[session.logitsOperand] = onDevice && output == logits;
  status = runStep(session);
  if (status)
    return;
  if (best)
    best->take(session, rows);
  else if (rows)
    logits += int64_t(rows) * session.vocabulary;
}

static mf_status checkFeeds(mf_session &session, const mf_feed *feeds, int32_t count, int64_t &rows) {
  mf_status status = MF_OK;
  int32_t checked = 0;
  for (; checked < count && !status; ++checked)
    status = checkFeed(session, feeds[checked], checked, rows);
  for (int32_t i = 0; i < checked; ++i)
    if (feeds[i].sequence >= 0 && feeds[i].sequence < session.maxSequences)
      session.sequences[feeds[i].sequence].marked = false;
  return status;
}

/// Checks what both forms of a step are given, and counts the rows that are asked for.
static mf_status checkStep(const char *name, mf_session *session, const mf_feed *feeds, int32_t feedCount,
                           int64_t &rows) {
  if (!session)
    return fail(MF_INVALID_ARGUMENT, "%s: session: expected a session, found null", name);
  if (feedCount < 0 || (feedCount > 0 && !feeds))
    return fail(MF_INVALID_ARGUMENT, "%s: feeds: expected at least 0 feeds, found %d%s", name, feedCount,
                feeds ? "" : " (null)");
  return checkFeeds(*session, feeds, feedCount, rows);
}

static mf_status runFeeds(ChunkRunner runner, const mf_feed *feeds, int32_t feedCount) {
  for (int32_t i = 0; i < feedCount; ++i) {
    const DLTensor *tokens = feeds[i].tokens;
    runner.append(feeds[i].sequence, firstElement(tokens), isWide(tokens), tokens->shape[0], feeds[i].logits);
  }
  runner.flush();
  return runner.status;
}

mf_status step(mf_session *session, const mf_feed *feeds, int32_t feedCount, DLTensor *logits) {
  int64_t rows = 0;
  if (mf_status status = checkStep("step", session, feeds, feedCount, rows))
    return status;
  void *data = nullptr;
  if (logits || rows > 0)
    if (mf_status status = checkLogits(*session, logits, &rows, 2, data))
      return status;
  return runFeeds({*session, static_cast<float *>(data), logits && isOnDevice(logits)}, feeds, feedCount);
}

/// Checks that `tensor` is [rows, count]; `count` 0 takes any from 1 to the model's.
static mf_status checkBest(const mf_session &session, const char *argument, mf_rt_dtype dtype, const DLTensor *tensor,
                           int64_t rows, int64_t &count, void *&data) {
  TensorName name = {argument, -1, ""};
  if (mf_status status = checkLayout(name, tensor, 2))
    return status;
  if (mf_status status = checkDtype(name, tensor, dtype))
    return status;
  if (mf_status status = checkExtent(name, tensor, 0, rows))
    return status;
  if (count == 0 && (tensor->shape[1] < 1 || tensor->shape[1] > session.best))
    return failTensor(name, "dimension 1: expected 1 to %d, the likeliest tokens that this library tells, found %lld",
                      session.best, (long long)tensor->shape[1]);
  if (count == 0)
    count = tensor->shape[1];
  if (mf_status status = checkExtent(name, tensor, 1, count))
    return status;
  return tensorData(name, tensor, data);
}

mf_status stepTopK(mf_session *session, const mf_feed *feeds, int32_t feedCount, DLTensor *ids, DLTensor *logits) {
  int64_t rows = 0;
  if (mf_status status = checkStep("step_top_k", session, feeds, feedCount, rows))
    return status;
  if (session->best == 0)
    return fail(MF_UNSUPPORTED, "step_top_k: the function 'step' of model '%s' has no picks; use step and sample",
                session->model->plan->model_name);
  int64_t count = 0;
  void *idData = nullptr, *logitData = nullptr;
  if (ids || rows > 0)
    if (mf_status status = checkBest(*session, "ids", dtypeI32, ids, rows, count, idData))
      return status;
  if (logits)
    if (mf_status status = checkBest(*session, "logits", dtypeF32, logits, rows, count, logitData))
      return status;
  BestRows best = {count, static_cast<int32_t *>(idData), static_cast<float *>(logitData)};
  return runFeeds({*session, nullptr, false, &best}, feeds, feedCount);
}

/// Gives back the slots that forward took.
static void releaseMarked(mf_session &session) {
  for (int32_t slot = 0; slot < session.maxSequences; ++slot)
    if (session.sequences[slot].marked) {
      session.sequences[slot].marked = false;
      releaseSlot(session, slot);
    }
}

mf_status forward(mf_session *session, const DLTensor *ids, DLTensor *logits) {
  if (!session)
    return fail(MF_INVALID_ARGUMENT, "forward: session: expected a session, found null");
  TensorName name = {"ids", -1, ""};
  int64_t count;
  if (mf_status status = checkTokens(*session, name, ids, 2, count))
    return status;
  if (mf_status status = checkPositions(*session, 0, ids->shape[1], name))
    return status;
  void *data;
  if (mf_status status = checkLogits(*session, logits, ids->shape, 3, data))
    return status;
  ChunkRunner runner = {*session, static_cast<float *>(data), isOnDevice(logits)};
  int64_t batch = count ? ids->shape[0] : 0, length = ids->shape[1];
  const char *list = static_cast<const char *>(firstElement(ids));
  for (int64_t row = 0; row < batch; ++row) {
    int32_t slot;
    mf_status status = takeSlot(*session, slot);
    if (!status && slot < 0 && row > 0) {
      // The rows before hold all free slots: run them to the end.
      runner.flush();
      releaseMarked(*session);
      status = takeSlot(*session, slot);
    }
    if (status) {
      releaseMarked(*session);
      return status;
    }
    if (slot < 0)
      return fail(MF_LIMIT_EXCEEDED, "forward: all %d sequences of the session are in use; it needs a free one",
                  session->maxSequences);
    session->sequences[slot].marked = true;
    runner.append(slot, list + row * length * (ids->dtype.bits / 8), isWide(ids), length, MF_LOGITS_ALL);
  }
  runner.flush();
  releaseMarked(*session);
  return runner.status;
}

} // namespace mf::rt
