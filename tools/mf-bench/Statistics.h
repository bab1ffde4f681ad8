// Repeated measurements in two numbers.
#ifndef MF_TOOLS_MF_BENCH_STATISTICS_H
#define MF_TOOLS_MF_BENCH_STATISTICS_H

#include "llvm/ADT/STLFunctionalExtras.h"

#include <chrono>
#include <vector>

namespace mf::bench {

struct Summary {
  double median = 0;
  double best = 0; ///< the smallest
  double lowerQuartile = 0, upperQuartile = 0;
  double spreadPercent = 0; ///< half the distance between the quartiles, in percent of the median
};

/// Of at least one number.
Summary summarize(std::vector<double> numbers);

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

} // namespace mf::bench

#endif // MF_TOOLS_MF_BENCH_STATISTICS_H
