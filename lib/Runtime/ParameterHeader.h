// Strict validation of a parameter file's header.
#ifndef MF_LIB_RUNTIME_PARAMETERHEADER_H
#define MF_LIB_RUNTIME_PARAMETERHEADER_H

#include "mf-c/model.h"
#include "mf/Runtime/ParameterFile.h"

namespace mf::rt {

/// Checks the fixed part: magic, version, and sizes against the `fileBytes` that there are. `available` of its bytes
/// are readable. Everything that a reader of `header_bytes` bytes needs holds afterwards.
mf_status checkFixedHeader(const char *path, const mf_mfp_header *header, uint64_t available, uint64_t fileBytes);

/// Checks the whole header of `header->header_bytes` bytes: its digest, that it is the `expectedDigest` of the library,
/// and each tensor's record: strings, shape, size, alignment, bounds, no overlap. The header is restored, but written
/// to while it is hashed.
mf_status checkHeader(const char *path, mf_mfp_header *header, uint64_t expectedDigest);

/// The records that follow a header.
inline const mf_mfp_tensor *tensorRecords(const mf_mfp_header *header) {
  return reinterpret_cast<const mf_mfp_tensor *>(header + 1);
}

/// The name in a validated record.
inline const char *tensorName(const mf_mfp_header *header, const mf_mfp_tensor &tensor) {
  return reinterpret_cast<const char *>(header) + tensor.name_offset;
}

} // namespace mf::rt

#endif // MF_LIB_RUNTIME_PARAMETERHEADER_H
