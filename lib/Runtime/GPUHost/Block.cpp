// The threads of a block are fibers, which run until they wait. A kernel whose threads never wait runs them as calls.
#include "Block.h"

#include "Cluster.h"
#include "Fiber.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

namespace mf::rt::gpu {

// A kernel calls nothing but the runtime: its frame is what its registers do not hold.
static constexpr size_t stackBytes = 64 << 10;
static constexpr size_t workgroupAlignment = 128;

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Block *Block::create() { return static_cast<Block *>(calloc(1, sizeof(Block))); }

void Block::destroy() {
  for (size_t i = 0; i < threads.size; ++i) {
    threads.data[i].copies.release();
    threads.data[i].accesses.release();
  }
  threads.release();
  if (stacks)
    munmap(stacks, stackCount * stackBytes);
  workgroupStorage.release();
  shadow.release();
  executions.release();
  accessCounter.release();
  transfers.release();
  free(this);
}

/// Maps stacks for the threads; what nobody touches takes no memory.
static bool mapStacks(size_t count, char *&stacks, size_t &mapped) {
  if (count <= mapped)
    return true;
  if (stacks)
    munmap(stacks, mapped * stackBytes);
  mapped = 0;
  void *memory = mmap(nullptr, count * stackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  stacks = memory == MAP_FAILED ? nullptr : static_cast<char *>(memory);
  mapped = stacks ? count : 0;
  return stacks;
}

bool Block::begin(const Launch &newLaunch, Cluster &newCluster) {
  launch = &newLaunch;
  cluster = &newCluster;
  kernel = launch->kernel;
  failed = false;
  counters = {};
  size_t count = size_t(kernel->threads);
  if (threads.size < count && !threads.resize(count))
    return false;
  if (!mapStacks(count, stacks, stackCount) || !workgroupStorage.resize(launch->workgroupBytes + workgroupAlignment) ||
      !executions.resize(size_t(kernel->region_count)))
    return false;
  memset(executions.data, 0, executions.size * sizeof(uint64_t));
  auto address = reinterpret_cast<uintptr_t>(workgroupStorage.data);
  workgroup = reinterpret_cast<char *>((address + workgroupAlignment - 1) & ~uintptr_t(workgroupAlignment - 1));
  return true;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

void Block::enterThread(void *argument) {
  Thread &thread = *static_cast<Thread *>(argument);
  Block &block = *thread.block;
  block.kernel->run(block.launch->arguments, &thread.visible);
  thread.state = Thread::Done;
  block.suspend(thread);
}

void Block::startThreads() {
  for (int32_t i = 0; i < kernel->threads; ++i) {
    Thread &thread = threads.data[i];
    thread.visible.thread = i;
    thread.visible.workgroup = workgroup;
    thread.block = this;
    thread.state = Thread::Ready;
    thread.progress = {};
    thread.copies.clear();
    thread.accesses.clear();
    thread.openGroup = 0;
    thread.stack = prepareStack(stacks + size_t(i) * stackBytes, stackBytes, enterThread, &thread);
  }
}

void Block::start(int64_t number, int32_t newRank) {
  rank = newRank;
  startThreads();
  const int64_t *grid = launch->grid;
  int64_t size = cluster->getSize(), rows = grid[1] / size;
  for (int32_t i = 0; i < kernel->threads; ++i) {
    mf_rt_gpu_thread &thread = threads.data[i].visible;
    thread.block[0] = number % grid[0];
    thread.block[1] = number / grid[0] % rows * size + rank;
    thread.block[2] = number / grid[0] / rows;
    memcpy(thread.grid, grid, sizeof(thread.grid));
  }
  transfers.clear();
  ++counters.blocks;
  if (!kernel->checked)
    return;
  // What is undefined is no number.
  memset(workgroup, 0xff, launch->workgroupBytes);
  if (!shadow.begin(launch->workgroupBytes))
    describeFailure(threads.data[0], -1, "out of memory");
}

bool Block::advance() {
  // A checked thread may stop anywhere, so it needs a stack of its own.
  if (!kernel->waits && !kernel->checked) {
    runAlone();
    return false;
  }
  bool advances = false;
  for (uint32_t warp = 0; warp * kWarp < uint32_t(kernel->threads) && !failed; ++warp)
    advances |= runWarp(warp);
  if (!failed)
    advances |= releaseTransfers();
  if (!failed)
    advances |= releaseBarrier();
  return advances;
}

void Block::finish() {
  if (kernel->waits || kernel->checked)
    reportWaiting();
  if (!failed && !transfers.isEmpty())
    describeFailure(threads.data[0], -1, "ends while a copy to its workgroup memory is on its way");
  if (kernel->checked)
    countWarps();
  for (int32_t region = 0; region < kernel->region_count; ++region) {
    for (int kind = 0; kind < MF_RT_GPU_KIND_COUNT; ++kind)
      counters.operations[kind] +=
          executions.data[region] * uint64_t(kernel->regions[region * MF_RT_GPU_KIND_COUNT + kind]);
    executions.data[region] = 0;
  }
}

void Block::runAlone() {
  for (int32_t i = 0; i < kernel->threads; ++i)
    kernel->run(launch->arguments, &threads.data[i].visible);
}

/// Runs the lanes of a warp until none can go on. Returns whether one did.
bool Block::runWarp(uint32_t warp) {
  bool ran = false;
  do {
    for (uint32_t lane = 0; lane < kWarp; ++lane) {
      Thread &thread = threads.data[warp * kWarp + lane];
      if (thread.state != Thread::Ready)
        continue;
      ran = true;
      mf_rt_gpu_switch(&scheduler, thread.stack);
      if (failed)
        return true;
    }
  } while (releaseLanes(warp));
  return ran;
}

/// Whether all lanes that `first` waits for wait for the same.
static bool isComplete(Thread *const *lanes, const Thread &first) {
  for (uint32_t lane = 0; lane < kWarp; ++lane) {
    const Thread &other = *lanes[lane];
    if ((first.mask >> lane & 1) &&
        (other.state != Thread::InWarp || other.site != first.site || other.mask != first.mask))
      return false;
  }
  return true;
}

bool Block::releaseLanes(uint32_t warp) {
  Thread *lanes[kWarp];
  for (uint32_t lane = 0; lane < kWarp; ++lane)
    lanes[lane] = &threads.data[warp * kWarp + lane];
  bool released = false;
  for (uint32_t lane = 0; lane < kWarp; ++lane) {
    Thread &first = *lanes[lane];
    if (first.state != Thread::InWarp || !(first.mask >> lane & 1) || !isComplete(lanes, first))
      continue;
    if (kernel->checked)
      countWarp(warp);
    uint32_t mask = first.mask;
    first.collective(lanes, mask);
    for (uint32_t other = 0; other < kWarp; ++other)
      if (mask >> other & 1)
        lanes[other]->state = Thread::Ready;
    released = true;
  }
  return released;
}

bool Block::releaseBarrier() {
  for (int32_t i = 0; i < kernel->threads; ++i)
    if (threads.data[i].state != Thread::AtBarrier || threads.data[i].site != threads.data[0].site)
      return false;
  countWarps();
  for (int32_t i = 0; i < kernel->threads; ++i)
    threads.data[i].state = Thread::Ready;
  shadow.passBarrier();
  return true;
}

void Block::countWarps() {
  for (uint32_t warp = 0; kernel->checked && warp * kWarp < uint32_t(kernel->threads); ++warp)
    countWarp(warp);
}

/// No thread can go on. Where one waits, it waits in vain.
void Block::reportWaiting() {
  for (int32_t i = 0; i < kernel->threads; ++i) {
    Thread &thread = threads.data[i];
    if (thread.state == Thread::Done)
      continue;
    const char *problem = "divergent: waits for lanes of its warp that do not come";
    if (thread.state == Thread::AtBarrier)
      problem = "divergent: waits at a barrier that not all threads of its block reach";
    else if (thread.state == Thread::AtClusterBarrier)
      problem = "divergent: waits at a barrier that not all threads of its cluster reach";
    else if (thread.state == Thread::AtTransfer)
      problem = "waits for arrivals or bytes that do not come";
    return describeFailure(thread, thread.site, problem);
  }
}

void Block::countWarp(uint32_t warp) {
  List<Access> *lanes[kWarp];
  bool any = false;
  for (uint32_t lane = 0; lane < kWarp; ++lane) {
    lanes[lane] = &threads.data[warp * kWarp + lane].accesses;
    any |= lanes[lane]->size != 0;
  }
  if (any && !accessCounter.count(*kernel, lanes, counters) && !failed)
    describeFailure(threads.data[warp * kWarp], -1, "out of memory for the counters");
}

//===----------------------------------------------------------------------===//
// Failures
//===----------------------------------------------------------------------===//

void Block::describeFailure(const Thread &thread, int32_t site, const char *problem) {
  failed = true;
  const int64_t *at = thread.visible.block;
  snprintf(error, sizeof(error), "kernel '%s': %s%s%s, by thread %lld of block (%lld, %lld, %lld)", kernel->name,
           site < 0 ? "" : kernel->sites[site].text, site < 0 ? "" : " ", problem, (long long)thread.visible.thread,
           (long long)at[0], (long long)at[1], (long long)at[2]);
}

void Block::fail(Thread &thread, int32_t site, const char *format, ...) {
  char problem[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(problem, sizeof(problem), format, arguments);
  va_end(arguments);
  describeFailure(thread, site, problem);
  suspend(thread);
}

//===----------------------------------------------------------------------===//
// What threads call
//===----------------------------------------------------------------------===//

void Block::suspend(Thread &thread) { mf_rt_gpu_switch(&thread.stack, scheduler); }

void Block::enter(int32_t region) { ++executions.data[region]; }

void Block::checkIndex(Thread &thread, int32_t site, int32_t dimension, int64_t index, int64_t extent, int64_t count) {
  if (index < 0 || count > extent || index > extent - count)
    fail(thread, site, "is out of bounds: index %lld of dimension %d of %lld", (long long)(index + count - 1),
         dimension, (long long)extent);
}

SharedAccess Block::describeAccess(const Thread &thread, int64_t address, int32_t bytes) const {
  SharedAccess access = {};
  access.offset = uint32_t(getOffset(address));
  access.bytes = uint32_t(bytes);
  access.thread = uint16_t(thread.visible.thread);
  access.progress = &thread.progress;
  access.epoch = thread.progress.arrived;
  return access;
}

void Block::access(Thread &thread, int32_t site, int64_t address) {
  const mf_rt_gpu_site &place = kernel->sites[site];
  if (address % place.alignment != 0)
    fail(thread, site, "is misaligned: its address is no multiple of %d bytes", place.alignment);
  if (place.flags & MF_RT_GPU_WORKGROUP) {
    int64_t offset = getOffset(address);
    if (offset < 0 || offset + place.bytes > int64_t(launch->workgroupBytes))
      fail(thread, site, "is out of bounds: byte %lld of the %u bytes of workgroup memory",
           (long long)(offset + place.bytes - 1), launch->workgroupBytes);
    SharedAccess access = describeAccess(thread, address, place.bytes);
    access.writes = place.flags & MF_RT_GPU_WRITES;
    access.delayed = place.flags & MF_RT_GPU_DELAYED;
    if (const char *problem = shadow.access(access))
      fail(thread, site, "%s", problem);
  }
  if (!thread.accesses.push({address, site}))
    fail(thread, site, "out of memory for the counters");
}

void Block::waitForBlock(Thread &thread, int32_t site) {
  thread.site = site;
  thread.state = Thread::AtBarrier;
  suspend(thread);
}

void Block::waitForWarp(Thread &thread, int32_t site, uint32_t mask, Collective collective) {
  thread.site = site;
  thread.mask = mask;
  thread.collective = collective;
  thread.state = Thread::InWarp;
  suspend(thread);
}

void Block::copy(Thread &thread, const PendingCopy &copy) {
  if (!thread.copies.push(copy))
    fail(thread, -1, "out of memory for copies");
}

void Block::awaitCopies(Thread &thread, uint32_t groups) {
  // The open group is not waited for.
  uint32_t first = thread.openGroup > groups ? thread.openGroup - groups : 0;
  size_t kept = 0;
  for (size_t i = 0; i < thread.copies.size; ++i) {
    const PendingCopy copy = thread.copies.data[i];
    if (copy.group >= first) {
      thread.copies.data[kept++] = copy;
      continue;
    }
    char *to = reinterpret_cast<char *>(copy.to);
    memcpy(to, reinterpret_cast<const char *>(copy.from), size_t(copy.fromBytes));
    memset(to + copy.fromBytes, 0, size_t(copy.bytes - copy.fromBytes));
    if (kernel->checked)
      shadow.complete(uint32_t(getOffset(copy.to)), uint32_t(copy.bytes), uint16_t(thread.visible.thread));
  }
  thread.copies.size = kept;
}

} // namespace mf::rt::gpu
