// Switching between stacks.
#ifndef MF_LIB_RUNTIME_GPUHOST_FIBER_H
#define MF_LIB_RUNTIME_GPUHOST_FIBER_H

#include <stddef.h>

extern "C" {
/// Goes on with the stack whose pointer is `to`, and keeps in `*from` where the caller stopped. Returns when something
/// switches back. Registers that calls keep are kept.
void mf_rt_gpu_switch(void **from, void *to);
}

namespace mf::rt::gpu {

/// The pointer of a stack of `bytes` bytes from `base` on that, when it is switched to, calls body(argument), which
/// must not return.
void *prepareStack(void *base, size_t bytes, void (*body)(void *), void *argument);

} // namespace mf::rt::gpu

#endif // MF_LIB_RUNTIME_GPUHOST_FIBER_H
