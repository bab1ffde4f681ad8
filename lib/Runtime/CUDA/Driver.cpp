// Opens libcuda.so.1 and looks its functions up.
#include "Driver.h"

#include "../Error.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

namespace mf::rt::cuda {

static const char library[] = "libcuda.so.1";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Driver theDriver;
static bool isReady;

mf_status Driver::failWith(Result error, const char *format, ...) const {
  char what[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof(what), format, arguments);
  va_end(arguments);
  const char *name = nullptr, *text = nullptr;
  if (getErrorName(error, &name) != success || !name)
    name = "an error that the driver has no name for";
  if (getErrorString(error, &text) != success || !text)
    text = "";
  return fail(error == outOfMemory ? MF_OUT_OF_MEMORY : MF_DEVICE_ERROR, "%s: error %d, %s%s%s", what, error, name,
              *text ? ": " : "", text);
}

/// Looks one function up; the missing one's name, or null.
static const char *lookUp(void *handle, const char *symbol, void *member) {
  void *address = dlsym(handle, symbol);
  memcpy(member, &address, sizeof(address));
  return address ? nullptr : symbol;
}

static mf_status lookUpAll(void *handle, Driver &driver) {
  const char *missing = nullptr;
#define MF_CUDA_LOOK_UP(member, symbol, parameters)                                                                    \
  if (const char *name = lookUp(handle, symbol, &driver.member); name && !missing)                                     \
    missing = name;
  MF_CUDA_REQUIRED(MF_CUDA_LOOK_UP)
  if (missing)
    return fail(MF_NO_DEVICE, "%s has no function %s: a driver of CUDA 11.4 or later is needed", library, missing);
  MF_CUDA_OPTIONAL(MF_CUDA_LOOK_UP)
#undef MF_CUDA_LOOK_UP
  driver.hasGraphs = !missing;
  return MF_OK;
}

static mf_status start(Driver &driver) {
  Result error = driver.init(0);
  if (!error)
    error = driver.driverGetVersion(&driver.version);
  if (!error)
    return MF_OK;
  driver.failWith(error, "the CUDA driver does not start: cuInit");
  return fail(MF_NO_DEVICE, "%s", lastError());
}

static mf_status openDriver() {
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *text = dlerror();
    return fail(MF_NO_DEVICE, "no CUDA driver: %s", text ? text : library);
  }
  Driver driver = {};
  mf_status status = lookUpAll(handle, driver);
  if (!status)
    status = start(driver);
  if (status) {
    dlclose(handle);
    return status;
  }
  theDriver = driver;
  isReady = true;
  return MF_OK;
}

mf_status getDriver(const Driver *&driver) {
  pthread_mutex_lock(&lock);
  mf_status status = isReady ? MF_OK : openDriver();
  pthread_mutex_unlock(&lock);
  driver = &theDriver;
  return status;
}

} // namespace mf::rt::cuda
