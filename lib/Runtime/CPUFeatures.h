// What this CPU can execute, and which compiled variant runs on it.
#ifndef MF_LIB_RUNTIME_CPUFEATURES_H
#define MF_LIB_RUNTIME_CPUFEATURES_H

#include "mf-c/model.h"
#include "mf/Runtime/Plan.h"

namespace mf::rt {

/// Bits of MF_RT_X86_FEATURES or MF_RT_AARCH64_FEATURES that the CPU has and the system keeps registers for.
uint64_t cpuFeatures();

/// Writes the names of the features in `bits`, joined by ", ", cut to `bytes`; bits without a name by their number.
void featureNames(uint64_t bits, char *text, size_t bytes);

/// Chooses the first variant of the plan whose features are all in `features`, or the one called `name` where that is
/// not null. An error lists what each variant lacks.
mf_status selectVariant(const mf_rt_plan &plan, const char *name, uint64_t features, int32_t &variant);

} // namespace mf::rt

#endif // MF_LIB_RUNTIME_CPUFEATURES_H
