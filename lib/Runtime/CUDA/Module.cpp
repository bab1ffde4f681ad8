// Loads the kernels: a cubin where there is one for the device, else PTX, which the driver compiles.
#include "Device.h"

#include "../Error.h"

#include <stdio.h>
#include <stdlib.h>

namespace mf::rt::cuda {

/// Without asking for more, a block has so much.
static constexpr int32_t usualWorkgroupBytes = 48 << 10;

static bool hasCubinFor(const Device &device) {
  const mf_rt_cuda_code &code = *device.code;
  return code.cubin && code.major == device.major &&
         (code.exact ? code.minor == device.minor : code.minor <= device.minor);
}

static mf_status loadImage(Device &device, const void *image, const char *kind) {
  char log[2048] = "";
  int names[] = {jitErrorLog, jitErrorLogBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof(log) - 1)};
  Result error = device.driver->moduleLoad(&device.module, image, 2, names, values);
  if (!error)
    return MF_OK;
  device.module = nullptr;
  log[sizeof(log) - 1] = 0;
  mf_status status = device.driver->failWith(error, "cuda:%d: the kernels of variant '%s' do not load from %s",
                                             device.ordinal, device.plan->variants[device.variant].name, kind);
  return *log ? fail(status, "%s; %s", lastError(), log) : status;
}

static mf_status findFunction(Device &device, int32_t index) {
  const mf_rt_cuda_kernel &kernel = device.code->kernels[index];
  const Driver &driver = *device.driver;
  Function &function = device.functions[index];
  if (Result error = driver.moduleGetFunction(&function, device.module, kernel.name))
    return driver.failWith(error, "cuda:%d: kernel '%s': cuModuleGetFunction", device.ordinal, kernel.name);
  if (kernel.workgroup_bytes <= usualWorkgroupBytes)
    return MF_OK;
  int most = 0;
  if (Result error = driver.deviceGetAttribute(&most, workgroupBytesOptIn, device.handle))
    return driver.failWith(error, "cuda:%d: cuDeviceGetAttribute", device.ordinal);
  if (kernel.workgroup_bytes > most)
    return fail(MF_UNSUPPORTED, "cuda:%d: kernel '%s' needs %d bytes of workgroup memory, %s has %d", device.ordinal,
                kernel.name, kernel.workgroup_bytes, device.name, most);
  if (Result error = driver.functionSetAttribute(function, maxDynamicWorkgroupBytes, kernel.workgroup_bytes))
    return driver.failWith(error, "cuda:%d: kernel '%s': cuFuncSetAttribute to %d bytes of workgroup memory",
                           device.ordinal, kernel.name, kernel.workgroup_bytes);
  return MF_OK;
}

mf_status loadModule(Device &device) {
  const mf_rt_cuda_code &code = *device.code;
  if (code.kernel_count == 0)
    return MF_OK;
  device.functions = static_cast<Function *>(calloc(size_t(code.kernel_count), sizeof(Function)));
  if (!device.functions)
    return fail(MF_OUT_OF_MEMORY, "cuda:%d: out of memory", device.ordinal);
  // A driver older than the assembler may refuse the cubin and still compile the text.
  device.isCubin = hasCubinFor(device) && loadImage(device, code.cubin, "a cubin") == MF_OK;
  if (!device.isCubin)
    if (mf_status status = loadImage(device, code.ptx, "PTX"))
      return status;
  for (int32_t i = 0; i < code.kernel_count; ++i)
    if (mf_status status = findFunction(device, i))
      return status;
  return MF_OK;
}

} // namespace mf::rt::cuda
