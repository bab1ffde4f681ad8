// Two language models against each other: from how many tokens on which one is faster.
#ifndef MF_TOOLS_MF_BENCH_COMPAREBENCH_H
#define MF_TOOLS_MF_BENCH_COMPAREBENCH_H

#include "Library.h"
#include "Table.h"

namespace mf::bench {

struct CompareSettings {
  std::string a, b;       ///< libraries
  run::OpenSettings open; ///< of both; its threads are not read
  std::vector<int64_t> threads;
  std::vector<int64_t> tokens; ///< of a call; none: powers of two up to what both models have positions for
  std::vector<int64_t> depths; ///< tokens in the cache before
  int64_t repetitions = 7;
};

/// A row for each number of threads, depth and number of tokens, in ascending order. A repetition times both models in
/// turn, the other one first each time, in calls that append the tokens and give the last one's logits, and that are
/// repeated until they take 10 ms. `b / a` is the median over repetitions of the ratio of times; one is faster
/// where both quartiles say so. `crossover` is where the ratio of times is 1, on a line between the logarithms of two
/// rows, in the row where the other one is faster first. ExitUsage where a library is no language model or has too few
/// positions.
llvm::Expected<Table> compareModels(const CompareSettings &settings);

} // namespace mf::bench

#endif // MF_TOOLS_MF_BENCH_COMPAREBENCH_H
