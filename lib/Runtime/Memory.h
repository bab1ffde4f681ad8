// Ranges of address space: anonymous memory on huge pages and read-only file mappings.
#ifndef MF_LIB_RUNTIME_MEMORY_H
#define MF_LIB_RUNTIME_MEMORY_H

#include "mf-c/model.h"

namespace mf::rt {

/// A mapped range, owned by whoever holds the struct; an empty one has no base.
struct Region {
  void *base;
  uint64_t bytes; ///< mapped, at least what was asked for
};

/// Maps at least `bytes` of zeroed private memory, aligned to 2 MiB with huge pages advised where it has as much.
/// Pages are not touched. `what` names the memory in the error. Zero bytes give an empty region.
mf_status mapAnonymous(uint64_t bytes, const char *what, Region &region);

/// Maps the first `bytes` > 0 bytes of an open file, shared and read-only, aligned to 2 MiB so that large tensors are.
mf_status mapFile(int file, uint64_t bytes, const char *path, Region &region);

/// Unmaps and empties the region.
void unmap(Region &region);

/// Bytes of [base, base + bytes) that the kernel holds on huge pages now; 0 where /proc does not tell.
uint64_t hugePageBytes(const void *base, uint64_t bytes);

} // namespace mf::rt

#endif // MF_LIB_RUNTIME_MEMORY_H
