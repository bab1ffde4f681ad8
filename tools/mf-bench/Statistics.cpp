// Median and quartiles.
#include "Statistics.h"

#include <algorithm>

/// Between the two sorted numbers next to the place.
static double getQuantile(const std::vector<double> &sorted, double quantile) {
  double place = quantile * double(sorted.size() - 1);
  size_t below = static_cast<size_t>(place), above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - double(below)) * (sorted[above] - sorted[below]);
}

mf::bench::Summary mf::bench::summarize(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  Summary summary;
  summary.median = getQuantile(numbers, 0.5);
  summary.best = numbers.front();
  summary.lowerQuartile = getQuantile(numbers, 0.25);
  summary.upperQuartile = getQuantile(numbers, 0.75);
  if (summary.median > 0)
    summary.spreadPercent = 50 * (summary.upperQuartile - summary.lowerQuartile) / summary.median;
  return summary;
}
