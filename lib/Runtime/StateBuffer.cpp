// A state tensor reduced to five extents and strides, so that any order of its dimensions is walked by the same loops.
#include "StateBuffer.h"

#include "Checked.h"
#include "Error.h"

#include <string.h>

namespace mf::rt {

static mf_status failState(const mf_rt_tensor &operand, const char *text) {
  return fail(MF_UNSUPPORTED, "state '%s': %s", operand.name, text);
}

/// Finds the axes of the two dimensions; -1 where there is none.
static mf_status findAxes(const mf_rt_tensor &operand, int32_t sequencesDim, int32_t positionsDim, int32_t &sequences,
                          int32_t &positions) {
  sequences = positions = -1;
  for (int32_t axis = 0; axis < operand.rank; ++axis) {
    int64_t extent = operand.shape[axis];
    if (extent >= 0)
      continue;
    int32_t dim = int32_t(-1 - extent);
    int32_t *found = dim == sequencesDim ? &sequences : dim == positionsDim ? &positions : nullptr;
    if (!found)
      return failState(operand, "has a symbolic dimension besides 'sequences' and 'positions'");
    if (*found >= 0)
      return failState(operand, "has a symbolic dimension twice");
    *found = axis;
  }
  return sequences >= 0 ? MF_OK : failState(operand, "has no dimension 'sequences'");
}

/// Multiplies the extents of axes [begin, end).
static bool extentProduct(const mf_rt_tensor &operand, const int64_t *dims, int32_t begin, int32_t end,
                          uint64_t &product) {
  product = 1;
  for (int32_t axis = begin; axis < end; ++axis) {
    int64_t extent = operand.shape[axis];
    if (!multiply(product, uint64_t(extent >= 0 ? extent : dims[-1 - extent])))
      return false;
  }
  return true;
}

mf_status layoutState(const mf_rt_tensor &operand, const int64_t *dims, int32_t sequencesDim, int32_t positionsDim,
                      StateBuffer &state) {
  int32_t sequences, positions;
  if (mf_status status = findAxes(operand, sequencesDim, positionsDim, sequences, positions))
    return status;
  int32_t first = positions < 0 || sequences < positions ? sequences : positions;
  int32_t last = positions > sequences ? positions : sequences;
  uint64_t elements, runBits;
  bool fits = extentProduct(operand, dims, 0, operand.rank, elements) &&
              extentProduct(operand, dims, last + 1, operand.rank, runBits) &&
              multiply(runBits, uint64_t(operand.dtype.bits) * operand.dtype.lanes);
  uint64_t bits = elements;
  if (!fits || !multiply(bits, uint64_t(operand.dtype.bits) * operand.dtype.lanes))
    return fail(MF_OUT_OF_MEMORY, "state '%s': its size overflows 64 bits", operand.name);
  if (runBits % 8 != 0)
    return failState(operand, "the part of a sequence is no whole number of bytes");
  state = {};
  state.bytes = bits / 8;
  state.run = runBits / 8;
  state.middle = 1;
  extentProduct(operand, dims, 0, first, state.outer);
  uint64_t lastExtent;
  extentProduct(operand, dims, last, last + 1, lastExtent);
  state.middleStride = state.run * lastExtent;
  if (first != last)
    extentProduct(operand, dims, first + 1, last, state.middle);
  uint64_t firstStride = first == last ? state.run : state.middle * state.middleStride;
  state.outerStride = state.outer ? state.bytes / state.outer : 0;
  state.sequenceStride = sequences == last ? state.run : firstStride;
  state.positionStride = positions == last ? state.run : firstStride;
  state.positions = positions < 0 ? 0 : uint64_t(dims[positionsDim]);
  state.block = operand.position_block > 1 ? uint64_t(operand.position_block) : 1;
  if (state.block > 1 && (state.positionStride != state.run || state.positions % state.block != 0))
    return failState(operand, "interleaves positions that do not follow each other in whole blocks");
  return MF_OK;
}

namespace {
/// A walk over the runs of one sequence.
struct RunWalk {
  const StateBuffer &state;
  uint64_t count, stride, bytes; ///< innermost: runs, their distance, their size

  /// Ends at the first visit that fails.
  template <typename Visit> mf_status each(Visit visit) const {
    for (uint64_t outer = 0; outer < state.outer; ++outer)
      for (uint64_t middle = 0; middle < state.middle; ++middle)
        for (uint64_t i = 0; i < count; ++i)
          if (mf_status status = visit(outer * state.outerStride + middle * state.middleStride + i * stride, bytes))
            return status;
    return MF_OK;
  }
};
} // namespace

static RunWalk walkRuns(const StateBuffer &state, uint64_t length) {
  if (state.positions == 0)
    return {state, 1, 0, state.run};
  // Positions that follow each other in memory are one run.
  if (state.positionStride == state.run)
    return {state, 1, 0, state.run * ((length + state.block - 1) / state.block * state.block)};
  return {state, length, state.positionStride, state.run};
}

mf_status copyState(const StateBuffer &state, StatePlace place, int32_t from, int32_t to, int32_t length) {
  const unsigned char *source = state.data + uint64_t(from) * state.sequenceStride;
  unsigned char *target = state.data + uint64_t(to) * state.sequenceStride;
  return walkRuns(state, uint64_t(length)).each([=](uint64_t offset, uint64_t bytes) {
    if (place.lane)
      return place.backend->copy(*place.lane, target + offset, source + offset, bytes);
    memcpy(target + offset, source + offset, bytes);
    return MF_OK;
  });
}

mf_status clearRecurrentState(const StateBuffer &state, StatePlace place, int32_t sequence) {
  if (state.positions != 0)
    return MF_OK;
  unsigned char *target = state.data + uint64_t(sequence) * state.sequenceStride;
  return walkRuns(state, 0).each([=](uint64_t offset, uint64_t bytes) {
    if (place.lane)
      return place.backend->clear(*place.lane, target + offset, bytes);
    memset(target + offset, 0, bytes);
    return MF_OK;
  });
}

} // namespace mf::rt
