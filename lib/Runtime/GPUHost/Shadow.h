// Who touched which byte of a block's workgroup memory, for the check of races.
#ifndef MF_LIB_RUNTIME_GPUHOST_SHADOW_H
#define MF_LIB_RUNTIME_GPUHOST_SHADOW_H

#include "List.h"

namespace mf::rt::gpu {

/// An access to workgroup memory.
struct SharedAccess {
  uint32_t offset, bytes; ///< in the workgroup memory
  uint16_t thread;
  bool writes;
  bool delayed; ///< by a copy that is on its way until `complete`
};

/// What each byte saw since the block's last barrier. Time is counted in epochs, a barrier ends one.
class Shadow {
public:
  /// A block begins, whose memory has `bytes` bytes and is undefined. False where memory is out.
  bool begin(uint32_t bytes);
  /// All threads have waited for each other: what came before happened before what follows.
  void passBarrier() { ++epoch; }
  /// Notes the access. Null, or what is wrong with it.
  const char *access(const SharedAccess &access);
  /// A copy of `thread` has arrived.
  void complete(uint32_t offset, uint32_t bytes, uint16_t thread);
  void release() { cells.release(); }

private:
  /// Epochs of the last write and read; before `firstEpoch` there was none in this block.
  struct Cell {
    uint32_t writeEpoch, readEpoch;
    uint32_t pendingEpoch; ///< when a copy that is on its way began
    uint16_t writer, reader;
    bool manyReaders;
  };

  const char *read(Cell &cell, const SharedAccess &access);
  const char *write(Cell &cell, const SharedAccess &access);
  bool isPending(const Cell &cell) const { return cell.pendingEpoch >= firstEpoch; }

  List<Cell> cells;
  uint32_t epoch, firstEpoch;
};

} // namespace mf::rt::gpu

#endif // MF_LIB_RUNTIME_GPUHOST_SHADOW_H
