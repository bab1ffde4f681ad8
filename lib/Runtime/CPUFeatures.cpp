// CPU features by cpuid and xgetbv on x86-64 and by the kernel's capability words on AArch64.
#include "CPUFeatures.h"

#include "Error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#else
#include <sys/auxv.h>
#endif

namespace mf::rt {

#if defined(__x86_64__)

namespace {
/// The registers of the cpuid leaves in use; a leaf that the CPU lacks is zero.
struct Leaves {
  unsigned ecx1, ebx7, ecx7, edx7, eax7s1, ecxExtended;
};

/// Where a feature's bit is, and which register state it needs.
struct FeatureBit {
  uint8_t feature; ///< bit of MF_RT_X86_FEATURES
  unsigned Leaves::*word;
  uint8_t bit;
  uint8_t state; ///< 0: none beyond SSE, 1: AVX, 2: AVX-512
};
} // namespace

// Intel's Software Developer's Manual, volume 2A, "CPUID"; AMD's manual, volume 3, for the extended leaf.
static const FeatureBit featureBits[] = {
    {0, &Leaves::ecx1, 13, 0},   {1, &Leaves::ecxExtended, 0, 0},  {2, &Leaves::ecx1, 23, 0},
    {3, &Leaves::ecx1, 0, 0},    {4, &Leaves::ecx1, 9, 0},         {5, &Leaves::ecx1, 19, 0},
    {6, &Leaves::ecx1, 20, 0},   {7, &Leaves::ecx1, 28, 1},        {8, &Leaves::ebx7, 5, 1},
    {9, &Leaves::ebx7, 3, 0},    {10, &Leaves::ebx7, 8, 0},        {11, &Leaves::ecx1, 29, 1},
    {12, &Leaves::ecx1, 12, 1},  {13, &Leaves::ecxExtended, 5, 0}, {14, &Leaves::ecx1, 22, 0},
    {15, &Leaves::ebx7, 16, 2},  {16, &Leaves::ebx7, 30, 2},       {17, &Leaves::ebx7, 28, 2},
    {18, &Leaves::ebx7, 17, 2},  {19, &Leaves::ebx7, 31, 2},       {20, &Leaves::ecx7, 11, 2},
    {21, &Leaves::eax7s1, 5, 2}, {22, &Leaves::ecx7, 1, 2},        {23, &Leaves::ecx7, 6, 2},
    {24, &Leaves::eax7s1, 4, 1}, {25, &Leaves::edx7, 23, 2},       {26, &Leaves::ebx7, 21, 2},
    {27, &Leaves::ecx7, 12, 2},  {28, &Leaves::ecx7, 14, 2},       {29, &Leaves::ecx7, 8, 0},
};

static Leaves readLeaves() {
  Leaves leaves = {};
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx))
    leaves.ecx1 = ecx;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
    leaves.ebx7 = ebx;
    leaves.ecx7 = ecx;
    leaves.edx7 = edx;
    unsigned subleaves = eax;
    if (subleaves >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx))
      leaves.eax7s1 = eax;
  }
  if (__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx))
    leaves.ecxExtended = ecx;
  return leaves;
}

/// The register state that the system saves: 0 SSE, 1 AVX, 2 AVX-512.
static int savedState(const Leaves &leaves) {
  constexpr unsigned osxsave = 1u << 27, avxState = 0x6, avx512State = 0xe6;
  if (!(leaves.ecx1 & osxsave))
    return 0;
  unsigned low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & avx512State) == avx512State ? 2 : (low & avxState) == avxState ? 1 : 0;
}

uint64_t cpuFeatures() {
  Leaves leaves = readLeaves();
  int state = savedState(leaves);
  uint64_t features = 0;
  for (const FeatureBit &entry : featureBits)
    if (entry.state <= state && (leaves.*entry.word >> entry.bit & 1))
      features |= uint64_t(1) << entry.feature;
  return features;
}

#else

