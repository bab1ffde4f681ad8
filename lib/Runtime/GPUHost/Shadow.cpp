// Two accesses of different threads to a byte, one of them a write, need a barrier between them.
#include "Shadow.h"

namespace mf::rt::gpu {

bool Shadow::begin(uint32_t bytes) {
  // Close to the end of the numbers, all begins anew.
  if (epoch > 0xf0000000u) {
    cells.clear();
    epoch = 0;
  }
  firstEpoch = ++epoch;
  return cells.size >= bytes || cells.resize(bytes);
}

const char *Shadow::read(Cell &cell, const SharedAccess &access) {
  if (isPending(cell))
    return "reads workgroup memory while a copy to it is on its way";
  if (cell.writeEpoch < firstEpoch)
    return "reads workgroup memory that nothing wrote";
  if (cell.writeEpoch == epoch && cell.writer != access.thread)
    return "race: reads workgroup memory that another thread wrote, without a barrier between them";
  cell.manyReaders = cell.readEpoch == epoch && (cell.manyReaders || cell.reader != access.thread);
  cell.readEpoch = epoch;
  cell.reader = access.thread;
  return nullptr;
}

const char *Shadow::write(Cell &cell, const SharedAccess &access) {
  if (isPending(cell))
    return "writes workgroup memory while a copy to it is on its way";
  if (cell.writeEpoch == epoch && cell.writer != access.thread)
    return "race: writes workgroup memory that another thread wrote, without a barrier between them";
  if (cell.readEpoch == epoch && (cell.manyReaders || cell.reader != access.thread))
    return "race: writes workgroup memory that another thread read, without a barrier between them";
  if (access.delayed)
    cell.pendingEpoch = epoch;
  cell.writeEpoch = epoch;
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
    cell.pendingEpoch = 0;
    cell.writeEpoch = epoch;
    cell.writer = thread;
  }
}

} // namespace mf::rt::gpu
