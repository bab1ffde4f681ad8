// The state of all sequences in one tensor: copying and clearing one sequence's part.
#ifndef MF_LIB_RUNTIME_STATEBUFFER_H
#define MF_LIB_RUNTIME_STATEBUFFER_H

#include "Device.h"
#include "mf-c/model.h"
#include "mf/Runtime/Plan.h"

namespace mf::rt {

/// A state tensor in memory as [outer, X, middle, Y, run], where X and Y are the sequences and the positions in the
/// order of the tensor; without positions it is recurrent, [outer, sequences, run].
struct StateBuffer {
  unsigned char *data;
  uint64_t bytes; ///< of the whole tensor
  uint64_t outer, outerStride;
  uint64_t middle, middleStride;
  uint64_t sequenceStride;
  uint64_t positions; ///< 0: recurrent
  uint64_t positionStride;
  uint64_t block; ///< positions that are stored interleaved and copied together; at least 1
  uint64_t run;   ///< contiguous bytes of one sequence (and position)
};

/// Lays out a state operand for the given dimensions of its entry; `sequencesDim` and `positionsDim` are their indices.
mf_status layoutState(const mf_rt_tensor &operand, const int64_t *dims, int32_t sequencesDim, int32_t positionsDim,
                      StateBuffer &state);

/// Where states are: in a lane's memory of a device, or, without a lane, in the memory of the host.
struct StatePlace {
  const mf_rt_backend *backend;
  Lane *lane;
};

/// Copies the first `length` positions of a sequence, or all of a recurrent state.
mf_status copyState(const StateBuffer &state, StatePlace place, int32_t from, int32_t to, int32_t length);

/// Zeroes a sequence's recurrent state.
mf_status clearRecurrentState(const StateBuffer &state, StatePlace place, int32_t sequence);

} // namespace mf::rt

#endif // MF_LIB_RUNTIME_STATEBUFFER_H
