// Switching between stacks.
#ifndef MF_LIB_RUNTIME_GPUHOST_FIBER_H
#define MF_LIB_RUNTIME_GPUHOST_FIBER_H

#include <stddef.h>

/// Whether AddressSanitizer watches this code.
#define MF_RT_HAS_ADDRESS_SANITIZER 0
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#undef MF_RT_HAS_ADDRESS_SANITIZER
#define MF_RT_HAS_ADDRESS_SANITIZER 1
#endif
#endif

extern "C" {
/// Goes on with the stack whose pointer is `to`, and keeps in `*from` where the caller stopped. Returns when something
/// switches back. Registers that calls keep are kept.
void mf_rt_gpu_switch(void **from, void *to);
}

namespace mf::rt::gpu {

/// The pointer of a stack of `bytes` bytes from `base` on that, when it is switched to, calls body(argument), which
/// must not return.
void *prepareStack(void *base, size_t bytes, void (*body)(void *), void *argument);

/// What AddressSanitizer is told of a switch, by those who are compiled with it; without it these do nothing.
/// A stack of `bytes` bytes from `base` on begins anew: nothing of it is in use.
void noteFreshStack(void *base, size_t bytes);
/// Before a switch to the stack of `bytes` bytes from `base` on. `*shadow` is for the return to this stack; null where
/// there is none.
void noteDeparture(void **shadow, const void *base, size_t bytes);
/// After it, with what the departure from this stack gave, null on a fresh one. Tells which stack was left, where
/// somebody asks.
void noteArrival(void *shadow, const void **base, size_t *bytes);

} // namespace mf::rt::gpu

#endif // MF_LIB_RUNTIME_GPUHOST_FIBER_H
