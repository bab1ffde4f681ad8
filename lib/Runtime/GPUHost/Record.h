// What a model keeps about its kernels between calls: counters, and what runs blocks.
#ifndef MF_LIB_RUNTIME_GPUHOST_RECORD_H
#define MF_LIB_RUNTIME_GPUHOST_RECORD_H

#include "../Text.h"
#include "Counters.h"

#include <pthread.h>

namespace mf::rt::gpu {

class Block;

/// Counters of a kernel.
struct KernelCounters {
  const char *name;
  Counters counters;
};

/// Of one model; shared by its calls.
struct Record {
  pthread_mutex_t lock;
  List<KernelCounters> kernels; ///< checked code only
  Block *spare;                 ///< that no launch uses

  void init();
  void release();
  /// What ran since the model was opened, as the members of a JSON object; nothing where no checked code ran.
  void describe(Text &json);
  /// Adds to the kernel's counters. False where memory is out.
  bool add(const char *kernel, const Counters &counters);

  /// A block from the spare ones or a new one; null where memory is out. It goes back when it is not used any more.
  Block *take();
  void giveBack(Block *block);
};

} // namespace mf::rt::gpu

/// The launches of one call of an entry point: where they report to, and the first failure.
struct mf_rt_gpu_call {
  mf::rt::gpu::Record *record;
  uint64_t failed_block; ///< number of the lowest cluster that failed, of the launch that failed
  uint32_t failed;
  char error[512];
};

#endif // MF_LIB_RUNTIME_GPUHOST_RECORD_H
