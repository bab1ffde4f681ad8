// Memory of a lane: reserved as a whole or not at all.
#include "Lane.h"

#include "../Checked.h"
#include "../Error.h"

#include <stdlib.h>

namespace mf::rt::cuda {

/// Room for the operands of every entry.
static mf_status allocateTables(Lane &lane) {
  const mf_rt_plan &plan = *lane.device->plan;
  uint64_t operands = 1, words = 2;
  for (int32_t i = 0; i < plan.entry_count; ++i) {
    uint64_t count = uint64_t(plan.entries[i].operand_count), dims = uint64_t(plan.entries[i].dim_count);
    operands = count > operands ? count : operands;
    words = 1 + count + dims > words ? 1 + count + dims : words;
  }
  lane.addresses = static_cast<void **>(calloc(operands, sizeof(void *)));
  lane.offsets = static_cast<uint64_t *>(calloc(operands, sizeof(uint64_t)));
  if (!lane.addresses || !lane.offsets)
    return fail(MF_OUT_OF_MEMORY, "cuda:%d: out of memory", lane.device->ordinal);
  return lane.graphs.init(words);
}

static mf_status fillLane(Lane &lane) {
  const Device &device = *lane.device;
  if (mf_status status = allocateTables(lane))
    return status;
  Current current(device);
  if (current.status)
    return current.status;
  // Were it in step with the default stream, a host's launches there would fail while this one captures.
  if (Result error = device.driver->streamCreate(&lane.stream, streamNonBlocking)) {
    lane.stream = nullptr;
    return device.driver->failWith(error, "cuda:%d: cuStreamCreate", device.ordinal);
  }
  void *pinned = nullptr;
  if (Result error = device.driver->hostAllocate(&pinned, Lane::pinnedBytes, 0))
    return device.driver->failWith(error, "cuda:%d: cuMemHostAlloc of %llu bytes", device.ordinal,
                                   (unsigned long long)Lane::pinnedBytes);
  lane.pinned = static_cast<unsigned char *>(pinned);
  return MF_OK;
}

mf_status createLane(Device &device, Lane *&lane) {
  lane = static_cast<Lane *>(calloc(1, sizeof(Lane)));
  if (!lane)
    return fail(MF_OUT_OF_MEMORY, "cuda:%d: out of memory", device.ordinal);
  lane->device = &device;
  mf_status status = fillLane(*lane);
  if (status) {
    destroyLane(lane);
    lane = nullptr;
  }
  return status;
}

static void freeAddress(const Lane &lane, Address &address) {
  if (address)
    lane.device->driver->memoryFree(address);
  address = 0;
}

void destroyLane(Lane *lane) {
  const Driver &driver = *lane->device->driver;
  {
    Current current(*lane->device);
    if (lane->stream)
      driver.streamSynchronize(lane->stream);
    lane->graphs.release(driver);
    freeAddress(*lane, lane->state);
    freeAddress(*lane, lane->workspace);
    freeAddress(*lane, lane->operands);
    if (lane->pinned)
      driver.hostFree(lane->pinned);
    if (lane->stream)
      driver.streamDestroy(lane->stream);
  }
  free(lane->addresses);
  free(lane->offsets);
  free(lane);
}

namespace {
/// One of the three ranges of a lane.
struct Part {
  const char *what;
  Address &address;
  uint64_t &bytes;
  uint64_t wanted;

  bool grows() const { return wanted > bytes; }
  void drop(const Lane &lane) {
    freeAddress(lane, address);
    bytes = 0;
  }
};
} // namespace

/// Gives back what is too small, so that its bytes count as free.
static mf_status growParts(Lane &lane, Part *parts, int count) {
  uint64_t needed = 0;
  for (int i = 0; i < count; ++i)
    if (parts[i].grows()) {
      parts[i].drop(lane);
      if (!add(needed, parts[i].wanted))
        needed = UINT64_MAX;
    }
  lane.graphs.clear(*lane.device->driver);
  if (mf_status status = checkFree(*lane.device, needed, "state, workspace and operands of a session or call"))
    return status;
  for (int i = 0; i < count; ++i) {
    if (!parts[i].grows())
      continue;
    if (mf_status status = allocate(*lane.device, parts[i].wanted, parts[i].what, parts[i].address)) {
      for (int j = 0; j < i; ++j)
        parts[j].drop(lane);
      return status;
    }
    parts[i].bytes = parts[i].wanted;
  }
  return MF_OK;
}

mf_status reserve(Lane &lane, const LaneSizes &sizes) {
  Part parts[] = {{"state of the sequences", lane.state, lane.sizes.state, sizes.state},
                  {"workspace", lane.workspace, lane.sizes.workspace, sizes.workspace},
                  {"operands", lane.operands, lane.sizes.operands, sizes.operands}};
  bool isNewState = parts[0].grows();
  if (!isNewState && !parts[1].grows() && !parts[2].grows())
    return MF_OK;
  Current current(*lane.device);
  if (current.status)
    return current.status;
  if (mf_status status = growParts(lane, parts, 3))
    return status;
  if (!isNewState)
    return MF_OK;
  if (Result error = lane.device->driver->fillBytes(lane.state, 0, lane.sizes.state, lane.stream))
    return lane.device->driver->failWith(error, "cuda:%d: cuMemsetD8Async", lane.device->ordinal);
  return MF_OK;
}

} // namespace mf::rt::cuda
