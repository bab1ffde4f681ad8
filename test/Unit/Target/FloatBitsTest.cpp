// Half-precision conversions against LLVM's software floats: all 16-bit patterns, and f32 around every rounding border.
#include "FloatBits.h"
#include "llvm/ADT/APFloat.h"
#include <gtest/gtest.h>

using namespace mlir::mf;
using llvm::APFloat;

static uint16_t convert(float value, const llvm::fltSemantics &semantics) {
  APFloat number(value);
  bool lossy;
  number.convert(semantics, APFloat::rmNearestTiesToEven, &lossy);
  return uint16_t(number.bitcastToAPInt().getZExtValue());
}

TEST(FloatBits, WidensEveryPatternExactly) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    APFloat half(APFloat::IEEEhalf(), llvm::APInt(16, bits)), brain(APFloat::BFloat(), llvm::APInt(16, bits));
    if (half.isNaN()) {
      EXPECT_NE(floatOfHalf(uint16_t(bits)), floatOfHalf(uint16_t(bits)));
    } else {
      EXPECT_EQ(floatOfHalf(uint16_t(bits)), half.convertToFloat());
      EXPECT_EQ(bitsOfFloat(floatOfHalf(uint16_t(bits))) >> 31, bits >> 15);
    }
    EXPECT_EQ(bitsOfFloat(floatOfBFloat16(uint16_t(bits))), bits << 16);
  }
}

TEST(FloatBits, RoundsToNearestTiesToEven) {
  // Every half, the middle to its neighbour, and the floats beside both.
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    uint32_t low = bitsOfFloat(floatOfHalf(uint16_t(bits)));
    float middle = (floatOfBits(low) + (bits == 0x7bff ? 65536.0f : floatOfHalf(uint16_t(bits + 1)))) / 2;
    for (uint32_t start : {low, bitsOfFloat(middle)})
      for (uint32_t pattern : {start, start + 1, start ? start - 1 : 0u}) {
        float value = floatOfBits(pattern);
        ASSERT_EQ(halfOfFloat(value), convert(value, APFloat::IEEEhalf())) << value;
        ASSERT_EQ(halfOfFloat(-value), convert(-value, APFloat::IEEEhalf())) << -value;
      }
  }
  for (uint64_t pattern = 0; pattern <= 0x7f800000; pattern += 0x3fff) {
    float value = floatOfBits(uint32_t(pattern));
    ASSERT_EQ(bfloat16OfFloat(value), convert(value, APFloat::BFloat())) << value;
    ASSERT_EQ(halfOfFloat(value), convert(value, APFloat::IEEEhalf())) << value;
  }
}

TEST(FloatBits, KeepsSpecialValues) {
  float infinity = floatOfBits(0x7f800000), nan = floatOfBits(0x7f800001);
  EXPECT_EQ(halfOfFloat(infinity), 0x7c00);
  EXPECT_EQ(halfOfFloat(-infinity), 0xfc00);
  EXPECT_EQ(halfOfFloat(1e30f), 0x7c00);
  EXPECT_EQ(bfloat16OfFloat(floatOfBits(0x7f7fffff)), 0x7f80);
  EXPECT_GT(halfOfFloat(nan) & 0x7fff, 0x7c00);
  EXPECT_GT(bfloat16OfFloat(nan) & 0x7fff, 0x7f80);
}
