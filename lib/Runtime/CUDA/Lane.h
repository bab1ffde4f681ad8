// A stream, the memory that its calls use, and their graphs.
#ifndef MF_LIB_RUNTIME_CUDA_LANE_H
#define MF_LIB_RUNTIME_CUDA_LANE_H

#include "Device.h"
#include "Graphs.h"

namespace mf::rt {

struct Lane {
  Device *device;
  cuda::Stream stream;
  cuda::Address state, workspace, operands;
  LaneSizes sizes; ///< of these three
  static constexpr uint64_t pinnedBytes = 1u << 20;
  unsigned char *pinned; ///< inputs of a call up to this size, gathered for one copy: faster than several small ones
  void **addresses;      ///< of a call's operands; room for every entry's
  uint64_t *offsets;     ///< in `operands`, of those that are there
  cuda::GraphCache graphs;
};

} // namespace mf::rt

/// The launches of one call of an entry point.
struct mf_rt_cuda_call {
  mf::rt::Device *device;
  mf::rt::cuda::Stream stream;
  mf_status status; ///< of the first launch that failed; none follows it
};

namespace mf::rt::cuda {

/// Those of mf_rt_backend.
mf_status createLane(Device &device, Lane *&lane);
void destroyLane(Lane *lane);
mf_status reserve(Lane &lane, const LaneSizes &sizes);
mf_status runEntry(Lane &lane, const EntryCall &call);

/// Launches the kernels of a call, or captures them where the stream does.
mf_status launchKernels(Lane &lane, const EntryCall &call);

} // namespace mf::rt::cuda

#endif // MF_LIB_RUNTIME_CUDA_LANE_H
