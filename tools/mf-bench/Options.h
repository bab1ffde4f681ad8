// The command line of mf-bench.
#ifndef MF_TOOLS_MF_BENCH_OPTIONS_H
#define MF_TOOLS_MF_BENCH_OPTIONS_H

#include "CompareBench.h"
#include "KernelBench.h"
#include "ModelBench.h"

namespace mf::bench {

enum class Action { Model, Kernel, Probe, Tune, Compare };

struct Options {
  Action action = Action::Model;
  ModelSettings model;
  KernelSettings kernel;
  CompareSettings compare;
  std::vector<int64_t> threads;
  int64_t probeBytes = 0;   ///< see Probe
  std::string strategyFile; ///< that tuning writes
  Format format = Format::Markdown;
};

/// Parses the command line and checks it; ExitUsage where it is wrong.
llvm::Expected<Options> parseOptions(int argc, char **argv);

} // namespace mf::bench

#endif // MF_TOOLS_MF_BENCH_OPTIONS_H
