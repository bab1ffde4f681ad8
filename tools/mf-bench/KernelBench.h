// Benchmarks of one kernel.
#ifndef MF_TOOLS_MF_BENCH_KERNELBENCH_H
#define MF_TOOLS_MF_BENCH_KERNELBENCH_H

#include "CompiledKernel.h"
#include "KernelCall.h"
#include "Probe.h"
#include "Statistics.h"

namespace mf::bench {

struct KernelSettings {
  Kernel kernel;
  CompileSettings compile;
  std::vector<int64_t> tokens, threads;
  int64_t repetitions = 7;
  mf_load_mode loadMode = MF_LOAD_MAP;
  bool cold = false; ///< other tables each call
  bool probe = true; ///< measure the ceilings
};

/// Models of one library, opened alike. Those after the first have copies of the parameters.
class OpenKernel {
public:
  static llvm::Expected<OpenKernel> open(const CompiledKernel &compiled, const std::string &parameters,
                                         llvm::StringRef variant, int64_t threads, mf_load_mode loadMode,
                                         int64_t copies);

  std::vector<const run::Model *> getModels() const;
  /// What most of the parameters lie on.
  Pages getPages() const { return pages; }

private:
  Pages pages = Pages::Small;
  std::vector<run::Model> models;
};

/// A repetition takes at least this long, as far as it is the caller's choice.
inline constexpr double kRepetitionSeconds = 0.02;

/// Calls that take about kRepetitionSeconds, at least one; measured by calling, which warms up, too.
llvm::Expected<int64_t> calibrate(CallCycle &cycle);

/// Compiles the kernel once and times it for each variant, number of threads and number of tokens; those of one variant
/// and number of threads are interleaved.
llvm::Expected<Table> benchKernel(const KernelSettings &settings, Probe &probe, const mlir::DialectRegistry &registry);

} // namespace mf::bench

#endif // MF_TOOLS_MF_BENCH_KERNELBENCH_H
