// Searches the strategies of a kernel on this machine.
#ifndef MF_TOOLS_MF_BENCH_TUNE_H
#define MF_TOOLS_MF_BENCH_TUNE_H

#include "KernelBench.h"

namespace mf::bench {

/// For one op of the kernel after the other, compiles every strategy that lib/Codegen/Strategy lists, times all of them
/// interleaved, and keeps the fastest (geometric mean over the numbers of tokens) where it is at least 1 % faster than
/// the one that is selected without a file. Writes the choices to `path`, for mf-compile --strategy. Needs one number
/// of threads, and one CPU or none: then it is the best default variant that this machine runs, which is what a library
/// runs here.
llvm::Expected<Table> tuneKernel(const KernelSettings &settings, llvm::StringRef path,
                                 const mlir::DialectRegistry &registry);

} // namespace mf::bench

#endif // MF_TOOLS_MF_BENCH_TUNE_H
