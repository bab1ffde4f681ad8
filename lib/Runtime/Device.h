// What sessions and calls see of a device that is not the CPU.
#ifndef MF_LIB_RUNTIME_DEVICE_H
#define MF_LIB_RUNTIME_DEVICE_H

#include "Text.h"
#include "mf-c/model.h"
#include "mf/Runtime/Plan.h"

namespace mf::rt {

struct Parameters;
/// A device with a model's code and parameters; shared by all that opened the model on it.
struct Device;
/// A queue of work on a device and the memory that it uses. Of one caller at a time.
struct Lane;

/// Memory of a lane, in bytes.
struct LaneSizes {
  uint64_t state;     ///< zeroed when it is reserved
  uint64_t workspace; ///< of the largest call
  uint64_t operands;  ///< operands of a call that are in the memory of the host
};

/// One call of an entry point.
struct EntryCall {
  int32_t index; ///< of the entry in the plan
  const int64_t *dims;
  void *const *operands;
  const bool *onDevice; ///< per operand: whether its address is one of the device
};

/// Parses "cuda" or "cuda:N". False where `text` is neither.
bool parseCudaDevice(const char *text, int32_t &ordinal);

/// Bytes that an operand has with these dimensions; false where they overflow 64 bits.
bool operandBytes(const mf_rt_tensor &operand, const int64_t *dims, uint64_t &bytes);

} // namespace mf::rt

/// A kind of device. All functions report failures as `fail` does.
struct mf_rt_backend {
  /// Takes a reference on device number `ordinal` with the plan's variant of this name (null: the best for the device),
  /// whose number goes to `variant`.
  mf_status (*open)(const mf_rt_plan &plan, int32_t ordinal, const char *name, mf::rt::Device *&device,
                    int32_t &variant);
  /// Brings the parameters into the device's memory, unless they are there. `progress` may be null.
  mf_status (*upload)(mf::rt::Device &device, const mf::rt::Parameters &parameters, const mf_progress *progress);
  void (*close)(mf::rt::Device *device);
  /// What DLPack calls the device's number.
  int32_t (*ordinal)(const mf::rt::Device &device);
  /// Appends the members of a JSON object.
  void (*describe)(const mf::rt::Device &device, mf::rt::Text &json);

  mf_status (*createLane)(mf::rt::Device &device, mf::rt::Lane *&lane);
  /// Waits for what is under way.
  void (*destroyLane)(mf::rt::Lane *lane);
  /// Makes room; what is large enough stays where it is. Nothing is allocated where not all fits.
  mf_status (*reserve)(mf::rt::Lane &lane, const mf::rt::LaneSizes &sizes);
  /// The memory of the sequences' state.
  unsigned char *(*state)(mf::rt::Lane &lane);
  /// Runs an entry point and waits for its outputs.
  mf_status (*run)(mf::rt::Lane &lane, const mf::rt::EntryCall &call);
  /// Copies or clears a part of the state, in the order of the calls.
  mf_status (*copy)(mf::rt::Lane &lane, void *to, const void *from, uint64_t bytes);
  mf_status (*clear)(mf::rt::Lane &lane, void *to, uint64_t bytes);
};

#endif // MF_LIB_RUNTIME_DEVICE_H
