// Switching between stacks: the registers that a call keeps go to the stack that is left. No system call, where
// swapcontext of libc has two for the signal mask.
#include "Fiber.h"

#include <stdint.h>

#if defined(__x86_64__)

asm(".text\n"
    ".hidden mf_rt_gpu_switch\n"
    ".globl mf_rt_gpu_switch\n"
    ".type mf_rt_gpu_switch, @function\n"
    "mf_rt_gpu_switch:\n"
    "  pushq %rbp\n"
    "  pushq %rbx\n"
    "  pushq %r12\n"
    "  pushq %r13\n"
    "  pushq %r14\n"
    "  pushq %r15\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  popq %r15\n"
    "  popq %r14\n"
    "  popq %r13\n"
    "  popq %r12\n"
    "  popq %rbx\n"
    "  popq %rbp\n"
    "  retq\n"
    ".size mf_rt_gpu_switch, .-mf_rt_gpu_switch\n"
    // The first switch to a stack returns to here.
    ".hidden mf_rt_gpu_enter_stack\n"
    ".globl mf_rt_gpu_enter_stack\n"
    ".type mf_rt_gpu_enter_stack, @function\n"
    "mf_rt_gpu_enter_stack:\n"
    "  movq %r12, %rdi\n"
    "  callq *%r13\n"
    "  ud2\n"
    ".size mf_rt_gpu_enter_stack, .-mf_rt_gpu_enter_stack\n");

static constexpr int savedWords = 6, argumentWord = 3, bodyWord = 2;

#elif defined(__aarch64__)

asm(".text\n"
    ".hidden mf_rt_gpu_switch\n"
    ".globl mf_rt_gpu_switch\n"
    ".type mf_rt_gpu_switch, %function\n"
    "mf_rt_gpu_switch:\n"
    "  sub sp, sp, #160\n"
    "  stp x19, x20, [sp, #0]\n"
    "  stp x21, x22, [sp, #16]\n"
    "  stp x23, x24, [sp, #32]\n"
    "  stp x25, x26, [sp, #48]\n"
    "  stp x27, x28, [sp, #64]\n"
    "  stp d8, d9, [sp, #80]\n"
    "  stp d10, d11, [sp, #96]\n"
    "  stp d12, d13, [sp, #112]\n"
    "  stp d14, d15, [sp, #128]\n"
    "  stp x29, x30, [sp, #144]\n"
    "  mov x9, sp\n"
    "  str x9, [x0]\n"
    "  mov sp, x1\n"
    "  ldp x19, x20, [sp, #0]\n"
    "  ldp x21, x22, [sp, #16]\n"
    "  ldp x23, x24, [sp, #32]\n"
    "  ldp x25, x26, [sp, #48]\n"
    "  ldp x27, x28, [sp, #64]\n"
    "  ldp d8, d9, [sp, #80]\n"
    "  ldp d10, d11, [sp, #96]\n"
    "  ldp d12, d13, [sp, #112]\n"
    "  ldp d14, d15, [sp, #128]\n"
    "  ldp x29, x30, [sp, #144]\n"
    "  add sp, sp, #160\n"
    "  ret\n"
    ".size mf_rt_gpu_switch, .-mf_rt_gpu_switch\n"
    // The first switch to a stack returns to here.
    ".hidden mf_rt_gpu_enter_stack\n"
    ".globl mf_rt_gpu_enter_stack\n"
    ".type mf_rt_gpu_enter_stack, %function\n"
    "mf_rt_gpu_enter_stack:\n"
    "  mov x0, x19\n"
    "  blr x20\n"
    "  brk #0\n"
    ".size mf_rt_gpu_enter_stack, .-mf_rt_gpu_enter_stack\n");

static constexpr int savedWords = 19, argumentWord = 0, bodyWord = 1;

#else
#error "unknown architecture"
#endif

extern "C" void mf_rt_gpu_enter_stack();

void *mf::rt::gpu::prepareStack(void *base, size_t bytes, void (*body)(void *), void *argument) {
  auto top = (reinterpret_cast<uintptr_t>(base) + bytes) & ~uintptr_t(15);
  // As the switch finds it: saved registers, then where to return to. Entered with the stack aligned to 16 bytes.
  auto *words = reinterpret_cast<uintptr_t *>(top) - 22;
  for (int i = 0; i < 22; ++i)
    words[i] = 0;
#if defined(__x86_64__)
  // The words end such that the return leaves an aligned stack.
  words += 22 - savedWords - 3;
#else
  words += 2;
#endif
  words[argumentWord] = reinterpret_cast<uintptr_t>(argument);
  words[bodyWord] = reinterpret_cast<uintptr_t>(body);
  words[savedWords] = reinterpret_cast<uintptr_t>(mf_rt_gpu_enter_stack);
  return words;
}

#if MF_RT_HAS_ADDRESS_SANITIZER

extern "C" {
void __sanitizer_start_switch_fiber(void **shadow, const void *base, size_t bytes);
void __sanitizer_finish_switch_fiber(void *shadow, const void **base, size_t *bytes);
void __asan_unpoison_memory_region(const volatile void *base, size_t bytes);
}

void mf::rt::gpu::noteFreshStack(void *base, size_t bytes) { __asan_unpoison_memory_region(base, bytes); }
void mf::rt::gpu::noteDeparture(void **shadow, const void *base, size_t bytes) {
  __sanitizer_start_switch_fiber(shadow, base, bytes);
}
void mf::rt::gpu::noteArrival(void *shadow, const void **base, size_t *bytes) {
  __sanitizer_finish_switch_fiber(shadow, base, bytes);
}

#else

void mf::rt::gpu::noteFreshStack(void *, size_t) {}
void mf::rt::gpu::noteDeparture(void **, const void *, size_t) {}
void mf::rt::gpu::noteArrival(void *, const void **, size_t *) {}

#endif
