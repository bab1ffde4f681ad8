// A model's parameters in memory: mapped, copied or embedded.
#ifndef MF_LIB_RUNTIME_PARAMETERFILE_H
#define MF_LIB_RUNTIME_PARAMETERFILE_H

#include "Memory.h"
#include "mf/Runtime/ParameterFile.h"
#include "mf/Runtime/Plan.h"

namespace mf::rt {

/// Loaded parameters; all zero where a library has none. Owned by whoever holds the struct.
struct Parameters {
  mf_mfp_header *header;     ///< a private, validated copy of the whole header
  const void **data;         ///< a pointer per tensor, in the order of the file
  const unsigned char *base; ///< the file's first byte in memory
  Region region;             ///< what `base` is part of; empty where it is embedded and used in place
  bool embedded;
  mf_load_mode mode;
  char path[4096]; ///< "" where embedded
};

/// Opens the plan's parameters and validates the header. `path` null: the embedded ones, or the file beside the
/// library: for /dir/name.so `/dir/name.mfp`, and `/dir/name.<digest>.mfp` where that is missing or of another model.
/// Copies are read by the pool's threads.
mf_status loadParameters(const mf_rt_plan &plan, const char *path, mf_load_mode mode, mf_rt_pool *pool,
                         Parameters &parameters);

/// Checks the digest of every tensor; the error names the first bad one.
mf_status verifyParameters(const Parameters &parameters, mf_rt_pool *pool);

/// Unmaps, frees and empties.
void releaseParameters(Parameters &parameters);

} // namespace mf::rt

#endif // MF_LIB_RUNTIME_PARAMETERFILE_H
