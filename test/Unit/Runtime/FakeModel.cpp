// The fake model's entries and plan.
#include "FakeModel.h"

#include "FloatEnvironment.h"

#include <cstring>

namespace mf::test {

thread_local Observation observation;

static uint32_t mixToken(uint32_t hash, int32_t token, const int32_t *embedding) {
  return hash * 31 + uint32_t(embedding[token]);
}

static float logitOf(uint32_t hash, int32_t id) {
  return float((hash * 2654435761u + uint32_t(id) * 40503u) >> 8 & 0xffff);
}

static int32_t embeddingOf(int32_t token) { return token * token + 5; }

std::vector<float> expectedLogits(const std::vector<int32_t> &tokens) {
  uint32_t hash = 0;
  for (int32_t token : tokens)
    hash = hash * 31 + uint32_t(embeddingOf(token));
  std::vector<float> logits;
  for (int32_t id = 0; id < vocabulary; ++id)
    logits.push_back(logitOf(hash, id));
  return logits;
}

/// The dimensions of the step entry, in their order.
enum StepDim { tokensDim, rowsDim, sequencesDim, positionsDim };

namespace {
/// One token's place in a state tensor of either kind with positions.
struct KeyValueState {
  int32_t *data;
  int64_t sequences, positions;
  bool positionsFirst;

