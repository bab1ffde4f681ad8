// XXH64 and the block digest of parameter files.
#ifndef MF_LIB_RUNTIME_DIGEST_H
#define MF_LIB_RUNTIME_DIGEST_H

#include <stddef.h>
#include <stdint.h>

struct mf_rt_pool;

namespace mf::rt {

/// XXH64 with seed 0, as specified at https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md.
uint64_t xxh64(const void *data, size_t bytes);

/// The digest that mf/Runtime/ParameterFile.h defines; a run of no bytes has no blocks. The blocks are hashed by
/// `pool`, or by the caller alone where it is null. False where there is no memory for a word per block.
bool digestBlocks(mf_rt_pool *pool, const void *data, uint64_t bytes, uint64_t &digest);

} // namespace mf::rt

#endif // MF_LIB_RUNTIME_DIGEST_H
