// Two accesses of different threads to a byte, one of them a write, need a barrier of both threads between them.
#include "Shadow.h"

namespace mf::rt::gpu {

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
bool Shadow::isOrdered(uint32_t time, uint16_t thread, Readers threads, uint16_t next) const {
  if (time < barrier || (threads == OneThread && thread == next))
    return true;
  return threads != Many && thread / kWarp == next / kWarp && time < warpBarriers[next / kWarp];
}

const char *Shadow::read(Cell &cell, const SharedAccess &access) {
  if (cell.pending >= first)
    return "reads workgroup memory while a copy to it is on its way";
  if (cell.written < first)
    return "reads workgroup memory that nothing wrote";
  if (!isOrdered(cell.written, cell.writer, OneThread, access.thread))
    return "race: reads workgroup memory that another thread wrote, without a barrier between them";
  // Reads that are ordered before this one say nothing new.
  if (isOrdered(cell.read, cell.reader, cell.readers, access.thread))
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
  if (!isOrdered(cell.written, cell.writer, OneThread, access.thread))
    return "race: writes workgroup memory that another thread wrote, without a barrier between them";
  if (!isOrdered(cell.read, cell.reader, cell.readers, access.thread))
    return "race: writes workgroup memory that another thread read, without a barrier between them";
  if (access.delayed)
    cell.pending = now;
  cell.written = now;
  cell.writer = access.thread;
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

} // namespace mf::rt::gpu
