// A list of launches is captured when its key comes for the second time: most prefills come once.
#include "Lane.h"

#include "../Error.h"

#include <stdlib.h>
#include <string.h>

namespace mf::rt::cuda {

mf_status GraphCache::init(uint64_t words) {
  keys = static_cast<uint64_t *>(calloc((size + 1) * words, sizeof(uint64_t)));
  if (!keys)
    return fail(MF_OUT_OF_MEMORY, "graphs of launches: out of memory");
  for (int i = 0; i < size; ++i)
    slots[i].key = keys + uint64_t(i) * words;
  wanted = keys + size * words;
  return MF_OK;
}

void GraphCache::clear(const Driver &driver) {
  for (Slot &slot : slots) {
    if (slot.exec)
      driver.graphExecDestroy(slot.exec);
    slot.exec = nullptr;
    slot.lastUse = 0;
  }
}

void GraphCache::release(const Driver &driver) {
  clear(driver);
  free(keys);
}

/// Writes the key of a call; the number of its words.
static uint64_t writeKey(const Lane &lane, const EntryCall &call, uint64_t *key) {
  const mf_rt_entry &entry = lane.device->plan->entries[call.index];
  uint64_t words = 0;
  key[words++] = uint64_t(call.index);
  for (int32_t i = 0; i < entry.dim_count; ++i)
    key[words++] = uint64_t(call.dims[i]);
  for (int32_t i = 0; i < entry.operand_count; ++i)
    key[words++] = reinterpret_cast<uint64_t>(lane.addresses[i]);
  return words;
}

/// The slot of the call's key, and whether it was there; a new one takes the place of the one that was not used for
/// longest.
static GraphCache::Slot &findSlot(Lane &lane, const EntryCall &call, bool &isKnown) {
  GraphCache &cache = lane.graphs;
  uint64_t words = writeKey(lane, call, cache.wanted);
  GraphCache::Slot *oldest = cache.slots;
  isKnown = true;
  ++cache.uses;
  for (GraphCache::Slot &slot : cache.slots) {
    if (slot.lastUse && slot.keyWords == words && memcmp(slot.key, cache.wanted, words * sizeof(uint64_t)) == 0) {
      slot.lastUse = cache.uses;
      return slot;
    }
    if (slot.lastUse < oldest->lastUse)
      oldest = &slot;
  }
  isKnown = false;
  if (oldest->exec)
    lane.device->driver->graphExecDestroy(oldest->exec);
  oldest->exec = nullptr;
  oldest->keyWords = words;
  oldest->lastUse = cache.uses;
  memcpy(oldest->key, cache.wanted, words * sizeof(uint64_t));
  return *oldest;
}

/// Captures the launches of a call. False where the driver does not: nothing was launched then.
static bool capture(Lane &lane, const EntryCall &call, GraphExec &exec) {
  const Driver &driver = *lane.device->driver;
  if (driver.captureBegin(lane.stream, captureThread))
    return false;
  mf_status status = launchKernels(lane, call);
  Graph graph = nullptr;
  Result error = driver.captureEnd(lane.stream, &graph);
  if (!error && !status && graph)
    error = driver.graphInstantiate(&exec, graph, 0);
  bool isCaptured = !error && !status && exec;
  if (graph)
    driver.graphDestroy(graph);
  if (isCaptured)
    __atomic_fetch_add(&lane.device->captures, 1, __ATOMIC_RELAXED);
  else
    exec = nullptr;
  return isCaptured;
}

mf_status replayLaunches(Lane &lane, const EntryCall &call) {
  const Driver &driver = *lane.device->driver;
  if (!driver.hasGraphs || lane.graphs.isOff)
    return launchKernels(lane, call);
  bool isKnown;
  GraphCache::Slot &slot = findSlot(lane, call, isKnown);
  if (isKnown && !slot.exec)
    lane.graphs.isOff = !capture(lane, call, slot.exec);
  if (!slot.exec)
    return launchKernels(lane, call);
  if (Result error = driver.graphLaunch(slot.exec, lane.stream))
    return driver.failWith(error, "cuda:%d: cuGraphLaunch", lane.device->ordinal);
  __atomic_fetch_add(&lane.device->replays, 1, __ATOMIC_RELAXED);
  return MF_OK;
}

} // namespace mf::rt::cuda
