// Blocks run in turn until all wait. Then the barrier of the cluster opens, or else copies arrive that somebody waits
// for: as late as a GPU may have them arrive.
#include "Cluster.h"

#include "Record.h"

namespace mf::rt::gpu {

bool Cluster::begin(Record &record, const Launch &launch) {
  int32_t wanted = launch.kernel->cluster > 1 ? launch.kernel->cluster : 1;
  for (size = 0; size < wanted; ++size) {
    Block *block = record.take();
    if (!block)
      return false;
    blocks[size] = block;
    if (!block->begin(launch, *this)) {
      ++size;
      return false;
    }
  }
  return true;
}

void Cluster::end(Record &record) {
  for (int32_t i = 0; i < size; ++i)
    record.giveBack(blocks[i]);
}

void Cluster::addCounters(Counters &counters) const {
  for (int32_t i = 0; i < size; ++i)
    counters.add(blocks[i]->getCounters());
}

bool Cluster::advance() {
  bool any = false;
  for (int32_t i = 0; i < size && !blocks[i]->hasFailed(); ++i)
    any |= blocks[i]->advance();
  return any;
}

bool Cluster::releaseWaiting() {
  uint32_t arrived = UINT32_MAX;
  for (int32_t i = 0; i < size; ++i)
    if (uint32_t least = blocks[i]->getLeastArrived(); least < arrived)
      arrived = least;
  bool any = false;
  for (int32_t i = 0; i < size; ++i)
    any |= blocks[i]->passClusterBarriers(arrived);
  if (any)
    return true;
  for (int32_t i = 0; i < size; ++i)
    if (blocks[i]->deliverCopies())
      return true;
  return false;
}

const char *Cluster::run(int64_t number) {
  for (int32_t i = 0; i < size; ++i)
    blocks[i]->start(number, i);
  auto findFailure = [&]() -> const char * {
    for (int32_t i = 0; i < size; ++i)
      if (blocks[i]->hasFailed())
        return blocks[i]->getError();
    return nullptr;
  };
  const char *failure;
  bool goesOn = true;
  while (!(failure = findFailure()) && goesOn)
    goesOn = advance() || (!findFailure() && releaseWaiting());
  for (int32_t i = 0; i < size && !failure; ++i) {
    blocks[i]->finish();
    failure = findFailure();
  }
  return failure;
}

} // namespace mf::rt::gpu
