// What warps move and execute.
#ifndef MF_LIB_RUNTIME_GPUHOST_COUNTERS_H
#define MF_LIB_RUNTIME_GPUHOST_COUNTERS_H

#include "Shadow.h"
#include "mf/Runtime/GPUHost.h"

namespace mf::rt::gpu {

/// Numbers that are counted per kernel: X(name).
#define MF_GPU_COUNTERS(X)                                                                                             \
  X(launches)                                                                                                          \
  X(blocks)                                                                                                            \
  /* What lanes ask for, and the different 32-byte sectors of each access of a warp. */                                \
  X(global_load_bytes)                                                                                                 \
  X(global_load_sectors)                                                                                               \
  X(global_store_bytes)                                                                                                \
  X(global_store_sectors)                                                                                              \
  /* The part of the loads that goes to workgroup memory by asynchronous copies. */                                    \
  X(copied_bytes)                                                                                                      \
  /* Passes through the 32 banks of workgroup memory, and how few they would be if no two lanes met in a bank. */      \
  X(workgroup_wavefronts)                                                                                              \
  X(workgroup_ideal_wavefronts)

struct Counters {
#define MF_GPU_COUNTER(name) uint64_t name;
  MF_GPU_COUNTERS(MF_GPU_COUNTER)
#undef MF_GPU_COUNTER
  uint64_t operations[MF_RT_GPU_KIND_COUNT]; ///< of threads

  void add(const Counters &other);
  /// A bulk copy from `from` on, to `blocks` blocks: it is read once, and passes the banks of each.
  void addBulkCopy(int64_t from, uint64_t bytes, uint64_t blocks);
};

/// An access of a lane.
struct Access {
  int64_t address;
  int32_t site;
};

/// Counts accesses of warps. Lanes that are at a site for the same time since they last waited for each other are there
/// together.
class AccessCounter {
public:
  /// Counts what the lanes of a warp did since the last call and empties their lists. False where memory is out.
  bool count(const mf_rt_gpu_kernel &kernel, List<Access> *const *lanes, Counters &counters);
  void release();

private:
  bool group(int32_t sites, List<Access> *const *lanes);

  List<uint32_t> visits;   ///< by site: of the lane that is looked at
  List<uint32_t> offsets;  ///< by site: its first group
  List<int64_t> addresses; ///< by group: one per lane, -1 where it is not in it
  size_t groups;
};

} // namespace mf::rt::gpu

#endif // MF_LIB_RUNTIME_GPUHOST_COUNTERS_H
