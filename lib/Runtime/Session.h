// A session: the sequences of one caller and all memory that its calls use.
#ifndef MF_LIB_RUNTIME_SESSION_H
#define MF_LIB_RUNTIME_SESSION_H

#include "Model.h"
#include "StateBuffer.h"

namespace mf::rt {

/// A slot for a sequence; its index is the caller's handle.
struct Sequence {
  int32_t length;
  bool used;
  bool dirty;  ///< its state was written since it was last clear
  bool marked; ///< belongs to the call that is being checked or run
};

/// The operand positions that mf_rt_language_model promises for the step entry.
/// States follow; before them picks, where there are.
enum StepOperand : int32_t { stepTokens, stepSlots, stepPositions, stepRows, stepPicks };

/// The indices of the step entry's symbolic dimensions; -1 where it has none of the name.
struct StepDims {
  int32_t tokens, rows, picks, sequences, positions;
};

} // namespace mf::rt

struct mf_session {
  mf_model *model;
  const mf_rt_entry *entry;
  const mf_rt_code *code;
  int32_t maxSequences, maxTokens, maxPositions, vocabulary;
  mf::rt::StepDims dimIndex;
  int32_t best; ///< likeliest tokens of a pick; 0: the entry has no picks
  int32_t firstState, stateCount;
  int32_t logitsOperand; ///< best logits and best ids follow
  bool recurrent;        ///< some state has no positions

  // What owns everything below: on a device, states and workspace are the lane's.
  mf::rt::Region scratch, stateMemory, workspace;
  mf::rt::Lane *lane;

  int64_t *dims;
  void **operands;
  bool *onDevice; ///< per operand
  mf::rt::StateBuffer *states;
  mf::rt::Sequence *sequences;                ///< maxSequences
  int32_t *tokens, *slots, *positions, *rows; ///< maxTokens each, of the chunk being built
  float *bestLogits;                          ///< maxTokens x best
  int32_t *bestIds;                           ///< maxTokens x best
  double *weights;                            ///< vocabulary, for sampling
  int32_t *order;                             ///< vocabulary, for sampling
};

namespace mf::rt {

/// The members of mf_api of these names.
mf_status createSession(mf_model *model, const mf_session_options *options, mf_session **session);
void destroySession(mf_session *session);
mf_status addSequence(mf_session *session, int32_t *sequence);
mf_status removeSequence(mf_session *session, int32_t sequence);
mf_status forkSequence(mf_session *session, int32_t sequence, int32_t length, int32_t *forked);
mf_status truncateSequence(mf_session *session, int32_t sequence, int32_t length);
mf_status sequenceLength(const mf_session *session, int32_t sequence, int32_t *length);
mf_status step(mf_session *session, const mf_feed *feeds, int32_t feedCount, DLTensor *logits);
mf_status stepTopK(mf_session *session, const mf_feed *feeds, int32_t feedCount, DLTensor *ids, DLTensor *logits);
mf_status forward(mf_session *session, const DLTensor *ids, DLTensor *logits);
mf_status sample(mf_session *session, const DLTensor *logits, const mf_sampling *sampling, int32_t *token);

/// Checks a handle.
mf_status checkSequence(const mf_session *session, int32_t sequence);

/// Takes a free slot, cleared and of length 0; -1 where all are in use.
mf_status takeSlot(mf_session &session, int32_t &slot);

/// Gives a slot back.
void releaseSlot(mf_session &session, int32_t slot);

/// Empties a slot in use.
mf_status clearSlot(mf_session &session, int32_t slot);

/// Where the session's states are.
StatePlace statePlace(const mf_session &session);

} // namespace mf::rt

#endif // MF_LIB_RUNTIME_SESSION_H
