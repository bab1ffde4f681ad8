// Bits of half-precision floats. Plain integer code, so that loops over it vectorise on any machine.
#ifndef MF_LIB_TARGET_FLOATBITS_H
#define MF_LIB_TARGET_FLOATBITS_H

#include <cstdint>
#include <cstring>

namespace mlir::mf {

inline uint32_t bitsOfFloat(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

inline float floatOfBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

/// Exact.
inline float floatOfBFloat16(uint16_t bits) { return floatOfBits(uint32_t(bits) << 16); }

/// Exact; a NaN keeps its payload.
inline float floatOfHalf(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16, magnitude = uint32_t(bits & 0x7fff) << 13;
  if (magnitude >= 0x7c00u << 13) // infinity, NaN
    return floatOfBits(sign | 0x7f800000 | magnitude);
  if (magnitude < 0x0400u << 13) // zero, subnormal: value * 2^-24, exact in f32
    return floatOfBits(sign | bitsOfFloat(float(bits & 0x7fff) * 0x1p-24f));
  return floatOfBits(sign | (magnitude + (uint32_t(127 - 15) << 23)));
}

/// Rounded to nearest, ties to even.
inline uint16_t bfloat16OfFloat(float value) {
  uint32_t bits = bitsOfFloat(value);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return uint16_t(bits >> 16 | 0x40);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// Rounded to nearest, ties to even; too large values become infinities.
inline uint16_t halfOfFloat(float value) {
  uint32_t bits = bitsOfFloat(value), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return uint16_t(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
  if (magnitude >= 0x47800000) // 65536 and above
    return uint16_t(sign | 0x7c00);
  if (magnitude < 0x38800000) {
    // Below 2^-14: adding 0.5 leaves the multiple of 2^-24, rounded by the hardware, in the low bits.
    return uint16_t(sign | (bitsOfFloat(floatOfBits(magnitude) + 0.5f) - bitsOfFloat(0.5f)));
  }
  uint32_t rebased = magnitude - (uint32_t(127 - 15) << 23);
  return uint16_t(sign | (rebased + 0xfff + (rebased >> 13 & 1)) >> 13);
}

} // namespace mlir::mf

#endif // MF_LIB_TARGET_FLOATBITS_H
