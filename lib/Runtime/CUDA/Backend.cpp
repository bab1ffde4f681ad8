// CUDA devices as the rest of the runtime sees them.
#include "Lane.h"

#include "../Error.h"

using namespace mf::rt;

static int32_t getOrdinal(const Device &device) { return device.ordinal; }

static void describe(const Device &device, Text &json) {
  json.append("\"name\": ");
  json.appendString(device.name);
  json.appendFormat(
      ", \"compute_capability\": \"%d.%d\", \"driver\": \"%d.%d\", \"code\": \"%s\", "
      "\"parameter_bytes\": %llu, \"launches\": %llu, \"graphs\": {\"captured\": %llu, \"replayed\": %llu}",
      device.major, device.minor, device.driver->version / 1000, device.driver->version % 1000 / 10,
      device.isCubin ? "cubin" : "ptx", (unsigned long long)device.parameterBytes,
      (unsigned long long)__atomic_load_n(&device.launches, __ATOMIC_RELAXED),
      (unsigned long long)__atomic_load_n(&device.captures, __ATOMIC_RELAXED),
      (unsigned long long)__atomic_load_n(&device.replays, __ATOMIC_RELAXED));
}

static unsigned char *getState(Lane &lane) { return reinterpret_cast<unsigned char *>(lane.state); }

static mf_status copyOnDevice(Lane &lane, void *to, const void *from, uint64_t bytes) {
  cuda::Current current(*lane.device);
  if (current.status)
    return current.status;
  const cuda::Driver &driver = *lane.device->driver;
  if (cuda::Result error = driver.copyOnDevice(reinterpret_cast<cuda::Address>(to),
                                               reinterpret_cast<cuda::Address>(from), bytes, lane.stream))
    return driver.failWith(error, "cuda:%d: state of a sequence: cuMemcpyDtoDAsync", lane.device->ordinal);
  return MF_OK;
}

static mf_status clearOnDevice(Lane &lane, void *to, uint64_t bytes) {
  cuda::Current current(*lane.device);
  if (current.status)
    return current.status;
  const cuda::Driver &driver = *lane.device->driver;
  if (cuda::Result error = driver.fillBytes(reinterpret_cast<cuda::Address>(to), 0, bytes, lane.stream))
    return driver.failWith(error, "cuda:%d: state of a sequence: cuMemsetD8Async", lane.device->ordinal);
  return MF_OK;
}

const mf_rt_backend mf_rt_cuda_backend = {cuda::openDevice, cuda::upload,     cuda::closeDevice, getOrdinal,
                                          describe,         cuda::createLane, cuda::destroyLane, cuda::reserve,
                                          getState,         cuda::runEntry,   copyOnDevice,      clearOnDevice};
