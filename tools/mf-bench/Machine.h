// The machine that measures.
#ifndef MF_TOOLS_MF_BENCH_MACHINE_H
#define MF_TOOLS_MF_BENCH_MACHINE_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace mf::bench {

struct Machine {
  std::string cpu;       ///< "AMD EPYC (znver4)"
  std::string features;  ///< those that kernels are chosen by, separated by blanks
  int64_t cpus = 1;      ///< that this process may use
  int64_t l2Bytes = 0;   ///< of a core
  int64_t l3Bytes = 0;   ///< shared; the L2's where there is none
  int64_t freeBytes = 0; ///< of memory
};

/// Asks the system once.
const Machine &getMachine();

/// Bytes of this process that lie on huge pages now: anonymous memory and file mappings.
int64_t getHugePageBytes();

} // namespace mf::bench

#endif // MF_TOOLS_MF_BENCH_MACHINE_H
