// Half and bfloat16 conversions: widening over all values by value, narrowing over all halves, all midpoints between
// neighbours, and their neighbours.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>

// The compiler's names, bound to the runtime's definitions.
extern "C" {
float __extendhfsf2(_Float16 half);
_Float16 __truncsfhf2(float value);
_Float16 __truncdfhf2(double value);
__bf16 __truncsfbf2(float value);
}

template <typename To, typename From> static To bitCast(From from) {
  To to;
  static_assert(sizeof(to) == sizeof(from));
  memcpy(&to, &from, sizeof(to));
  return to;
}

static float widen(uint16_t half) { return __extendhfsf2(bitCast<_Float16>(half)); }
static uint16_t narrow(float value) { return bitCast<uint16_t>(__truncsfhf2(value)); }
static uint16_t narrow(double value) { return bitCast<uint16_t>(__truncdfhf2(value)); }
static uint16_t narrowToBfloat(float value) { return bitCast<uint16_t>(__truncsfbf2(value)); }

/// The value of a finite half by its definition.
static double valueOf(uint16_t half) {
  int exponent = half >> 10 & 31, fraction = half & 1023;
  double magnitude = exponent ? std::ldexp(1024 + fraction, exponent - 25) : std::ldexp(fraction, -24);
  return half >> 15 ? -magnitude : magnitude;
}

static bool isNaN(uint16_t half) { return (half & 0x7fff) > 0x7c00; }

TEST(HalfConversions, widensAllValues) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    uint16_t half = uint16_t(bits);
    float value = widen(half);
    ASSERT_EQ(std::signbit(value), bool(bits >> 15));
    if (isNaN(half))
      ASSERT_TRUE(std::isnan(value)) << bits;
    else if ((half & 0x7c00) == 0x7c00)
      ASSERT_TRUE(std::isinf(value)) << bits;
    else
      ASSERT_EQ(value, valueOf(half)) << bits;
  }
}

TEST(HalfConversions, narrowsBackAllValues) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    uint16_t half = uint16_t(bits), expected = isNaN(half) ? half | 0x200 : half;
    ASSERT_EQ(narrow(widen(half)), expected);
    ASSERT_EQ(narrow(double(widen(half))), expected);
  }
}

TEST(HalfConversions, roundsToNearestEven) {
  for (uint16_t half = 0; half < 0x7c00; ++half) {
    // Above the largest finite half the next step of its binade stands for infinity.
    double low = valueOf(half), high = half == 0x7bff ? 65536 : valueOf(half + 1), middle = (low + high) / 2;
    uint16_t even = half & 1 ? half + 1 : half;
    ASSERT_EQ(narrow(middle), even) << half;
    ASSERT_EQ(narrow(float(middle)), even) << half;
    ASSERT_EQ(narrow(std::nextafter(middle, 0)), half);
    ASSERT_EQ(narrow(std::nextafter(middle, 1e9)), half + 1);
    ASSERT_EQ(narrow(std::nextafterf(float(middle), 0)), half);
    ASSERT_EQ(narrow(std::nextafterf(float(middle), 1e9f)), half + 1);
    ASSERT_EQ(narrow(-middle), even | 0x8000);
  }
}

TEST(HalfConversions, extremes) {
  EXPECT_EQ(narrow(65520.0f), 0x7c00);
  EXPECT_EQ(narrow(3e38f), 0x7c00);
  EXPECT_EQ(narrow(-INFINITY), 0xfc00);
  EXPECT_EQ(narrow(1e-45f), 0);
  EXPECT_EQ(narrow(-0x1p-26), 0x8000);
  EXPECT_EQ(narrow(0x1p-25), 0);
  EXPECT_EQ(narrow(std::nextafter(0x1p-25, 1)), 1);
  EXPECT_TRUE(isNaN(narrow(bitCast<float>(0x7f800001))));
  EXPECT_TRUE(isNaN(narrow(bitCast<double>(uint64_t(0x7ff0000000000001)))));
}

TEST(HalfConversions, narrowsToBfloat) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    uint16_t upper = uint16_t(bits);
    bool nan = (upper & 0x7fff) > 0x7f80, infinite = (upper & 0x7fff) == 0x7f80;
    ASSERT_EQ(narrowToBfloat(bitCast<float>(bits << 16)), nan ? upper | 0x40 : upper);
    if (nan || infinite)
      continue;
    ASSERT_EQ(narrowToBfloat(bitCast<float>(bits << 16 | 0x7fff)), upper);
    ASSERT_EQ(narrowToBfloat(bitCast<float>(bits << 16 | 0x8000)), (upper & 1) + upper);
    ASSERT_EQ(narrowToBfloat(bitCast<float>(bits << 16 | 0x8001)), upper + 1);
  }
  EXPECT_EQ(narrowToBfloat(bitCast<float>(0x7f800001)), 0x7fc0);
}
