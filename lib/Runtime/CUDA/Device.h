// A device with the code and the parameters of the library's model.
#ifndef MF_LIB_RUNTIME_CUDA_DEVICE_H
#define MF_LIB_RUNTIME_CUDA_DEVICE_H

#include "../Device.h"
#include "../ParameterFile.h"
#include "Driver.h"

namespace mf::rt {

/// One a device and variant in the process, in a list under a lock; parameters and counters change, nothing else.
struct Device {
  Device *next;
  int32_t references;
  const cuda::Driver *driver;
  const mf_rt_plan *plan;
  const mf_rt_cuda_code *code;
  int32_t ordinal, variant;
  cuda::DeviceHandle handle;
  char name[128];
  int major, minor; ///< compute capability
  cuda::Context context;
  cuda::Module module;
  bool isCubin;              ///< which image the module was loaded from
  cuda::Function *functions; ///< a kernel each
  cuda::Address parameters;  ///< one allocation
  uint64_t parameterBytes;
  const void **parameterData; ///< addresses of the device in the order of the file; null: not uploaded
  // Since the device was opened; atomic.
  uint64_t launches, captures, replays;
};

} // namespace mf::rt

namespace mf::rt::cuda {

/// The device's context is the thread's current one while this lives.
class Current {
public:
  explicit Current(const Device &device);
  ~Current();
  Current(const Current &) = delete;
  Current &operator=(const Current &) = delete;

  mf_status status;

private:
  const Driver &driver;
};

/// Checks that the device has so many bytes free, before any of them is allocated.
mf_status checkFree(const Device &device, uint64_t bytes, const char *what);
/// Allocates device memory; zero bytes are a null address.
mf_status allocate(const Device &device, uint64_t bytes, const char *what, Address &address);

/// Those of mf_rt_backend.
mf_status openDevice(const mf_rt_plan &plan, int32_t ordinal, const char *name, Device *&device, int32_t &variant);
mf_status upload(Device &device, const Parameters &parameters, const mf_progress *progress);
void closeDevice(Device *device);

/// Loads the module and finds its functions; the device's context is current.
mf_status loadModule(Device &device);
/// Fills `device.parameters` and `device.parameterData`, or leaves them null. `progress` may be null.
mf_status copyParameters(Device &device, const Parameters &parameters, const mf_progress *progress);

} // namespace mf::rt::cuda

#endif // MF_LIB_RUNTIME_CUDA_DEVICE_H
