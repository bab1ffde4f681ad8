// An open model: what its sessions share.
#ifndef MF_LIB_RUNTIME_MODEL_H
#define MF_LIB_RUNTIME_MODEL_H

#include "Device.h"
#include "GPUHost/Record.h"
#include "ParameterFile.h"
#include "ThreadPool.h"

#include <pthread.h>
#include <string.h>

/// Immutable once it is open, except for the reference count, the spare workspace, the counters of kernels
/// and the information texts.
struct mf_model {
  uint32_t references; ///< the caller's and one a session
  const mf_rt_plan *plan;
  int32_t variant;
  mf::rt::Parameters parameters;
  mf_rt_pool *pool;
  pthread_mutex_t spareLock;
  mf::rt::Region spare; ///< the largest workspace of a call that has ended; a call takes it while it runs
  mf::rt::gpu::Record gpu;
  const mf_rt_backend *backend; ///< of the device that runs the model; null: this CPU
  mf::rt::Device *device;
  mf::rt::Lane *spareLane; ///< of a call that has ended; under spareLock
  pthread_mutex_t infoLock;
  struct mf_rt_info *infos; ///< the newest first; older ones may be in callers' hands
};

namespace mf::rt {

/// Copies a caller's size-prefixed struct over one with defaults; members beyond the caller's `size` keep theirs.
template <typename Options> bool copyOptions(const Options *given, Options &options) {
  if (!given)
    return true;
  if (given->size < sizeof(size_t))
    return false;
  memcpy(&options, given, given->size < sizeof(Options) ? given->size : sizeof(Options));
  return true;
}

/// The number in an enumeration that a caller filled. C callers may put any there; C++ may not load what it has no
/// enumerator for.
template <typename Enumeration> int32_t numberOf(const Enumeration &value) {
  static_assert(sizeof(Enumeration) == sizeof(int32_t), "an enumeration of C");
  int32_t number;
  memcpy(&number, &value, sizeof(number));
  return number;
}

/// The members of mf_api of these names.
mf_status openModel(const mf_open_options *options, mf_model **model);
void closeModel(mf_model *model);
mf_status describeModel(mf_model *model, const char **json);
mf_status verifyParameterFile(const char *path);
mf_status callEntry(mf_model *model, const char *entry, const DLTensor *const *inputs, int32_t inputCount,
                    DLTensor *const *outputs, int32_t outputCount);

/// Adds a reference that closeModel drops.
void retainModel(mf_model *model);

/// The number of the CUDA device that runs the model, or noDevice.
int32_t modelDevice(const mf_model &model);

/// Frees the information texts.
void freeInfos(mf_model *model);

/// Runs a compiled entry under the default floating-point environment. Fails where a kernel of a GPU does.
mf_status runEntry(mf_model &model, const mf_rt_code &code, const int64_t *dims, void *const *operands,
                   void *workspace);

/// Asks an entry how much workspace it needs.
mf_status getWorkspaceBytes(const mf_model &model, const mf_rt_code &code, const int64_t *dims, uint64_t &bytes);

/// The same for its operands but states, where all of them are copied to a device.
mf_status getOperandBytes(const mf_rt_entry &entry, const int64_t *dims, uint64_t &bytes);

/// Runs an entry on the model's device, in the lane of a call that has ended or a new one.
mf_status runOnDevice(mf_model &model, const mf_rt_code &code, const EntryCall &call);

/// Asks an entry how much workspace it needs and maps it.
mf_status mapWorkspace(const mf_model &model, const mf_rt_code &code, const int64_t *dims, Region &workspace);

/// The same from the model's spare workspace, where that is free and large enough: mapping and zeroing pages would be
/// most of a short call.
mf_status takeWorkspace(mf_model &model, const mf_rt_code &code, const int64_t *dims, Region &workspace);
/// Gives a workspace back; the model keeps the largest.
void returnWorkspace(mf_model &model, Region &workspace);

} // namespace mf::rt

#endif // MF_LIB_RUNTIME_MODEL_H
