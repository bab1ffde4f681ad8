// Phases of barriers as PTX, "mbarrier", has them: an early arrival of bytes is a debt that an expectation pays.
#include "Transfers.h"

namespace mf::rt::gpu {

int32_t Transfers::find(uint32_t offset) const {
  for (int32_t i = 0; i < count; ++i)
    if (barriers[i].offset == offset)
      return i;
  return -1;
}

int32_t Transfers::init(uint32_t offset, int32_t arrivals, const SharedAccess &access, uint32_t time) {
  if (count == kMostTransferBarriers)
    return -1;
  barriers[count] = {offset, arrivals, arrivals, 0, 0, access, time};
  return count++;
}

void Transfers::update(int32_t number) {
  TransferBarrier &barrier = barriers[number];
  if (barrier.pending != 0 || barrier.bytes != 0)
    return;
  ++barrier.phase;
  barrier.pending = barrier.count;
}

} // namespace mf::rt::gpu