uint64_t cpuFeatures() {
  // Linux, arch/arm64/include/uapi/asm/hwcap.h: {feature, AT_HWCAP bit}, the half forms of scalar and vector together.
  unsigned long words = getauxval(AT_HWCAP), more = getauxval(AT_HWCAP2);
  bool half = (words >> 9 & 1) && (words >> 10 & 1);
  const struct {
    int feature;
    bool present;
  } bits[] = {{32, bool(words >> 0 & 1)},  {33, bool(words >> 1 & 1)},  {34, half},
              {35, bool(words >> 20 & 1)}, {36, bool(more >> 14 & 1)},  {37, bool(more >> 13 & 1)},
              {38, bool(words >> 8 & 1)},  {39, bool(words >> 12 & 1)}, {40, bool(words >> 7 & 1)}};
  uint64_t features = 0;
  for (auto entry : bits)
    if (entry.present)
      features |= uint64_t(1) << entry.feature;
  return features;
}

#endif

static const char *featureName(int feature) {
  switch (feature) {
#define MF_FEATURE_NAME(bit, llvmName, name)                                                                           \
  case bit:                                                                                                            \
    return name;
    MF_RT_X86_FEATURES(MF_FEATURE_NAME)
    MF_RT_AARCH64_FEATURES(MF_FEATURE_NAME)
#undef MF_FEATURE_NAME
  default:
    return nullptr;
  }
}

/// Appends to a buffer, cutting at its end.
__attribute__((format(printf, 3, 4))) static void append(char *text, size_t bytes, const char *format, ...) {
  size_t length = strlen(text);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text + length, bytes - length, format, arguments);
  va_end(arguments);
}

void featureNames(uint64_t bits, char *text, size_t bytes) {
  text[0] = 0;
  for (int feature = 0; feature < 64; ++feature) {
    if (!(bits >> feature & 1))
      continue;
    const char *separator = text[0] ? ", " : "", *name = featureName(feature);
    if (name)
      append(text, bytes, "%s%s", separator, name);
    else
      append(text, bytes, "%sfeature %d", separator, feature);
  }
}

static mf_status failToSelect(const mf_rt_plan &plan, uint64_t features) {
  char text[1536] = "";
  for (int32_t i = 0; i < plan.variant_count; ++i) {
    if (plan.variants[i].cuda)
      continue;
    char missing[512];
    featureNames(plan.variants[i].features & ~features, missing, sizeof(missing));
    append(text, sizeof(text), "%s%s needs %s", i ? "; " : "", plan.variants[i].name, missing);
  }
  return fail(MF_UNSUPPORTED_CPU, "model '%s': no variant runs on this CPU: %s", plan.model_name, text);
}

static mf_status selectNamed(const mf_rt_plan &plan, const char *name, uint64_t features, int32_t &variant) {
  char names[512] = "";
  for (int32_t i = 0; i < plan.variant_count; ++i) {
    const mf_rt_variant &candidate = plan.variants[i];
    append(names, sizeof(names), "%s%s", i ? ", " : "", candidate.name);
    if (strcmp(candidate.name, name) != 0)
      continue;
    if (candidate.cuda)
      return fail(MF_INVALID_ARGUMENT, "model '%s': variant '%s' is for CUDA devices, not for this CPU",
                  plan.model_name, name);
    uint64_t missing = candidate.features & ~features;
    if (!missing) {
      variant = i;
      return MF_OK;
    }
    char text[512];
    featureNames(missing, text, sizeof(text));
    return fail(MF_UNSUPPORTED_CPU, "model '%s': variant '%s' needs %s, which this CPU lacks", plan.model_name, name,
                text);
  }
  return fail(MF_INVALID_ARGUMENT, "model '%s': variant: expected one of %s, found '%s'", plan.model_name, names, name);
}

mf_status selectVariant(const mf_rt_plan &plan, const char *name, uint64_t features, int32_t &variant) {
  if (name)
    return selectNamed(plan, name, features, variant);
  for (int32_t i = 0; i < plan.variant_count; ++i)
    if (!plan.variants[i].cuda && (plan.variants[i].features & ~features) == 0) {
      variant = i;
      return MF_OK;
    }
  return failToSelect(plan, features);
}

} // namespace mf::rt
