// What is used of the CUDA driver, CUDA 11.4 or later: its types and numbers (its header is not needed to build), and
// the table of its functions.
#ifndef MF_LIB_RUNTIME_CUDA_SYMBOLS_H
#define MF_LIB_RUNTIME_CUDA_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

namespace mf::rt::cuda {

using Result = int;
using DeviceHandle = int;
using Address = unsigned long long; ///< in the memory of the device
using Context = struct ContextObject *;
using Module = struct ModuleObject *;
using Function = struct FunctionObject *;
using Stream = struct StreamObject *;
using Event = struct EventObject *;
using Graph = struct GraphObject *;
using GraphExec = struct GraphExecObject *;

enum : Result { success = 0, outOfMemory = 2 };

/// CUdevice_attribute.
enum : int { capabilityMajor = 75, capabilityMinor = 76, workgroupBytesOptIn = 97 };
/// CUfunction_attribute.
enum : int { maxDynamicWorkgroupBytes = 8 };
/// CUjit_option.
enum : int { jitErrorLog = 5, jitErrorLogBytes = 6 };
/// The members of `extra` of cuLaunchKernel.
inline void *const launchEnd = nullptr;
inline void *const launchBuffer = reinterpret_cast<void *>(1);
inline void *const launchBufferBytes = reinterpret_cast<void *>(2);
/// Flags.
enum : unsigned { streamNonBlocking = 1, eventDisableTiming = 2 };
/// CUstreamCaptureMode: other threads go on with the device.
enum : int { captureThread = 1 };

/// X(member, symbol, parameters): a driver without one of these is too old.
#define MF_CUDA_REQUIRED(X)                                                                                            \
  X(init, "cuInit", (unsigned flags))                                                                                  \
  X(getErrorName, "cuGetErrorName", (Result error, const char **text))                                                 \
  X(getErrorString, "cuGetErrorString", (Result error, const char **text))                                             \
  X(driverGetVersion, "cuDriverGetVersion", (int *version))                                                            \
  X(deviceGetCount, "cuDeviceGetCount", (int *count))                                                                  \
  X(deviceGet, "cuDeviceGet", (DeviceHandle * device, int ordinal))                                                    \
  X(deviceGetName, "cuDeviceGetName", (char *name, int bytes, DeviceHandle device))                                    \
  X(deviceGetAttribute, "cuDeviceGetAttribute", (int *value, int attribute, DeviceHandle device))                      \
  X(primaryContextRetain, "cuDevicePrimaryCtxRetain", (Context * context, DeviceHandle device))                        \
  X(primaryContextRelease, "cuDevicePrimaryCtxRelease_v2", (DeviceHandle device))                                      \
  X(contextPush, "cuCtxPushCurrent_v2", (Context context))                                                             \
  X(contextPop, "cuCtxPopCurrent_v2", (Context * context))                                                             \
  X(moduleLoad, "cuModuleLoadDataEx",                                                                                  \
    (Module * module, const void *image, unsigned options, int *names, void **values))                                 \
  X(moduleUnload, "cuModuleUnload", (Module module))                                                                   \
  X(moduleGetFunction, "cuModuleGetFunction", (Function * function, Module module, const char *name))                  \
  X(functionSetAttribute, "cuFuncSetAttribute", (Function function, int attribute, int value))                         \
  X(memoryGetInfo, "cuMemGetInfo_v2", (size_t * free, size_t * total))                                                 \
  X(memoryAllocate, "cuMemAlloc_v2", (Address * address, size_t bytes))                                                \
  X(memoryFree, "cuMemFree_v2", (Address address))                                                                     \
  X(hostAllocate, "cuMemHostAlloc", (void **memory, size_t bytes, unsigned flags))                                     \
  X(hostFree, "cuMemFreeHost", (void *memory))                                                                         \
  X(copyToDevice, "cuMemcpyHtoDAsync_v2", (Address to, const void *from, size_t bytes, Stream stream))                 \
  X(copyToHost, "cuMemcpyDtoHAsync_v2", (void *to, Address from, size_t bytes, Stream stream))                         \
  X(copyOnDevice, "cuMemcpyDtoDAsync_v2", (Address to, Address from, size_t bytes, Stream stream))                     \
  X(fillBytes, "cuMemsetD8Async", (Address to, unsigned char value, size_t bytes, Stream stream))                      \
  X(streamCreate, "cuStreamCreate", (Stream * stream, unsigned flags))                                                 \
  X(streamDestroy, "cuStreamDestroy_v2", (Stream stream))                                                              \
  X(streamSynchronize, "cuStreamSynchronize", (Stream stream))                                                         \
  X(eventCreate, "cuEventCreate", (Event * event, unsigned flags))                                                     \
  X(eventDestroy, "cuEventDestroy_v2", (Event event))                                                                  \
  X(eventRecord, "cuEventRecord", (Event event, Stream stream))                                                        \
  X(eventSynchronize, "cuEventSynchronize", (Event event))                                                             \
  X(launchKernel, "cuLaunchKernel",                                                                                    \
    (Function function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,              \
     unsigned blockZ, unsigned workgroupBytes, Stream stream, void **parameters, void **extra))

/// Without one of these, launches are not replayed as graphs.
#define MF_CUDA_OPTIONAL(X)                                                                                            \
  X(captureBegin, "cuStreamBeginCapture_v2", (Stream stream, int mode))                                                \
  X(captureEnd, "cuStreamEndCapture", (Stream stream, Graph * graph))                                                  \
  X(graphInstantiate, "cuGraphInstantiateWithFlags", (GraphExec * exec, Graph graph, unsigned long long flags))        \
  X(graphLaunch, "cuGraphLaunch", (GraphExec exec, Stream stream))                                                     \
  X(graphExecDestroy, "cuGraphExecDestroy", (GraphExec exec))                                                          \
  X(graphDestroy, "cuGraphDestroy", (Graph graph))

} // namespace mf::rt::cuda

#endif // MF_LIB_RUNTIME_CUDA_SYMBOLS_H
