// Loops over vectors of the compiler's, once per vector width of x86-64 and once for anything else.
#include "ProbeLoops.h"

using namespace mf::bench;

template <typename T, size_t bytes> struct VectorOf { typedef T type __attribute__((vector_size(bytes))); };
using Line = VectorOf<uint64_t, 64>::type;
template <size_t bytes> using Floats = typename VectorOf<float, bytes>::type;

#define MF_INLINE [[gnu::always_inline]] static inline

MF_INLINE uint64_t addUp(const Line &line) {
  uint64_t sum = 0;
  for (int i = 0; i < 8; ++i)
    sum += line[i];
  return sum;
}

MF_INLINE uint64_t readLoop(const char *data, size_t bytes, size_t ahead) {
  Line sums[8] = {};
  for (const char *end = data + bytes; data != end; data += sizeof(sums)) {
#pragma clang loop unroll(full)
    for (size_t i = 0; i < 8; ++i) {
      if (ahead)
        __builtin_prefetch(data + ahead + i * sizeof(Line));
      sums[i] += *reinterpret_cast<const Line *>(data + i * sizeof(Line));
    }
  }
  for (int i = 1; i < 8; ++i)
    sums[0] += sums[i];
  return addUp(sums[0]);
}

/// A place below `places` for the i-th piece.
MF_INLINE uint64_t getPlace(uint64_t i, uint64_t places) {
  uint64_t bits = i * 0x9e3779b97f4a7c15;
  bits = (bits ^ bits >> 32) * 0xd6e8feb86659fd93;
  return (bits >> 32) * places >> 32;
}

MF_INLINE void prefetchPiece(const char *piece, size_t bytes) {
  for (size_t i = 0; i < bytes; i += sizeof(Line))
    __builtin_prefetch(piece + i);
}

MF_INLINE uint64_t readPiecesLoop(const char *data, uint64_t places, size_t pieceBytes, size_t count, size_t ahead,
                                  uint64_t seed) {
  Line sum = {};
  auto find = [&](size_t i) { return data + getPlace(seed + i, places) * pieceBytes; };
  for (size_t i = 0; i < ahead && i < count; ++i)
    prefetchPiece(find(i), pieceBytes);
  for (size_t i = 0; i < count; ++i) {
    if (ahead)
      prefetchPiece(find(i + ahead), pieceBytes);
    const char *piece = find(i);
    for (size_t j = 0; j < pieceBytes; j += sizeof(Line))
      sum += *reinterpret_cast<const Line *>(piece + j);
  }
  return addUp(sum);
}

/// Chains of dependent multiply-adds, more than the latency hides and as few as registers hold.
static constexpr size_t chains = 12;

template <size_t bytes> MF_INLINE float multiplyAddLoop(size_t iterations) {
  using Vector = Floats<bytes>;
  Vector sums[chains], factor = Vector{} + 0.999f, term = Vector{} + 0.001f;
  for (size_t i = 0; i < chains; ++i)
    sums[i] = Vector{} + float(i + 2); // 1 would stay 1
  for (size_t iteration = 0; iteration < iterations; ++iteration) {
#pragma clang loop unroll(full)
    for (size_t i = 0; i < chains; ++i)
      sums[i] = sums[i] * factor + term;
  }
  float sum = 0;
  for (size_t i = 0; i < chains; ++i)
    sum += sums[i][0];
  return sum;
}

/// The loops with the instructions of `attribute` on vectors of `bytes`.
#define MF_PROBE_LOOPS(name, attribute, bytes)                                                                         \
  attribute static uint64_t name##Read(const char *data, size_t size, size_t ahead) {                                  \
    return ahead ? readLoop(data, size, ahead) : readLoop(data, size, 0);                                              \
  }                                                                                                                    \
  attribute static uint64_t name##ReadPieces(const char *data, uint64_t places, size_t pieceBytes, size_t count,       \
                                             size_t ahead, uint64_t seed) {                                            \
    return readPiecesLoop(data, places, pieceBytes, count, ahead, seed);                                               \
  }                                                                                                                    \
  attribute static float name##MultiplyAdd(size_t iterations) { return multiplyAddLoop<bytes>(iterations); }           \
  static const ProbeLoops name##Loops = {name##Read, name##ReadPieces, name##MultiplyAdd, chains * bytes / 4};

MF_PROBE_LOOPS(baseline, , 16)

#ifdef __x86_64__
MF_PROBE_LOOPS(avx2, __attribute__((target("avx2,fma"))), 32)
MF_PROBE_LOOPS(avx512, __attribute__((target("avx512f,avx512vl,avx2,fma"))), 64)

const ProbeLoops &mf::bench::getProbeLoops() {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
    return avx512Loops;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? avx2Loops : baselineLoops;
}
#else
const ProbeLoops &mf::bench::getProbeLoops() { return baselineLoops; }
#endif
