// Overflow-checked arithmetic on sizes.
#ifndef MF_LIB_RUNTIME_CHECKED_H
#define MF_LIB_RUNTIME_CHECKED_H

#include <stdint.h>

namespace mf::rt {

/// `value *= factor`; false on overflow.
inline bool multiply(uint64_t &value, uint64_t factor) { return !__builtin_mul_overflow(value, factor, &value); }

/// `value += term`; false on overflow.
inline bool add(uint64_t &value, uint64_t term) { return !__builtin_add_overflow(value, term, &value); }

/// Rounds up to a multiple of the power of two `alignment`; false on overflow.
inline bool roundUp(uint64_t &value, uint64_t alignment) {
  if (!add(value, alignment - 1))
    return false;
  value &= ~(alignment - 1);
  return true;
}

} // namespace mf::rt

#endif // MF_LIB_RUNTIME_CHECKED_H
