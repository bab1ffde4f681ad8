// CPU features against what the kernel reports, and the choice among variants.
#include "CPUFeatures.h"
#include "Error.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

using namespace mf::rt;

#if defined(__x86_64__)
/// The kernel's names of MF_RT_X86_FEATURES, in their order.
static const char *const kernelNames[] = {"cx16",
                                          "lahf_lm",
                                          "popcnt",
                                          "pni",
                                          "ssse3",
                                          "sse4_1",
                                          "sse4_2",
                                          "avx",
                                          "avx2",
                                          "bmi1",
                                          "bmi2",
                                          "f16c",
                                          "fma",
                                          "abm",
                                          "movbe",
                                          "avx512f",
                                          "avx512bw",
                                          "avx512cd",
                                          "avx512dq",
                                          "avx512vl",
                                          "avx512_vnni",
                                          "avx512_bf16",
                                          "avx512vbmi",
                                          "avx512_vbmi2",
                                          "avx_vnni",
                                          "avx512_fp16",
                                          "avx512ifma",
                                          "avx512_bitalg",
                                          "avx512_vpopcntdq",
                                          "gfni"};

TEST(CPUFeatures, areThoseOfTheKernel) {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line) && line.rfind("flags", 0) != 0) {
  }
  std::istringstream words(line);
  std::set<std::string> flags{std::istream_iterator<std::string>(words), {}};
  ASSERT_TRUE(flags.count("fpu"));
  uint64_t features = cpuFeatures();
  for (size_t i = 0; i < std::size(kernelNames); ++i)
    EXPECT_EQ(features >> i & 1, flags.count(kernelNames[i])) << kernelNames[i];
  EXPECT_EQ(features >> std::size(kernelNames), 0u);
}
#endif

TEST(CPUFeatures, haveNames) {
  char text[64];
  featureNames(uint64_t(1) << 8 | uint64_t(1) << 20 | uint64_t(1) << 63, text, sizeof(text));
  EXPECT_STREQ(text, "AVX2, AVX512VNNI, feature 63");
  featureNames(uint64_t(3) << 35, text, sizeof(text));
  EXPECT_STREQ(text, "DotProd, BF16");
  featureNames(0, text, sizeof(text));
  EXPECT_STREQ(text, "");
  char small[8];
  featureNames(~uint64_t(0), small, sizeof(small));
  EXPECT_STREQ(small, "CMPXCHG");
}

static const mf_rt_variant variants[] = {{"wide", 0x600, nullptr}, {"middle", 0x200, nullptr}, {"narrow", 1, nullptr}};

static mf_rt_plan planWithVariants() {
  mf_rt_plan plan = {};
  plan.variant_count = 3;
  plan.variants = variants;
  plan.model_name = "m";
  return plan;
}

TEST(SelectVariant, takesTheFirstThatRuns) {
  mf_rt_plan plan = planWithVariants();
  const struct {
    uint64_t features;
    int32_t variant;
  } cases[] = {{~uint64_t(0), 0}, {0x600, 0}, {0x201, 1}, {0x401, 2}, {1, 2}};
  for (auto entry : cases) {
    int32_t variant = -1;
    EXPECT_EQ(selectVariant(plan, nullptr, entry.features, variant), MF_OK);
    EXPECT_EQ(variant, entry.variant) << entry.features;
  }
}

TEST(SelectVariant, namesWhatIsMissing) {
  mf_rt_plan plan = planWithVariants();
  int32_t variant = -1;
  EXPECT_EQ(selectVariant(plan, nullptr, 0x400, variant), MF_UNSUPPORTED_CPU);
  EXPECT_STREQ(lastError(), "model 'm': no variant runs on this CPU: wide needs BMI1; middle needs BMI1; narrow needs "
                            "CMPXCHG16B");
}

TEST(SelectVariant, byName) {
  mf_rt_plan plan = planWithVariants();
  int32_t variant = -1;
  EXPECT_EQ(selectVariant(plan, "narrow", ~uint64_t(0), variant), MF_OK);
  EXPECT_EQ(variant, 2);
  EXPECT_EQ(selectVariant(plan, "wide", 1, variant), MF_UNSUPPORTED_CPU);
  EXPECT_STREQ(lastError(), "model 'm': variant 'wide' needs BMI1, BMI2, which this CPU lacks");
  EXPECT_EQ(selectVariant(plan, "other", 1, variant), MF_INVALID_ARGUMENT);
  EXPECT_STREQ(lastError(), "model 'm': variant: expected one of wide, middle, narrow, found 'other'");
}
