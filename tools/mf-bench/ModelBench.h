// Benchmarks of a language model: prefill and decode.
#ifndef MF_TOOLS_MF_BENCH_MODELBENCH_H
#define MF_TOOLS_MF_BENCH_MODELBENCH_H

#include "Library.h"
#include "Table.h"

namespace mf::bench {

struct ModelSettings {
  std::string path;
  run::OpenSettings open; ///< its threads are not read
  std::vector<int64_t> threads;
  std::vector<int64_t> prefill, decode; ///< tokens; 0: none
  std::vector<int64_t> depths;          ///< tokens in the cache before
  int64_t repetitions = 7;
};

/// A row for each number of threads, depth, and number of tokens, prefill before decode. Prefill appends all tokens in
/// one call that gives the last one's logits; decode appends one token a call, with its logits. ExitUsage where the
/// library is no language model or has too few positions.
llvm::Expected<Table> benchModel(const ModelSettings &settings);

} // namespace mf::bench

#endif // MF_TOOLS_MF_BENCH_MODELBENCH_H
