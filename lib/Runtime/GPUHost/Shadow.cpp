// Two accesses of different threads to a byte, one of them a write, need a barrier of both threads between them.
#include "Shadow.h"

namespace mf::rt::gpu {

/// Bit of a writer: it is the barrier that counts a bulk copy.
static constexpr uint16_t kTransfer = 0x8000;

bool Shadow::begin(uint32_t bytes) {
  // Close to the end of the numbers, all begins anew.
  if (now > 0xf0000000u) {
    cells.clear();
    now = 0;
  }
  first = barrier = ++now;
  for (uint32_t &warpBarrier : warpBarriers)
    warpBarrier = now;
  return cells.size >= bytes || cells.resize(bytes);
}

/// Whether what `thread`, or others like it, did at `time` comes before what thread `next` does now.
bool Shadow::isOrdered(uint32_t time, uint32_t epoch, uint16_t thread, Readers threads,
                       const SharedAccess &next) const {
  // Of another block, barriers of the cluster alone say anything.
  if (epoch < next.progress->passed)
    return true;
  if (next.remote)
    return false;
  if (time < barrier)
    return true;
  if (thread & kTransfer)
    return time < next.progress->observed[thread & ~kTransfer];
  if (threads == OneThread && thread == next.thread)
    return true;
  return threads != Many && thread / kWarp == next.thread / kWarp && time < warpBarriers[next.thread / kWarp];
}

bool Shadow::isAfter(const SharedAccess &before, uint32_t time, const SharedAccess &access) const {
  return isOrdered(time, before.epoch, before.thread, OneThread, access);
}

const char *Shadow::read(Cell &cell, const SharedAccess &access) {
  if (cell.pending >= first)
    return "reads workgroup memory while a copy to it is on its way";
  if (cell.written < first)
    return "reads workgroup memory that nothing wrote";
  if (!isOrdered(cell.written, cell.writeEpoch, cell.writer, OneThread, access))
    return "race: reads workgroup memory that another thread wrote, without a barrier between them";
  // Reads that are ordered before this one say nothing new.
  bool isNew = isOrdered(cell.read, cell.readEpoch, cell.reader, cell.readers, access) || cell.read < first;
  cell.readEpoch = isNew || access.epoch > cell.readEpoch ? access.epoch : cell.readEpoch;
  if (isNew)
    cell.readers = OneThread;
  else
    cell.readers = cell.readers != Many && cell.reader / kWarp == access.thread / kWarp ? OneWarp : Many;
  cell.read = now;
  cell.reader = access.thread;
  return nullptr;
}

const char *Shadow::write(Cell &cell, const SharedAccess &access) {
  if (cell.pending >= first)
    return "writes workgroup memory while a copy to it is on its way";
  if (cell.written >= first && !isOrdered(cell.written, cell.writeEpoch, cell.writer, OneThread, access))
    return "race: writes workgroup memory that another thread wrote, without a barrier between them";
  if (cell.read >= first && !isOrdered(cell.read, cell.readEpoch, cell.reader, cell.readers, access))
    return "race: writes workgroup memory that another thread read, without a barrier between them";
  if (access.delayed)
    cell.pending = now;
  cell.written = now;
  cell.writer = access.thread;
  cell.writeEpoch = access.epoch;
  return nullptr;
}

const char *Shadow::access(const SharedAccess &access) {
  for (uint32_t i = 0; i < access.bytes; ++i) {
    Cell &cell = cells.data[access.offset + i];
    if (const char *problem = access.writes ? write(cell, access) : read(cell, access))
      return problem;
  }
  return nullptr;
}

void Shadow::complete(uint32_t offset, uint32_t bytes, uint16_t thread) {
  for (uint32_t i = 0; i < bytes; ++i) {
    Cell &cell = cells.data[offset + i];
    cell.pending = 0;
    cell.written = now;
    cell.writer = thread;
  }
}

void Shadow::completeTransfer(uint32_t offset, uint32_t bytes, int32_t barrier, uint32_t epoch) {
  complete(offset, bytes, uint16_t(kTransfer | barrier));
  for (uint32_t i = 0; i < bytes; ++i)
    cells.data[offset + i].writeEpoch = epoch;
}

} // namespace mf::rt::gpu
