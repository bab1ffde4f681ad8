// Who touched which byte of a block's workgroup memory, for the check of races.
#ifndef MF_LIB_RUNTIME_GPUHOST_SHADOW_H
#define MF_LIB_RUNTIME_GPUHOST_SHADOW_H

#include "List.h"

namespace mf::rt::gpu {

inline constexpr int kWarp = 32;
inline constexpr int kMostWarps = 32;
inline constexpr int kMostClusterBlocks = 8;
inline constexpr int kMostTransferBarriers = 16;

/// What a thread has waited for, beside barriers of its block and warp.
struct Progress {
  uint32_t arrived, passed;                 ///< barriers of the cluster
  uint32_t observed[kMostTransferBarriers]; ///< time at which it last saw a phase end
};

/// An access to workgroup memory.
struct SharedAccess {
  uint32_t offset, bytes; ///< in the workgroup memory
  uint16_t thread;
  bool writes;
  bool delayed; ///< by a copy that is on its way until `complete`
  const Progress *progress;
  bool remote;    ///< by a thread of another block of the cluster
  uint32_t epoch; ///< progress->arrived, at the time of the access
};

/// What each byte saw last. Time is counted in barriers: those of the block, which order the accesses of all threads,
/// and those of a warp, which order its own.
class Shadow {
public:
  /// A block begins, whose memory has `bytes` bytes and is undefined. False where memory is out.
  bool begin(uint32_t bytes);
  /// All threads, or all lanes of a warp, have waited for each other.
  void passBarrier() { barrier = ++now; }
  void passWarpBarrier(uint32_t warp) { warpBarriers[warp] = ++now; }
  /// Notes the access. Null, or what is wrong with it.
  const char *access(const SharedAccess &access);
  /// A copy of `thread` has arrived.
  void complete(uint32_t offset, uint32_t bytes, uint16_t thread);
  /// The same of a bulk copy that a barrier counts; who waits for it has arrived at `epoch` barriers of the cluster.
  void completeTransfer(uint32_t offset, uint32_t bytes, int32_t barrier, uint32_t epoch);
  /// A phase of a barrier ends: who waits for it sees what came before.
  uint32_t observe() { return ++now; }
  /// Whether the access comes after `before`, which was at `time`.
  bool isAfter(const SharedAccess &before, uint32_t time, const SharedAccess &access) const;
  uint32_t getTime() const { return now; }
  void release() { cells.release(); }

private:
  enum Readers : uint8_t { OneThread, OneWarp, Many };
  /// Times of the last write and read; before `first` there was none in this block.
  struct Cell {
    uint32_t written, read;
    uint32_t pending;               ///< when a copy that is on its way began
    uint32_t writeEpoch, readEpoch; ///< barriers of the cluster that the thread had arrived at, the most of readers
    uint16_t writer, reader;
    Readers readers;
  };

  const char *read(Cell &cell, const SharedAccess &access);
  const char *write(Cell &cell, const SharedAccess &access);
  bool isOrdered(uint32_t time, uint32_t epoch, uint16_t thread, Readers threads, const SharedAccess &next) const;

  List<Cell> cells;
  uint32_t now, first, barrier;
  uint32_t warpBarriers[kMostWarps];
};

} // namespace mf::rt::gpu

#endif // MF_LIB_RUNTIME_GPUHOST_SHADOW_H
