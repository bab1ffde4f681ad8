// XXH64 after its specification, and the digest over 1 MiB blocks that lets many threads check one tensor.
#include "Digest.h"

#include "ThreadPool.h"
#include "mf/Runtime/ParameterFile.h"

#include <stdlib.h>
#include <string.h>

namespace mf::rt {

static constexpr uint64_t prime1 = 0x9E3779B185EBCA87, prime2 = 0xC2B2AE3D27D4EB4F, prime3 = 0x165667B19E3779F9,
                          prime4 = 0x85EBCA77C2B2AE63, prime5 = 0x27D4EB2F165667C5;

static uint64_t rotateLeft(uint64_t value, int bits) { return value << bits | value >> (64 - bits); }

static uint64_t read64(const unsigned char *data) {
  uint64_t value;
  memcpy(&value, data, sizeof(value));
  return value;
}

static uint32_t read32(const unsigned char *data) {
  uint32_t value;
  memcpy(&value, data, sizeof(value));
  return value;
}

static uint64_t mixLane(uint64_t accumulator, uint64_t lane) {
  return rotateLeft(accumulator + lane * prime2, 31) * prime1;
}

static uint64_t mergeAccumulator(uint64_t hash, uint64_t accumulator) {
  return (hash ^ mixLane(0, accumulator)) * prime1 + prime4;
}

/// Hashes the whole 32-byte stripes and moves `data` past them.
static uint64_t hashStripes(const unsigned char *&data, const unsigned char *end) {
  uint64_t lanes[4] = {prime1 + prime2, prime2, 0, 0 - prime1};
  for (; end - data >= 32; data += 32)
    for (int lane = 0; lane < 4; ++lane)
      lanes[lane] = mixLane(lanes[lane], read64(data + 8 * lane));
  uint64_t hash =
      rotateLeft(lanes[0], 1) + rotateLeft(lanes[1], 7) + rotateLeft(lanes[2], 12) + rotateLeft(lanes[3], 18);
  for (uint64_t lane : lanes)
    hash = mergeAccumulator(hash, lane);
  return hash;
}

static uint64_t hashTail(uint64_t hash, const unsigned char *data, const unsigned char *end) {
  for (; end - data >= 8; data += 8)
    hash = rotateLeft(hash ^ mixLane(0, read64(data)), 27) * prime1 + prime4;
  for (; end - data >= 4; data += 4)
    hash = rotateLeft(hash ^ read32(data) * prime1, 23) * prime2 + prime3;
  for (; data != end; ++data)
    hash = rotateLeft(hash ^ *data * prime5, 11) * prime1;
  return hash;
}

uint64_t xxh64(const void *bytes, size_t count) {
  const unsigned char *data = static_cast<const unsigned char *>(bytes), *end = data + count;
  uint64_t hash = (count >= 32 ? hashStripes(data, end) : prime5) + count;
  hash = hashTail(hash, data, end);
  hash = (hash ^ hash >> 33) * prime2;
  hash = (hash ^ hash >> 29) * prime3;
  return hash ^ hash >> 32;
}

namespace {
/// The loop over a tensor's blocks.
struct BlockLoop {
  const unsigned char *data;
  uint64_t bytes;
  uint64_t *digests; ///< one a block
};
} // namespace

static void hashBlocks(void *closure, int64_t begin, int64_t end, int64_t) {
  const BlockLoop &loop = *static_cast<const BlockLoop *>(closure);
  for (int64_t block = begin; block < end; ++block) {
    uint64_t offset = uint64_t(block) * MF_MFP_DIGEST_BLOCK, left = loop.bytes - offset;
    loop.digests[block] = xxh64(loop.data + offset, left < MF_MFP_DIGEST_BLOCK ? left : MF_MFP_DIGEST_BLOCK);
  }
}

bool digestBlocks(mf_rt_pool *pool, const void *data, uint64_t bytes, uint64_t &digest) {
  uint64_t blocks = bytes / MF_MFP_DIGEST_BLOCK + (bytes % MF_MFP_DIGEST_BLOCK != 0);
  uint64_t *digests = static_cast<uint64_t *>(malloc((blocks ? blocks : 1) * sizeof(uint64_t)));
  if (!digests)
    return false;
  BlockLoop loop = {static_cast<const unsigned char *>(data), bytes, digests};
  if (pool)
    parallelFor(pool, hashBlocks, &loop, int64_t(blocks));
  else
    hashBlocks(&loop, 0, int64_t(blocks), 0);
  digest = xxh64(digests, blocks * sizeof(uint64_t));
  free(digests);
  return true;
}

} // namespace mf::rt
