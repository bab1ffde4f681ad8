// Conversions that LLVM calls where the instruction set has none: half precision on x86-64-v2 (no F16C), bfloat16 below
// AVX512BF16. Round to nearest even; NaN stays NaN, made quiet. Names and calling convention are LLVM's and GCC's: half
// and bfloat16 travel in the low 16 bits of a vector register. Integer arithmetic only, for a conversion in here would
// call itself.
#include <stdint.h>
#include <string.h>

template <typename To, typename From> static To bitCast(From from) {
  static_assert(sizeof(To) == sizeof(From), "different sizes");
  To to;
  memcpy(&to, &from, sizeof(to));
  return to;
}

/// Drops the low `count` (1 to 63) bits, to nearest even.
static uint64_t roundOff(uint64_t bits, int count) {
  uint64_t half = uint64_t(1) << (count - 1);
  return (bits + half - 1 + (bits >> count & 1)) >> count;
}

static uint32_t halfToFloatBits(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16, exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
  if (exponent == 0x1f)
    return sign | 0x7f800000 | fraction << 13 | (fraction ? 0x00400000 : 0);
  if (exponent != 0)
    return sign | (exponent + 112) << 23 | fraction << 13;
  if (fraction == 0)
    return sign;
  // A subnormal half is a normal float: shift its leading one to bit 10.
  int shift = __builtin_clz(fraction) - 21;
  return sign | uint32_t(113 - shift) << 23 | (fraction << shift & 0x3ff) << 13;
}

/// Narrows a number of `fractionBits` fraction and `exponentBits` exponent bits, given without its sign, to half.
static uint16_t narrowToHalf(uint64_t magnitude, int fractionBits, int exponentBits) {
  int bias = (1 << (exponentBits - 1)) - 1, dropped = fractionBits - 10;
  uint64_t infinity = ((uint64_t(1) << exponentBits) - 1) << fractionBits;
  if (magnitude > infinity)
    return uint16_t(0x7e00 | (magnitude >> dropped & 0x3ff));
  int exponent = int(magnitude >> fractionBits) - bias;
  if (exponent >= 16)
    return 0x7c00;
  if (exponent >= -14)
    // A carry out of the fraction goes on into the exponent, up to infinity.
    return uint16_t(roundOff(magnitude - (uint64_t(bias - 15) << fractionBits), dropped));
  if (exponent < -25)
    return 0;
  uint64_t significand = (magnitude & ((uint64_t(1) << fractionBits) - 1)) | uint64_t(1) << fractionBits;
  return uint16_t(roundOff(significand, dropped - 14 - exponent));
}

static uint16_t narrowToBfloat(uint32_t bits) {
  if ((bits & 0x7fffffff) > 0x7f800000)
    return uint16_t(bits >> 16 | 0x40);
  return uint16_t(roundOff(bits, 16));
}

extern "C" {

float __extendhfsf2(_Float16 half);
_Float16 __truncsfhf2(float value);
_Float16 __truncdfhf2(double value);
__bf16 __truncsfbf2(float value);

float __extendhfsf2(_Float16 half) { return bitCast<float>(halfToFloatBits(bitCast<uint16_t>(half))); }

_Float16 __truncsfhf2(float value) {
  uint32_t bits = bitCast<uint32_t>(value);
  return bitCast<_Float16>(uint16_t(narrowToHalf(bits & 0x7fffffff, 23, 8) | (bits >> 16 & 0x8000)));
}

_Float16 __truncdfhf2(double value) {
  uint64_t bits = bitCast<uint64_t>(value);
  return bitCast<_Float16>(uint16_t(narrowToHalf(bits & 0x7fffffffffffffff, 52, 11) | (bits >> 48 & 0x8000)));
}

__bf16 __truncsfbf2(float value) { return bitCast<__bf16>(narrowToBfloat(bitCast<uint32_t>(value))); }
}
