// The sequences of a session: slots that are taken, copied, cut and given back between steps.
#include "Error.h"
#include "Session.h"

namespace mf::rt {

static int32_t countUsed(const mf_session &session) {
  int32_t count = 0;
  for (int32_t slot = 0; slot < session.maxSequences; ++slot)
    count += session.sequences[slot].used;
  return count;
}

mf_status checkSequence(const mf_session *session, int32_t sequence) {
  if (!session)
    return fail(MF_INVALID_ARGUMENT, "session: expected a session, found null");
  if (sequence >= 0 && sequence < session->maxSequences && session->sequences[sequence].used)
    return MF_OK;
  return fail(MF_INVALID_ARGUMENT, "sequence %d is not one of the session's %d sequences", sequence,
              countUsed(*session));
}

StatePlace statePlace(const mf_session &session) { return {session.model->backend, session.lane}; }

mf_status clearSlot(mf_session &session, int32_t slot) {
  Sequence &sequence = session.sequences[slot];
  // Positions at and after the length are never read, so only recurrent states need to be cleared.
  for (int32_t i = 0; sequence.dirty && i < session.stateCount; ++i)
    if (mf_status status = clearRecurrentState(session.states[i], statePlace(session), slot))
      return status;
  sequence.dirty = false;
  sequence.length = 0;
  return MF_OK;
}

mf_status takeSlot(mf_session &session, int32_t &slot) {
  for (slot = 0; slot < session.maxSequences; ++slot) {
    if (session.sequences[slot].used)
      continue;
    if (mf_status status = clearSlot(session, slot))
      return status;
    session.sequences[slot].used = true;
    return MF_OK;
  }
  slot = -1;
  return MF_OK;
}

void releaseSlot(mf_session &session, int32_t slot) { session.sequences[slot].used = false; }

static mf_status takeSlotOrFail(mf_session &session, int32_t &slot) {
  if (mf_status status = takeSlot(session, slot))
    return status;
  if (slot >= 0)
    return MF_OK;
  return fail(MF_LIMIT_EXCEEDED,
              "all %d sequences of the session are in use; remove one, or create the session with a "
              "larger max_sequences",
              session.maxSequences);
}

mf_status addSequence(mf_session *session, int32_t *sequence) {
  if (!session || !sequence)
    return fail(MF_INVALID_ARGUMENT, "sequence_add: %s: expected a pointer, found null",
                session ? "sequence" : "session");
  return takeSlotOrFail(*session, *sequence);
}

mf_status removeSequence(mf_session *session, int32_t sequence) {
  if (mf_status status = checkSequence(session, sequence))
    return status;
  releaseSlot(*session, sequence);
  return MF_OK;
}

/// Checks a length to fork or truncate at.
static mf_status checkLength(const mf_session &session, const char *action, int32_t sequence, int32_t length) {
  int32_t current = session.sequences[sequence].length;
  if (length < 0 || length > current)
    return fail(MF_INVALID_ARGUMENT, "%s: length: expected 0 to %d, the length of sequence %d, found %d", action,
                current, sequence, length);
  if (session.recurrent && length != 0 && length != current)
    return fail(MF_UNSUPPORTED,
                "%s: length: the state of sequence %d is recurrent: expected 0 or its length %d, found %d", action,
                sequence, current, length);
  return MF_OK;
}

mf_status forkSequence(mf_session *session, int32_t sequence, int32_t length, int32_t *forked) {
  if (mf_status status = checkSequence(session, sequence))
    return status;
  if (!forked)
    return fail(MF_INVALID_ARGUMENT, "sequence_fork: forked: expected a pointer, found null");
  if (length == -1)
    length = session->sequences[sequence].length;
  if (mf_status status = checkLength(*session, "sequence_fork", sequence, length))
    return status;
  int32_t slot;
  if (mf_status status = takeSlotOrFail(*session, slot))
    return status;
  session->sequences[slot].dirty = length > 0;
  for (int32_t i = 0; length > 0 && i < session->stateCount; ++i)
    if (mf_status status = copyState(session->states[i], statePlace(*session), sequence, slot, length)) {
      releaseSlot(*session, slot);
      return status;
    }
  session->sequences[slot].length = length;
  *forked = slot;
  return MF_OK;
}

mf_status truncateSequence(mf_session *session, int32_t sequence, int32_t length) {
  if (mf_status status = checkSequence(session, sequence))
    return status;
  if (mf_status status = checkLength(*session, "sequence_truncate", sequence, length))
    return status;
  if (length == 0)
    if (mf_status status = clearSlot(*session, sequence))
      return status;
  session->sequences[sequence].length = length;
  return MF_OK;
}

mf_status sequenceLength(const mf_session *session, int32_t sequence, int32_t *length) {
  if (mf_status status = checkSequence(session, sequence))
    return status;
  if (!length)
    return fail(MF_INVALID_ARGUMENT, "sequence_length: length: expected a pointer, found null");
  *length = session->sequences[sequence].length;
  return MF_OK;
}

} // namespace mf::rt
