// The loops that the probe times. Plain C++: the compiler chooses the instructions.
#ifndef MF_TOOLS_MF_BENCH_PROBELOOPS_H
#define MF_TOOLS_MF_BENCH_PROBELOOPS_H

#include <cstddef>
#include <cstdint>

namespace mf::bench {

/// Loops compiled for one vector width. Sums are returned so that no loop can be left out.
struct ProbeLoops {
  /// Reads [data, data + bytes), bytes a multiple of 512, prefetching `ahead` bytes ahead (0: not at all).
  uint64_t (*read)(const char *data, size_t bytes, size_t ahead);
  /// Reads `count` pieces of `pieceBytes` (a multiple of 64) at pseudo-random places among the `places` pieces of
  /// `data`, each prefetched whole `ahead` pieces before. Equal `seed`s read equal pieces.
  uint64_t (*readPieces)(const char *data, uint64_t places, size_t pieceBytes, size_t count, size_t ahead,
                         uint64_t seed);
  /// Independent f32 multiply-adds in registers.
  float (*multiplyAdd)(size_t iterations);
  /// Multiply-adds of an iteration.
  size_t multiplyAddsPerIteration;
};

/// The widest that this CPU runs.
const ProbeLoops &getProbeLoops();

} // namespace mf::bench

#endif // MF_TOOLS_MF_BENCH_PROBELOOPS_H
