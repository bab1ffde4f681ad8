// Opening and closing of devices. Each has one object for a variant, shared by all that open it.
#include "Device.h"

#include "../CPUFeatures.h"
#include "../Error.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace mf::rt::cuda {

using ull = unsigned long long;

/// Held while a device is opened, filled or closed.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Device *devices;

Current::Current(const Device &device) : status(MF_OK), driver(*device.driver) {
  if (Result error = driver.contextPush(device.context))
    status = driver.failWith(error, "cuda:%d: cuCtxPushCurrent", device.ordinal);
}

Current::~Current() {
  Context context;
  if (status == MF_OK)
    driver.contextPop(&context);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

mf_status checkFree(const Device &device, uint64_t bytes, const char *what) {
  size_t available = 0, total = 0;
  if (Result error = device.driver->memoryGetInfo(&available, &total))
    return device.driver->failWith(error, "cuda:%d: cuMemGetInfo", device.ordinal);
  if (bytes <= available)
    return MF_OK;
  return fail(MF_OUT_OF_MEMORY, "cuda:%d: %s: needs %llu bytes, %llu of the device's %llu are free", device.ordinal,
              what, ull(bytes), ull(available), ull(total));
}

mf_status allocate(const Device &device, uint64_t bytes, const char *what, Address &address) {
  address = 0;
  if (bytes == 0)
    return MF_OK;
  if (Result error = device.driver->memoryAllocate(&address, bytes)) {
    address = 0;
    return device.driver->failWith(error, "cuda:%d: %s: cuMemAlloc of %llu bytes", device.ordinal, what, ull(bytes));
  }
  return MF_OK;
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

static mf_status findDevice(Device &device) {
  const Driver &driver = *device.driver;
  int count = 0;
  if (Result error = driver.deviceGetCount(&count))
    return driver.failWith(error, "cuDeviceGetCount");
  if (device.ordinal >= count)
    return fail(MF_NO_DEVICE, "device: expected cuda:0 to cuda:%d, found cuda:%d; the driver has %d devices", count - 1,
                device.ordinal, count);
  Result error = driver.deviceGet(&device.handle, device.ordinal);
  if (!error)
    error = driver.deviceGetName(device.name, sizeof(device.name), device.handle);
  if (!error)
    error = driver.deviceGetAttribute(&device.major, capabilityMajor, device.handle);
  if (!error)
    error = driver.deviceGetAttribute(&device.minor, capabilityMinor, device.handle);
  device.name[sizeof(device.name) - 1] = 0;
  return error ? driver.failWith(error, "cuda:%d: its properties", device.ordinal) : MF_OK;
}

static bool runsOn(const mf_rt_cuda_code &code, const Device &device) {
  int wanted = 10 * code.major + code.minor, found = 10 * device.major + device.minor;
  return code.exact ? wanted == found : wanted <= found;
}

/// Of two that run the later architecture is better, and the one for this device alone.
static bool isBetter(const mf_rt_cuda_code &code, const mf_rt_cuda_code &other) {
  int own = 10 * code.major + code.minor, others = 10 * other.major + other.minor;
  return own != others ? own > others : code.exact > other.exact;
}

static mf_status failToChoose(const Device &device, const char *name, uint64_t missing) {
  char text[1024] = "";
  size_t length = 0;
  for (int32_t i = 0; i < device.plan->variant_count; ++i) {
    const mf_rt_variant &variant = device.plan->variants[i];
    if (!variant.cuda || (name && strcmp(variant.name, name) != 0) || length >= sizeof(text))
      continue;
    length +=
        size_t(snprintf(text + length, sizeof(text) - length, "%s%s needs %d.%d%s", length ? "; " : "", variant.name,
                        variant.cuda->major, variant.cuda->minor, variant.cuda->exact ? "" : " or later"));
  }
  if (!length)
    return fail(MF_INVALID_ARGUMENT, "model '%s': variant: '%s' is none for CUDA", device.plan->model_name, name);
  char features[512];
  featureNames(missing, features, sizeof(features));
  return fail(MF_UNSUPPORTED, "model '%s': no variant runs on cuda:%d, %s, of compute capability %d.%d%s%s: %s",
              device.plan->model_name, device.ordinal, device.name, device.major, device.minor,
              missing ? ", and a CPU without " : "", features, text);
}

static mf_status chooseVariant(Device &device, const char *name) {
  const mf_rt_plan &plan = *device.plan;
  uint64_t features = cpuFeatures(), missing = 0;
  device.variant = -1;
  for (int32_t i = 0; i < plan.variant_count; ++i) {
    const mf_rt_variant &variant = plan.variants[i];
    if (!variant.cuda || (name && strcmp(variant.name, name) != 0) || !runsOn(*variant.cuda, device))
      continue;
    missing |= variant.features & ~features;
    if ((variant.features & ~features) == 0 && (device.variant < 0 || isBetter(*variant.cuda, *device.code))) {
      device.variant = i;
      device.code = variant.cuda;
    }
  }
  return device.variant < 0 ? failToChoose(device, name, missing) : MF_OK;
}

//===----------------------------------------------------------------------===//
// Opening
//===----------------------------------------------------------------------===//

static void destroyDevice(Device *device) {
  const Driver &driver = *device->driver;
  if (device->context) {
    {
      Current current(*device);
      if (device->module)
        driver.moduleUnload(device->module);
      if (device->parameters)
        driver.memoryFree(device->parameters);
    }
    driver.primaryContextRelease(device->handle);
  }
  free(device->functions);
  free(device->parameterData);
  free(device);
}

/// Makes a context and loads the code into it.
static mf_status prepare(Device &device) {
  if (Result error = device.driver->primaryContextRetain(&device.context, device.handle)) {
    device.context = nullptr;
    return device.driver->failWith(error, "cuda:%d: cuDevicePrimaryCtxRetain", device.ordinal);
  }
  Current current(device);
  return current.status ? current.status : loadModule(device);
}

/// The object in the list for the device and variant of `wanted`, or `wanted` itself once it is prepared.
static mf_status shareDevice(Device *wanted, Device *&device) {
  for (Device *other = devices; other; other = other->next)
    if (other->ordinal == wanted->ordinal && other->variant == wanted->variant) {
      ++other->references;
      device = other;
      destroyDevice(wanted);
      return MF_OK;
    }
  if (mf_status status = prepare(*wanted)) {
    destroyDevice(wanted);
    return status;
  }
  wanted->references = 1;
  wanted->next = devices;
  devices = device = wanted;
  return MF_OK;
}

mf_status openDevice(const mf_rt_plan &plan, int32_t ordinal, const char *name, Device *&device, int32_t &variant) {
  const Driver *driver;
  if (mf_status status = getDriver(driver))
    return status;
  Device *wanted = static_cast<Device *>(calloc(1, sizeof(Device)));
  if (!wanted)
    return fail(MF_OUT_OF_MEMORY, "cuda:%d: out of memory", ordinal);
  wanted->driver = driver;
  wanted->plan = &plan;
  wanted->ordinal = ordinal;
  mf_status status = findDevice(*wanted);
  if (!status)
    status = chooseVariant(*wanted, name);
  if (status) {
    destroyDevice(wanted);
    return status;
  }
  pthread_mutex_lock(&lock);
  status = shareDevice(wanted, device);
  pthread_mutex_unlock(&lock);
  if (!status)
    variant = device->variant;
  return status;
}

mf_status upload(Device &device, const Parameters &parameters, const mf_progress *progress) {
  pthread_mutex_lock(&lock);
  mf_status status = MF_OK;
  if (!device.parameterData) {
    Current current(device);
    status = current.status ? current.status : copyParameters(device, parameters, progress);
  }
  pthread_mutex_unlock(&lock);
  return status;
}

void closeDevice(Device *device) {
  pthread_mutex_lock(&lock);
  if (--device->references == 0) {
    Device **link = &devices;
    while (*link != device)
      link = &(*link)->next;
    *link = device->next;
    destroyDevice(device);
  }
  pthread_mutex_unlock(&lock);
}

} // namespace mf::rt::cuda
