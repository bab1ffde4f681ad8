// Launches: blocks over the threads of the pool, the first failure, the sum of the counters.
#include "../ThreadPool.h"
#include "Cluster.h"
#include "Record.h"

#include <stdio.h>

namespace mf::rt::gpu {

//===----------------------------------------------------------------------===//
// Record
//===----------------------------------------------------------------------===//

void Record::init() { pthread_mutex_init(&lock, nullptr); }

void Record::release() {
  while (Block *block = spare) {
    spare = block->next;
    block->destroy();
  }
  kernels.release();
  pthread_mutex_destroy(&lock);
}

Block *Record::take() {
  pthread_mutex_lock(&lock);
  Block *block = spare;
  if (block)
    spare = block->next;
  pthread_mutex_unlock(&lock);
  return block ? block : Block::create();
}

void Record::giveBack(Block *block) {
  pthread_mutex_lock(&lock);
  block->next = spare;
  spare = block;
  pthread_mutex_unlock(&lock);
}

bool Record::add(const char *name, const Counters &counters) {
  pthread_mutex_lock(&lock);
  KernelCounters *found = nullptr;
  for (size_t i = 0; i < kernels.size && !found; ++i)
    if (strcmp(kernels.data[i].name, name) == 0)
      found = &kernels.data[i];
  bool added = found || kernels.push({name, {}});
  if (added)
    (found ? found : &kernels.data[kernels.size - 1])->counters.add(counters);
  pthread_mutex_unlock(&lock);
  return added;
}

static void describeKernel(Text &json, const KernelCounters &kernel) {
  json.append("{\"name\": ");
  json.appendString(kernel.name);
#define MF_GPU_COUNTER(name) json.appendFormat(", \"" #name "\": %llu", (unsigned long long)kernel.counters.name);
  MF_GPU_COUNTERS(MF_GPU_COUNTER)
#undef MF_GPU_COUNTER
  json.append(", \"operations\": {");
  const char *separator = "";
#define MF_GPU_KIND(enumerator, name)                                                                                  \
  json.appendFormat("%s\"" name "\": %llu", separator,                                                                 \
                    (unsigned long long)kernel.counters.operations[MF_RT_GPU_##enumerator]);                           \
  separator = ", ";
  MF_RT_GPU_KINDS(MF_GPU_KIND)
#undef MF_GPU_KIND
  json.append("}}");
}

void Record::describe(Text &json) {
  pthread_mutex_lock(&lock);
  if (kernels.size) {
    json.append(", \"gpu_host\": {\"kernels\": [");
    for (size_t i = 0; i < kernels.size; ++i) {
      json.append(i ? ", " : "");
      describeKernel(json, kernels.data[i]);
    }
    json.append("]}");
  }
  pthread_mutex_unlock(&lock);
}

//===----------------------------------------------------------------------===//
// A launch
//===----------------------------------------------------------------------===//

namespace {
/// A launch on its way, shared by the threads of the pool.
struct Run {
  Launch launch;
  mf_rt_gpu_call *call;
  Counters counters; ///< of the blocks that have ended; under the record's lock

  void note(uint64_t number, const char *error);
};
} // namespace

/// Keeps the failure of the lowest block, so that the text does not depend on the threads of the host.
void Run::note(uint64_t number, const char *error) {
  pthread_mutex_lock(&call->record->lock);
  if (!call->failed || number < call->failed_block) {
    call->failed_block = number;
    snprintf(call->error, sizeof(call->error), "%s", error);
    __atomic_store_n(&call->failed, 1, __ATOMIC_RELEASE);
  }
  pthread_mutex_unlock(&call->record->lock);
}

static bool isBehindFailure(const mf_rt_gpu_call &call, Record &record, uint64_t number) {
  if (!__atomic_load_n(&call.failed, __ATOMIC_ACQUIRE))
    return false;
  pthread_mutex_lock(&record.lock);
  bool isBehind = number > call.failed_block;
  pthread_mutex_unlock(&record.lock);
  return isBehind;
}

static void runClusters(void *closure, int64_t begin, int64_t end, int64_t) {
  Run &run = *static_cast<Run *>(closure);
  Record &record = *run.call->record;
  Cluster cluster;
  if (cluster.begin(record, run.launch)) {
    for (int64_t number = begin; number < end && !isBehindFailure(*run.call, record, uint64_t(number)); ++number)
      if (const char *error = cluster.run(number)) {
        run.note(uint64_t(number), error);
        break;
      }
    pthread_mutex_lock(&record.lock);
    cluster.addCounters(run.counters);
    pthread_mutex_unlock(&record.lock);
  } else {
    run.note(uint64_t(begin), "a kernel on host threads: out of memory");
  }
  cluster.end(record);
}

/// What a GPU would refuse; null where it would not.
static const char *findProblem(const Launch &launch) {
  constexpr int64_t mostX = (int64_t(1) << 31) - 1, most = 65535;
  const int64_t *grid = launch.grid;
  if (grid[0] < 0 || grid[0] > mostX || grid[1] < 0 || grid[1] > most || grid[2] < 0 || grid[2] > most)
    return "the grid has more blocks along x, y or z than 2147483647, 65535 and 65535";
  if (launch.kernel->threads <= 0 || launch.kernel->threads > 1024 || launch.kernel->threads % kWarp != 0)
    return "a block is no whole warps, up to 1024 threads";
  int32_t cluster = launch.kernel->cluster;
  if (cluster < 0 || cluster > kMostClusterBlocks || (cluster > 1 && grid[1] % cluster != 0))
    return "a cluster has more than 8 blocks along y, or the grid no whole clusters";
  return nullptr;
}

} // namespace mf::rt::gpu

using namespace mf::rt::gpu;

void mf_rt_gpu_launch(const mf_rt_frame *frame, const mf_rt_gpu_kernel *kernel, const void *arguments, int64_t x,
                      int64_t y, int64_t z, int32_t workgroupBytes) {
  mf_rt_gpu_call *call = frame->gpu;
  if (call->failed)
    return;
  Run run = {{kernel, arguments, {x, y, z}, uint32_t(workgroupBytes)}, call, {}};
  if (const char *problem = findProblem(run.launch)) {
    char text[256];
    snprintf(text, sizeof(text), "kernel '%s': a launch of %lld x %lld x %lld blocks of %d threads: %s", kernel->name,
             (long long)x, (long long)y, (long long)z, kernel->threads, problem);
    return run.note(0, text);
  }
  if (x == 0 || y == 0 || z == 0)
    return;
  int64_t cluster = kernel->cluster > 1 ? kernel->cluster : 1;
  mf::rt::parallelFor(frame->pool, runClusters, &run, x * y * z / cluster);
  run.counters.launches = 1;
  if (kernel->checked && !call->record->add(kernel->name, run.counters))
    run.note(0, "a kernel on host threads: out of memory for the counters");
}
