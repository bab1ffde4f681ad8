// Barriers of a block that count the bytes of bulk copies, and the copies that are on their way to it.
#ifndef MF_LIB_RUNTIME_GPUHOST_TRANSFERS_H
#define MF_LIB_RUNTIME_GPUHOST_TRANSFERS_H

#include "Shadow.h"

namespace mf::rt::gpu {

/// A barrier in workgroup memory. A phase ends when all have arrived and all expected bytes are there.
struct TransferBarrier {
  uint32_t offset;
  int32_t count;   ///< arrivals of a phase
  int32_t pending; ///< of them
  int64_t bytes;   ///< that the phase still waits for; below 0 where they came before they were expected
  uint32_t phase;
  SharedAccess init; ///< by whom it was initialised
  uint32_t initTime;
};

/// A copy to this block.
struct Transfer {
  char *to;
  const char *from;
  uint32_t bytes;
  int32_t barrier; ///< number of the barrier that counts it
};

class Transfers {
public:
  void clear() {
    count = 0;
    copies.clear();
  }
  void release() { copies.release(); }
  /// The number of the barrier at `offset`; -1: there is none.
  int32_t find(uint32_t offset) const;
  /// A new one; -1 where there are too many.
  int32_t init(uint32_t offset, int32_t arrivals, const SharedAccess &access, uint32_t time);
  TransferBarrier &get(int32_t barrier) { return barriers[barrier]; }
  /// Whether the phase with this parity has ended.
  bool hasEnded(int32_t barrier, uint32_t parity) const { return (barriers[barrier].phase & 1) != parity; }
  /// Ends the phase where nothing is missing.
  void update(int32_t barrier);
  bool add(const Transfer &transfer) { return copies.push(transfer); }
  /// Lets all copies that the barrier counts arrive: arrived(transfer). Returns whether there was one.
  template <typename Arrived> bool deliver(int32_t barrier, Arrived arrived) {
    size_t kept = 0;
    for (size_t i = 0; i < copies.size; ++i) {
      const Transfer transfer = copies.data[i];
      if (transfer.barrier != barrier) {
        copies.data[kept++] = transfer;
        continue;
      }
      memcpy(transfer.to, transfer.from, transfer.bytes);
      barriers[barrier].bytes -= transfer.bytes;
      arrived(transfer);
    }
    bool any = kept != copies.size;
    copies.size = kept;
    update(barrier);
    return any;
  }
  bool isEmpty() const { return copies.size == 0; }

private:
  TransferBarrier barriers[kMostTransferBarriers];
  int32_t count;
  List<Transfer> copies;
};

} // namespace mf::rt::gpu

#endif // MF_LIB_RUNTIME_GPUHOST_TRANSFERS_H
