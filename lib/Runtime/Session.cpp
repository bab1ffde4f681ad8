// Creating a session allocates all that its calls will use: states, workspace and scratch, none of it touched before
// use.
#include "Session.h"

#include "Checked.h"
#include "Error.h"
#include "Tensor.h"
#include "ThreadPool.h"

#include <stdlib.h>

namespace mf::rt {

namespace {
/// Hands out parts of one range. With a null base it only counts, so that the same code sizes and lays out.
struct Arena {
  unsigned char *base;
  uint64_t bytes;
  bool overflow;

  template <typename Element> void take(Element *&pointer, uint64_t count) {
    if (base)
      pointer = reinterpret_cast<Element *>(base + bytes);
    uint64_t size = count;
    overflow |= !multiply(size, sizeof(Element)) || !add(bytes, size) || !roundUp(bytes, 64);
  }
};
} // namespace

static mf_status chooseLimit(const char *name, int32_t given, int32_t fallback, int32_t most, int32_t &limit) {
  limit = given ? given : fallback;
  if (limit >= 1 && limit <= most)
    return MF_OK;
  return fail(MF_INVALID_ARGUMENT, "session_create: %s: expected 1 to %d (0: %d), found %d", name, most, fallback,
              given);
}

static mf_status chooseLimits(const mf_session_options &options, mf_session &session) {
  static constexpr int32_t mostSequences = 1 << 20, mostTokens = 1 << 20, usualTokens = 2048;
  int32_t positions = session.model->plan->language_model->max_positions;
  if (mf_status status = chooseLimit("max_sequences", options.max_sequences, 1, mostSequences, session.maxSequences))
    return status;
  if (mf_status status =
          chooseLimit("max_tokens_per_call", options.max_tokens_per_call, usualTokens, mostTokens, session.maxTokens))
    return status;
  return chooseLimit("max_positions", options.max_positions, positions, positions, session.maxPositions);
}

static int32_t findDim(const mf_rt_entry &entry, const char *name) {
  for (int32_t i = 0; i < entry.dim_count; ++i)
    if (strcmp(entry.dim_names[i], name) == 0)
      return i;
  return -1;
}

/// Checks that the step entry is what mf_rt_language_model promises.
static mf_status checkStepEntry(const mf_session &session) {
  const mf_rt_entry &entry = *session.entry;
  bool good = session.stateCount >= 0;
  for (int32_t i = 0; good && i < entry.operand_count; ++i) {
    const mf_rt_tensor &operand = entry.operands[i];
    bool isInput = i < session.firstState, isOutput = i >= session.logitsOperand;
    int32_t role = isInput ? MF_RT_INPUT : isOutput ? MF_RT_OUTPUT : MF_RT_STATE;
    good = operand.role == role && (!isInput || operand.rank == 1) && (!isOutput || operand.rank == 2);
  }
  if (!good)
    return fail(MF_UNSUPPORTED,
                "entry '%s': expected tokens, slots, positions, rows, states and logits as its operands", entry.name);
  for (int32_t i = 0; i < entry.dim_count; ++i) {
    const char *name = entry.dim_names[i];
    if (strcmp(name, "tokens") && strcmp(name, "rows") && strcmp(name, "picks") && strcmp(name, "sequences") &&
        strcmp(name, "positions"))
      return fail(MF_UNSUPPORTED, "entry '%s': dimension '%s': expected tokens, rows, picks, sequences or positions",
                  entry.name, name);
  }
  return MF_OK;
}

static void layoutScratch(mf_session &session, Arena &arena) {
  arena.take(session.dims, uint64_t(session.entry->dim_count));
  arena.take(session.operands, uint64_t(session.entry->operand_count));
  arena.take(session.onDevice, uint64_t(session.entry->operand_count));
  arena.take(session.states, uint64_t(session.stateCount));
  arena.take(session.sequences, uint64_t(session.maxSequences));
  arena.take(session.tokens, uint64_t(session.maxTokens));
  arena.take(session.slots, uint64_t(session.maxTokens));
  arena.take(session.positions, uint64_t(session.maxTokens));
  arena.take(session.rows, uint64_t(session.maxTokens));
  arena.take(session.bestLogits, uint64_t(session.maxTokens) * uint64_t(session.best));
  arena.take(session.bestIds, uint64_t(session.maxTokens) * uint64_t(session.best));
  arena.take(session.weights, uint64_t(session.vocabulary));
  arena.take(session.order, uint64_t(session.vocabulary));
}

static mf_status mapScratch(mf_session &session) {
  Arena counter = {};
  layoutScratch(session, counter);
  if (mf_status status = mapAnonymous(counter.bytes, "session", session.scratch))
    return status;
  Arena arena = {static_cast<unsigned char *>(session.scratch.base), 0, false};
  layoutScratch(session, arena);
  return MF_OK;
}

/// The positions that the states have room for: whole blocks of those that interleave them.
static int64_t countPositions(const mf_session &session) {
  int64_t block = 1;
  for (int32_t i = 0; i < session.stateCount; ++i) {
    int32_t own = session.entry->operands[session.firstState + i].position_block;
    // Blocks are powers of two.
    block = own > block ? own : block;
  }
  return (session.maxPositions + block - 1) / block * block;
}

/// Sets every dimension to its limit: what the workspace must suffice for.
static void setLimitDims(mf_session &session) {
  const StepDims &index = session.dimIndex;
  const struct {
    int32_t dim;
    int64_t limit;
  } limits[] = {{index.tokens, session.maxTokens},
                {index.rows, session.maxTokens},
                {index.picks, session.maxTokens},
                {index.sequences, session.maxSequences},
                {index.positions, countPositions(session)}};
  for (auto entry : limits)
    if (entry.dim >= 0)
      session.dims[entry.dim] = entry.limit;
}

static void layoutStates(mf_session &session, Arena &arena) {
  for (int32_t i = 0; i < session.stateCount; ++i)
    arena.take(session.states[i].data, session.states[i].bytes);
}

/// Reserves all of a device's memory that the session will use, or none.
static mf_status reserveLane(mf_session &session, uint64_t stateBytes) {
  mf_model &model = *session.model;
  LaneSizes sizes = {stateBytes, 0, 0};
  if (mf_status status = getWorkspaceBytes(model, *session.code, session.dims, sizes.workspace))
    return status;
  if (mf_status status = getOperandBytes(*session.entry, session.dims, sizes.operands))
    return status;
  if (mf_status status = model.backend->createLane(*model.device, session.lane))
    return status;
  return model.backend->reserve(*session.lane, sizes);
}

static mf_status mapStates(mf_session &session) {
  for (int32_t i = 0; i < session.stateCount; ++i) {
    StateBuffer &state = session.states[i];
    if (mf_status status = layoutState(session.entry->operands[session.firstState + i], session.dims,
                                       session.dimIndex.sequences, session.dimIndex.positions, state))
      return status;
    session.recurrent |= state.positions == 0;
  }
  Arena counter = {};
  layoutStates(session, counter);
  if (counter.overflow)
    return fail(MF_OUT_OF_MEMORY, "session_create: the size of the sequences' state overflows 64 bits");
  unsigned char *base;
  if (session.model->device) {
    if (mf_status status = reserveLane(session, counter.bytes))
      return status;
    base = session.model->backend->state(*session.lane);
  } else {
    if (mf_status status = mapAnonymous(counter.bytes, "state of the sequences", session.stateMemory))
      return status;
    base = static_cast<unsigned char *>(session.stateMemory.base);
  }
  Arena arena = {base, 0, false};
  layoutStates(session, arena);
  return MF_OK;
}

static void setOperands(mf_session &session) {
  session.operands[stepTokens] = session.tokens;
  session.operands[stepSlots] = session.slots;
  session.operands[stepPositions] = session.positions;
  session.operands[stepRows] = session.rows;
  for (int32_t i = 0; i < session.stateCount; ++i) {
    session.operands[session.firstState + i] = session.states[i].data;
    session.onDevice[session.firstState + i] = session.lane != nullptr;
  }
  if (session.best > 0) {
    session.operands[stepPicks] = session.rows;
    session.operands[session.logitsOperand + 1] = session.bestLogits;
    session.operands[session.logitsOperand + 2] = session.bestIds;
  }
}

static mf_status fillSession(const mf_session_options &options, mf_session &session) {
  const mf_rt_plan &plan = *session.model->plan;
  const mf_rt_language_model *facts = plan.language_model;
  if (!facts)
    return fail(MF_UNSUPPORTED, "session_create: model '%s' is no language model; use call", plan.model_name);
  session.entry = &plan.entries[facts->step_entry];
  session.code = &plan.variants[session.model->variant].code[facts->step_entry];
  session.vocabulary = facts->vocabulary;
  session.best = facts->best;
  session.firstState = facts->best > 0 ? stepPicks + 1 : stepPicks;
  session.logitsOperand = session.entry->operand_count - (facts->best > 0 ? 3 : 1);
  session.stateCount = session.logitsOperand - session.firstState;
  session.dimIndex = {findDim(*session.entry, "tokens"), findDim(*session.entry, "rows"),
                      findDim(*session.entry, "picks"), findDim(*session.entry, "sequences"),
                      findDim(*session.entry, "positions")};
  if (mf_status status = checkStepEntry(session))
    return status;
  if (mf_status status = chooseLimits(options, session))
    return status;
  if (mf_status status = mapScratch(session))
    return status;
  setLimitDims(session);
  if (mf_status status = mapStates(session))
    return status;
  setOperands(session);
  if (session.lane)
    return MF_OK;
  return mapWorkspace(*session.model, *session.code, session.dims, session.workspace);
}

mf_status createSession(mf_model *model, const mf_session_options *given, mf_session **result) {
  if (!model || !result)
    return fail(MF_INVALID_ARGUMENT, "session_create: %s: expected a pointer, found null", model ? "session" : "model");
  *result = nullptr;
  mf_session_options options = {};
  if (!copyOptions(given, options))
    return fail(MF_INVALID_ARGUMENT, "session_create: options.size: expected %zu, found %zu", sizeof(options),
                given->size);
  mf_session *session = static_cast<mf_session *>(calloc(1, sizeof(mf_session)));
  if (!session)
    return fail(MF_OUT_OF_MEMORY, "session_create: out of memory");
  session->model = model;
  retainModel(model);
  prepareThread();
  if (mf_status status = fillSession(options, *session)) {
    destroySession(session);
    return status;
  }
  *result = session;
  return MF_OK;
}

void destroySession(mf_session *session) {
  if (!session)
    return;
  if (session->lane)
    session->model->backend->destroyLane(session->lane);
  unmap(session->scratch);
  unmap(session->stateMemory);
  unmap(session->workspace);
  closeModel(session->model);
  free(session);
}

} // namespace mf::rt
