// One call of an entry point: inputs to the device, launches, outputs back.
#include "Lane.h"

#include "../Checked.h"
#include "../Error.h"
#include "../FloatEnvironment.h"

#include <string.h>

namespace mf::rt::cuda {

/// Kernels read and write whole vectors of this size.
static constexpr uint64_t vectorBytes = 16;
static constexpr uint64_t alignment = 256;

namespace {
/// A call on its way.
struct Run {
  Lane &lane;
  const EntryCall &call;
  const Device &device = *lane.device;
  const Driver &driver = *device.driver;
  const mf_rt_entry &entry = device.plan->entries[call.index];
  uint64_t inputBytes = 0; ///< the inputs that are copied come first in `lane.operands`

  Run(Lane &lane, const EntryCall &call) : lane(lane), call(call) {}

  mf_status place();
  mf_status awaitHost();
  mf_status copyInputs();
  mf_status copyOutputs();
  mf_status wait();

private:
  /// Whether the operand is copied: it is the host's, or not where kernels can work on it.
  bool isCopied(int32_t operand) const {
    return entry.operands[operand].role != MF_RT_STATE &&
           (!call.onDevice[operand] || reinterpret_cast<uint64_t>(call.operands[operand]) % vectorBytes != 0);
  }
  uint64_t bytes(int32_t operand) const {
    uint64_t bytes = 0;
    operandBytes(entry.operands[operand], call.dims, bytes);
    return bytes;
  }
  mf_status placeRole(int32_t role, uint64_t &end);
  mf_status copyIn(int32_t operand);
  mf_status copyOut(int32_t operand);
  mf_status check(Result error, const char *function) const {
    return error ? driver.failWith(error, "cuda:%d: entry '%s': %s", device.ordinal, entry.name, function) : MF_OK;
  }
};
} // namespace

mf_status Run::placeRole(int32_t role, uint64_t &end) {
  for (int32_t i = 0; i < entry.operand_count; ++i) {
    if (entry.operands[i].role != role)
      continue;
    lane.addresses[i] = call.operands[i];
    if (!isCopied(i))
      continue;
    lane.offsets[i] = end;
    lane.addresses[i] = reinterpret_cast<void *>(lane.operands + end);
    if (!add(end, bytes(i)) || !roundUp(end, alignment))
      return fail(MF_OUT_OF_MEMORY, "entry '%s': the size of its operands overflows 64 bits", entry.name);
  }
  return MF_OK;
}

mf_status Run::place() {
  uint64_t end = 0;
  if (mf_status status = placeRole(MF_RT_INPUT, end))
    return status;
  inputBytes = end;
  if (mf_status status = placeRole(MF_RT_STATE, end))
    return status;
  if (mf_status status = placeRole(MF_RT_OUTPUT, end))
    return status;
  if (end <= lane.sizes.operands)
    return MF_OK;
  return fail(MF_DEVICE_ERROR, "entry '%s': its operands need %llu bytes, %llu were reserved", entry.name,
              (unsigned long long)end, (unsigned long long)lane.sizes.operands);
}

mf_status Run::copyIn(int32_t operand) {
  Address to = lane.operands + lane.offsets[operand];
  if (call.onDevice[operand])
    return check(
        driver.copyOnDevice(to, reinterpret_cast<Address>(call.operands[operand]), bytes(operand), lane.stream),
        "cuMemcpyDtoDAsync");
  return check(driver.copyToDevice(to, call.operands[operand], bytes(operand), lane.stream), "cuMemcpyHtoDAsync");
}

/// What the host had the default stream write to tensors of the device is there; what it reads of them was read.
mf_status Run::awaitHost() {
  for (int32_t i = 0; i < entry.operand_count; ++i)
    if (entry.operands[i].role != MF_RT_STATE && call.onDevice[i])
      return check(driver.streamSynchronize(nullptr), "the default stream");
  return MF_OK;
}

mf_status Run::copyInputs() {
  // The buffer is free: calls end with a wait.
  bool isGathered = inputBytes <= lane.pinnedBytes;
  uint64_t gathered = 0;
  for (int32_t i = 0; i < entry.operand_count; ++i) {
    if (entry.operands[i].role != MF_RT_INPUT || !isCopied(i) || bytes(i) == 0)
      continue;
    if (isGathered && !call.onDevice[i]) {
      memcpy(lane.pinned + lane.offsets[i], call.operands[i], bytes(i));
      gathered = lane.offsets[i] + bytes(i);
    } else if (mf_status status = copyIn(i)) {
      return status;
    }
  }
  return gathered ? check(driver.copyToDevice(lane.operands, lane.pinned, gathered, lane.stream), "cuMemcpyHtoDAsync")
                  : MF_OK;
}

mf_status Run::copyOut(int32_t operand) {
  Address from = lane.operands + lane.offsets[operand];
  if (call.onDevice[operand])
    return check(
        driver.copyOnDevice(reinterpret_cast<Address>(call.operands[operand]), from, bytes(operand), lane.stream),
        "cuMemcpyDtoDAsync");
  return check(driver.copyToHost(call.operands[operand], from, bytes(operand), lane.stream), "cuMemcpyDtoHAsync");
}

mf_status Run::copyOutputs() {
  for (int32_t i = 0; i < entry.operand_count; ++i)
    if (entry.operands[i].role == MF_RT_OUTPUT && isCopied(i) && bytes(i) != 0)
      if (mf_status status = copyOut(i))
        return status;
  return MF_OK;
}

mf_status Run::wait() { return check(driver.streamSynchronize(lane.stream), "its kernels"); }

mf_status launchKernels(Lane &lane, const EntryCall &call) {
  const Device &device = *lane.device;
  mf_rt_cuda_call launches = {lane.device, lane.stream, MF_OK};
  mf_rt_frame frame = {};
  frame.dims = call.dims;
  frame.operands = lane.addresses;
  frame.parameters = device.parameterData;
  frame.workspace = reinterpret_cast<void *>(lane.workspace);
  frame.workers = 1;
  frame.cuda = &launches;
  DefaultFloatEnvironment environment;
  device.plan->variants[device.variant].code[call.index].run(&frame);
  return launches.status;
}

mf_status runEntry(Lane &lane, const EntryCall &call) {
  Current current(*lane.device);
  if (current.status)
    return current.status;
  Run run(lane, call);
  if (mf_status status = run.place())
    return status;
  mf_status status = run.awaitHost();
  if (!status)
    status = run.copyInputs();
  if (!status)
    status = replayLaunches(lane, call);
  if (!status)
    status = run.copyOutputs();
  if (!status)
    return run.wait();
  // Nothing may be on its way to the caller's memory when this returns; the first failure is the one to tell.
  lane.device->driver->streamSynchronize(lane.stream);
  return status;
}

} // namespace mf::rt::cuda

