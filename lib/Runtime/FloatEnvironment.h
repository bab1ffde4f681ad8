// The floating-point environment that compiled code runs in: round to nearest, subnormals kept, exceptions masked.
#ifndef MF_LIB_RUNTIME_FLOATENVIRONMENT_H
#define MF_LIB_RUNTIME_FLOATENVIRONMENT_H

#include <stdint.h>

namespace mf::rt {

#if defined(__x86_64__)
inline uint32_t readFloatControl() { return __builtin_ia32_stmxcsr(); }
inline void writeFloatControl(uint32_t value) { __builtin_ia32_ldmxcsr(value); }
static constexpr uint32_t defaultFloatControl = 0x1f80;
#elif defined(__aarch64__)
inline uint64_t readFloatControl() {
  uint64_t value;
  asm volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}
inline void writeFloatControl(uint64_t value) { asm volatile("msr fpcr, %0" : : "r"(value) : "memory"); }
static constexpr uint64_t defaultFloatControl = 0;
#else
#error "unknown architecture"
#endif

/// Sets the default environment for a scope and gives the caller's back, its exception flags included. Hosts do set
/// flush-to-zero, and threads inherit it from their creator; outputs must not depend on either.
class DefaultFloatEnvironment {
public:
  DefaultFloatEnvironment() : saved(readFloatControl()) { writeFloatControl(defaultFloatControl); }
  ~DefaultFloatEnvironment() { writeFloatControl(saved); }
  DefaultFloatEnvironment(const DefaultFloatEnvironment &) = delete;
  DefaultFloatEnvironment &operator=(const DefaultFloatEnvironment &) = delete;

private:
  decltype(readFloatControl()) saved;
};

} // namespace mf::rt

#endif // MF_LIB_RUNTIME_FLOATENVIRONMENT_H
