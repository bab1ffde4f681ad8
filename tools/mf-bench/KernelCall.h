// Calls of a kernel with inputs of its own.
#ifndef MF_TOOLS_MF_BENCH_KERNELCALL_H
#define MF_TOOLS_MF_BENCH_KERNELCALL_H

#include "Library.h"
#include "Npy.h"

#include <vector>

namespace mf::bench {

/// Tensors for one call of the entry point `call`.
class KernelCall {
public:
  /// Inputs are pseudo-random: codes below 2^bits, activations uniform in [-1, 1). Outputs are allocated.
  static llvm::Expected<KernelCall> create(const run::Library &library, int64_t tokens, int64_t bits, uint64_t seed);

  llvm::Error run(const run::Model &model);

private:
  std::vector<run::Array> inputs, outputs;
};

/// Calls that are made in turn, over models and inputs, so that the memory they read comes back late.
class CallCycle {
public:
  /// `sets` sets of inputs; the models live elsewhere.
  static llvm::Expected<CallCycle> create(llvm::ArrayRef<const run::Model *> models, int64_t tokens, int64_t bits,
                                          int64_t sets);

  /// Seconds per call over the next `count` calls.
  llvm::Expected<double> time(int64_t count);

private:
  std::vector<const run::Model *> models;
  std::vector<KernelCall> calls;
  size_t next = 0;
};

} // namespace mf::bench

#endif // MF_TOOLS_MF_BENCH_KERNELCALL_H