using namespace mf::rt;

/// What cannot be launched; null where it can.
static const char *findProblem(int64_t x, int64_t y, int64_t z) {
  constexpr int64_t mostX = (int64_t(1) << 31) - 1, most = 65535;
  if (x < 0 || x > mostX || y < 0 || y > most || z < 0 || z > most)
    return "the grid has more blocks along x, y or z than 2147483647, 65535 and 65535";
  return nullptr;
}

void mf_rt_cuda_launch(const mf_rt_frame *frame, int32_t index, const void *arguments, int64_t argumentBytes, int64_t x,
                       int64_t y, int64_t z, int32_t workgroupBytes) {
  mf_rt_cuda_call *call = frame->cuda;
  if (call->status || x == 0 || y == 0 || z == 0)
    return;
  Device &device = *call->device;
  const mf_rt_cuda_kernel &kernel = device.code->kernels[index];
  if (const char *problem = findProblem(x, y, z)) {
    call->status = fail(MF_DEVICE_ERROR, "kernel '%s': a launch of %lld x %lld x %lld blocks: %s", kernel.name,
                        (long long)x, (long long)y, (long long)z, problem);
    return;
  }
  size_t bytes = size_t(argumentBytes);
  void *extra[] = {cuda::launchBuffer, const_cast<void *>(arguments), cuda::launchBufferBytes, &bytes, cuda::launchEnd};
  cuda::Result error = device.driver->launchKernel(device.functions[index], unsigned(x), unsigned(y), unsigned(z),
                                                   unsigned(kernel.threads), 1, 1, unsigned(workgroupBytes),
                                                   call->stream, nullptr, extra);
  if (error)
    call->status =
        device.driver->failWith(error, "cuda:%d: kernel '%s': a launch of %lld x %lld x %lld blocks of %d threads",
                                device.ordinal, kernel.name, (long long)x, (long long)y, (long long)z, kernel.threads);
  else
    __atomic_fetch_add(&device.launches, 1, __ATOMIC_RELAXED);
}