  int32_t &at(int64_t slot, int64_t head, int64_t position, int64_t column) const {
    if (positionsFirst)
      return data[((head * positions + position) * 3 + column) * sequences + slot];
    return data[((slot * 2 + head) * positions + position) * 3 + column];
  }
};
} // namespace

static uint32_t stepKeyValue(const KeyValueState &state, int32_t slot, int32_t position, int32_t token,
                             const int32_t *embedding) {
  for (int64_t head = 0; head < 2; ++head)
    for (int64_t column = 0; column < 3; ++column)
      state.at(slot, head, position, column) = token + int32_t(head * 3 + column);
  uint32_t hash = 0;
  for (int64_t p = 0; p <= position; ++p) {
    // Any corner of the position would do; which one is read depends on it.
    int64_t corner = p % 6;
    hash = mixToken(hash, state.at(slot, corner / 3, p, corner % 3) - int32_t(corner), embedding);
  }
  return hash;
}

static uint32_t stepRecurrent(int32_t *state, int64_t sequences, int32_t slot, int32_t token,
                              const int32_t *embedding) {
  uint32_t hash = mixToken(uint32_t(state[slot]), token, embedding);
  // The second half holds the complement; a copy that misses one of them is seen.
  bool whole = state[slot] == 0 || state[sequences + slot] == ~state[slot];
  state[slot] = int32_t(whole ? hash : 0);
  state[sequences + slot] = ~state[slot];
  return hash;
}

namespace {
struct LogitsLoop {
  const int32_t *rows;
  const uint32_t *hashes;
  float *logits;
};
} // namespace

static void writeLogits(void *closure, int64_t begin, int64_t end, int64_t) {
  const LogitsLoop &loop = *static_cast<const LogitsLoop *>(closure);
  for (int64_t row = begin; row < end; ++row)
    for (int32_t id = 0; id < vocabulary; ++id)
      loop.logits[row * vocabulary + id] = logitOf(loop.hashes[loop.rows[row]], id);
}

template <StateKind kind> static void runStep(const mf_rt_frame *frame) {
  int64_t tokens = frame->dims[tokensDim], sequences = frame->dims[sequencesDim];
  observation.floatControl = rt::readFloatControl();
  observation.tokens = tokens;
  observation.rows = frame->dims[rowsDim];
  ++observation.calls;
  auto *ids = static_cast<const int32_t *>(frame->operands[0]),
       *slots = static_cast<const int32_t *>(frame->operands[1]),
       *positions = static_cast<const int32_t *>(frame->operands[2]);
  auto *state = static_cast<int32_t *>(frame->operands[4]);
  auto *embedding = static_cast<const int32_t *>(frame->parameters[0]);
  auto *hashes = static_cast<uint32_t *>(frame->workspace);
  KeyValueState keyValue = {state, sequences, frame->dims[positionsDim], kind == StateKind::PositionsFirst};
  for (int64_t i = 0; i < tokens; ++i)
    hashes[i] = kind == StateKind::Recurrent ? stepRecurrent(state, sequences, slots[i], ids[i], embedding)
                                             : stepKeyValue(keyValue, slots[i], positions[i], ids[i], embedding);
  LogitsLoop loop = {static_cast<const int32_t *>(frame->operands[3]), hashes,
                     static_cast<float *>(frame->operands[5])};
  mf_rt_parallel_for(frame, writeLogits, &loop, frame->dims[rowsDim]);
}

static int64_t stepWorkspace(const mf_rt_frame *frame) { return frame->dims[tokensDim] * int64_t(sizeof(uint32_t)); }

/// "affine": y[n, 3] = x[n, 3] * embedding[1] + bias[n], through the workspace.
static void runAffine(const mf_rt_frame *frame) {
  auto *x = static_cast<const float *>(frame->operands[0]), *bias = static_cast<const float *>(frame->operands[1]);
  auto *y = static_cast<float *>(frame->operands[2]), *products = static_cast<float *>(frame->workspace);
  float factor = float(static_cast<const int32_t *>(frame->parameters[0])[1]);
  for (int64_t i = 0; i < frame->dims[0] * 3; ++i)
    products[i] = x[i] * factor;
  for (int64_t i = 0; i < frame->dims[0] * 3; ++i)
    y[i] = products[i] + bias[i / 3];
}

static int64_t affineWorkspace(const mf_rt_frame *frame) { return frame->dims[0] * 3 * int64_t(sizeof(float)); }

static const int64_t listShape[] = {-1}, rowsShape[] = {-2}, logitsShape[] = {-2, vocabulary}, matrixShape[] = {-1, 3};
static const int64_t keyValueShape[] = {-3, 2, -4, 3}, positionsFirstShape[] = {2, -4, 3, -3},
                     recurrentShape[] = {2, -3};
static const mf_rt_dtype planF32 = {kDLFloat, 32, 1}, planI32 = {kDLInt, 32, 1};
static mf_rt_tensor stepOperands[] = {
    {"tokens", MF_RT_INPUT, planI32, 1, 0, listShape},    {"slots", MF_RT_INPUT, planI32, 1, 0, listShape},
    {"positions", MF_RT_INPUT, planI32, 1, 0, listShape}, {"rows", MF_RT_INPUT, planI32, 1, 0, rowsShape},
    {"state", MF_RT_STATE, planI32, 4, 0, keyValueShape}, {"logits", MF_RT_OUTPUT, planF32, 2, 0, logitsShape}};
static const mf_rt_tensor affineOperands[] = {{"x", MF_RT_INPUT, planF32, 2, 0, matrixShape},
                                              {"bias", MF_RT_INPUT, planF32, 1, 0, listShape},
                                              {"y", MF_RT_OUTPUT, planF32, 2, 0, matrixShape}};
static const char *const stepDims[] = {"tokens", "rows", "sequences", "positions"}, *const affineDims[] = {"n"};
static const mf_rt_entry entries[] = {{"step", 4, 6, stepDims, stepOperands},
                                      {"affine", 1, 3, affineDims, affineOperands}};
static mf_rt_code code[] = {{nullptr, stepWorkspace}, {runAffine, affineWorkspace}};
static const mf_rt_language_model languageModel = {0, vocabulary, maxPositions, 0};
// The first variant needs a bit that no CPU has.
static const mf_rt_variant variants[] = {{"future", uint64_t(1) << 63, code}, {"base", 0, code}};

// The runtime sees a constant plan; the tests see one that they can change, under another name for the same symbol.
extern mf_rt_plan mutablePlan __asm__("mf_rt_library_plan");
mf_rt_plan mutablePlan = {};

mf_rt_plan &plan() { return mutablePlan; }

void setPlan(StateKind kind) {
  mf_rt_tensor &state = stepOperands[4];
  switch (kind) {
  case StateKind::KeyValue:
    state.rank = 4;
    state.shape = keyValueShape;
    code[0].run = runStep<StateKind::KeyValue>;
    break;
  case StateKind::PositionsFirst:
    state.rank = 4;
    state.shape = positionsFirstShape;
    code[0].run = runStep<StateKind::PositionsFirst>;
    break;
  case StateKind::Recurrent:
    state.rank = 2;
    state.shape = recurrentShape;
    code[0].run = runStep<StateKind::Recurrent>;
    break;
  }
  mutablePlan = {MF_RT_PLAN_VERSION, 2, 2, 0, "fake", "{\"name\": \"fake\"}", 0, nullptr, 0, entries, variants,
                 &languageModel};
}

} // namespace mf::test
