// Kernels for the fake driver: what mf-gpu-host-pipeline makes of them, run by lib/Runtime/GPUHost. Linked with that
// code into a library, whose symbols "kernels.NAME.kernel" describe the kernels.
#include "GPUHost/Record.h"
#include "ThreadPool.h"
#include "mf/Runtime/GPUHost.h"

#include <dlfcn.h>
#include <stdio.h>

/// Runs a kernel; null, or what is wrong with it.
extern "C" __attribute__((visibility("default"))) const char *fake_cuda_run(const char *name, const void *arguments,
                                                                            const int64_t *grid, int workgroupBytes) {
  static char text[640];
  static mf_rt_pool *pool;
  Dl_info self;
  char symbol[256];
  snprintf(symbol, sizeof(symbol), "kernels.%s.kernel", name);
  dladdr(reinterpret_cast<void *>(&fake_cuda_run), &self);
  void *library = dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD);
  const auto *kernel = static_cast<const mf_rt_gpu_kernel *>(dlsym(library, symbol));
  dlclose(library);
  if (!kernel) {
    snprintf(text, sizeof(text), "%s has no %s", self.dli_fname, symbol);
    return text;
  }
  if (!pool && mf::rt::createPool(1, nullptr, pool) != MF_OK)
    return "no pool";
  mf::rt::gpu::Record record = {};
  record.init();
  mf_rt_gpu_call call = {};
  call.record = &record;
  mf_rt_frame frame = {};
  frame.pool = pool;
  frame.gpu = &call;
  mf_rt_gpu_launch(&frame, kernel, arguments, grid[0], grid[1], grid[2], workgroupBytes);
  record.release();
  snprintf(text, sizeof(text), "%s", call.error);
  return call.failed ? text : nullptr;
}
