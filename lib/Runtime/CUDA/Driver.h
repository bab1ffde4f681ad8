// The CUDA driver, opened when it is first asked for.
#ifndef MF_LIB_RUNTIME_CUDA_DRIVER_H
#define MF_LIB_RUNTIME_CUDA_DRIVER_H

#include "Symbols.h"
#include "mf-c/model.h"

namespace mf::rt::cuda {

/// The driver's functions.
struct Driver {
#define MF_CUDA_MEMBER(member, symbol, parameters) Result(*member) parameters;
  MF_CUDA_REQUIRED(MF_CUDA_MEMBER)
  MF_CUDA_OPTIONAL(MF_CUDA_MEMBER)
#undef MF_CUDA_MEMBER
  int version; ///< 1000 * major + 10 * minor
  bool hasGraphs;

  /// Records "<what>: <the driver's name of the error>: <its text>"; MF_OUT_OF_MEMORY or MF_DEVICE_ERROR.
  __attribute__((format(printf, 3, 4))) mf_status failWith(Result error, const char *format, ...) const;
};

/// The process's driver. Opened and initialised by the first call that succeeds, and never closed; MF_NO_DEVICE where
/// it is missing, too old or does not start.
mf_status getDriver(const Driver *&driver);

} // namespace mf::rt::cuda

#endif // MF_LIB_RUNTIME_CUDA_DRIVER_H
