// What this machine's memory and arithmetic give at best: the ceilings that kernels are compared with.
#ifndef MF_TOOLS_MF_BENCH_PROBE_H
#define MF_TOOLS_MF_BENCH_PROBE_H

#include "Table.h"

#include <map>
#include <memory>
#include <tuple>

namespace mf::bench {

enum class Pages { Small, Huge };

/// Anonymous memory that is in place, on 4-KiB pages or, as far as the system has them, on huge ones.
class ProbeBuffer {
public:
  ProbeBuffer(size_t bytes, Pages pages);
  ProbeBuffer(const ProbeBuffer &) = delete;
  ProbeBuffer &operator=(const ProbeBuffer &) = delete;
  ~ProbeBuffer();

  /// Null where there is no memory.
  char *data() const { return start; }
  size_t size() const { return bytes; }

private:
  void *mapping = nullptr;
  size_t mappedBytes = 0, bytes = 0;
  char *start = nullptr;
};

/// A measured ceiling and the prefetch distance that gave it; a rate of 0: could not be measured.
struct Ceiling {
  double perSecond = 0;
  int64_t ahead = 0; ///< bytes, or pieces
};

/// Ceilings by number of threads. Each is measured when it is first asked for, and kept while the process runs.
class Probe {
public:
  /// Memory is measured on `bytes` of it, for each kind of page; 0: 1 to 4 GiB, 16 times the L3, as far as there is
  /// memory.
  explicit Probe(int64_t bytes) : bytes(bytes) {}

  /// f32 multiply-adds per second.
  Ceiling getMultiplyAdds(int64_t threads);
  /// Bytes per second out of the L2 of each thread's core.
  Ceiling getL2(int64_t threads);
  /// Bytes per second out of memory, in order, on huge pages.
  Ceiling getSequential(int64_t threads);
  /// Bytes per second out of memory in random pieces; `pieceBytes` is rounded up to a power of two from 64 to 4096.
  Ceiling getRandom(int64_t threads, int64_t pieceBytes, Pages pages);
  /// The same for runs of 1,024 pieces, before each of which twice the L3 was read in order: the head does so between
  /// two steps of a decode, and it takes the page tables out of the caches too.
  Ceiling getRandomAfterStream(int64_t threads, int64_t pieceBytes, Pages pages);

private:
  enum class Kind { MultiplyAdds, L2, Sequential, Random, RandomAfterStream };

  Ceiling find(std::tuple<Kind, int64_t, int64_t, Pages> key, llvm::function_ref<Ceiling()> measure);
  /// Far bigger than the caches.
  ProbeBuffer &getBuffer(Pages pages);

  int64_t bytes;
  std::map<std::tuple<Kind, int64_t, int64_t, Pages>, Ceiling> known;
  std::unique_ptr<ProbeBuffer> buffers[2];
};

/// All ceilings for each number of threads, as rows.
Table describeCeilings(Probe &probe, llvm::ArrayRef<int64_t> threads);

} // namespace mf::bench

#endif // MF_TOOLS_MF_BENCH_PROBE_H
