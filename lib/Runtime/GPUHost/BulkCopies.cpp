// Bulk copies, the barriers that count their bytes, and the barrier of a cluster.
#include "Cluster.h"

namespace mf::rt::gpu {

//===----------------------------------------------------------------------===//
// What threads do
//===----------------------------------------------------------------------===//

void Block::initTransferBarrier(Thread &thread, int32_t site, int64_t address, int32_t count) {
  int64_t offset = getOffset(address);
  if (offset < 0 || offset + 8 > int64_t(launch->workgroupBytes) || offset % 8 != 0)
    fail(thread, site, "is no place of 8 bytes in the %u bytes of workgroup memory", launch->workgroupBytes);
  if (transfers.find(uint32_t(offset)) >= 0)
    fail(thread, site, "initialises a barrier again");
  int32_t barrier = transfers.init(uint32_t(offset), count, describeAccess(thread, address, 8), shadow.getTime());
  if (barrier < 0)
    fail(thread, site, "initialises more than %d barriers", kMostTransferBarriers);
}

int32_t Block::findTransferBarrier(Thread &thread, int32_t site, int64_t address) {
  int32_t barrier = transfers.find(uint32_t(getOffset(address)));
  if (barrier < 0)
    fail(thread, site, "uses a barrier that nothing initialised");
  const TransferBarrier &used = transfers.get(barrier);
  if (kernel->checked && !shadow.isAfter(used.init, used.initTime, describeAccess(thread, address, 8)))
    fail(thread, site, "race: uses a barrier that another thread initialised, without a barrier between them");
  return barrier;
}

void Block::expectTransfer(Thread &thread, int32_t site, int64_t address, int32_t bytes) {
  int32_t number = findTransferBarrier(thread, site, address);
  TransferBarrier &barrier = transfers.get(number);
  if (barrier.pending == 0)
    fail(thread, site, "arrives at a barrier for which all have arrived");
  --barrier.pending;
  barrier.bytes += bytes;
  transfers.update(number);
}

void Block::awaitTransfer(Thread &thread, int32_t site, int64_t address, uint32_t parity) {
  thread.site = site;
  thread.transferBarrier = findTransferBarrier(thread, site, address);
  thread.parity = parity & 1;
  thread.state = Thread::AtTransfer;
  suspend(thread);
}

const char *Block::receive(const SharedAccess &access, const PendingCopy &copy, uint32_t offset,
                           uint32_t barrierOffset) {
  int32_t barrier = transfers.find(barrierOffset);
  if (barrier < 0)
    return "is counted by a barrier that nothing initialised";
  if (kernel->checked) {
    const TransferBarrier &counting = transfers.get(barrier);
    if (!shadow.isAfter(counting.init, counting.initTime, access))
      return "race: is counted by a barrier that another thread initialised, without a barrier between them";
    if (const char *problem = shadow.access(access))
      return problem;
  }
  Transfer transfer = {workgroup + offset, reinterpret_cast<const char *>(copy.from), uint32_t(copy.bytes), barrier};
  return transfers.add(transfer) ? nullptr : "out of memory for copies";
}

void Block::startTransfer(Thread &thread, int32_t site, const PendingCopy &copy, int64_t barrier, uint32_t mask) {
  uint32_t targets = mask ? mask : uint32_t(1) << rank;
  int64_t offset = getOffset(copy.to);
  if (offset < 0 || offset + copy.bytes > int64_t(launch->workgroupBytes))
    fail(thread, site, "is out of bounds: byte %lld of the %u bytes of workgroup memory",
         (long long)(offset + copy.bytes - 1), launch->workgroupBytes);
  if (copy.to % 16 != 0 || copy.from % 16 != 0)
    fail(thread, site, "is misaligned: its address is no multiple of 16 bytes");
  if (targets >> cluster->getSize())
    fail(thread, site, "goes to blocks that its cluster of %d does not have", cluster->getSize());
  SharedAccess access = describeAccess(thread, copy.to, copy.bytes);
  access.writes = access.delayed = true;
  for (int32_t i = 0; i < cluster->getSize(); ++i) {
    access.remote = i != rank;
    if (targets >> i & 1)
      if (const char *problem =
              cluster->getBlock(i).receive(access, copy, uint32_t(offset), uint32_t(getOffset(barrier))))
        fail(thread, site, "%s", problem);
  }
  if (kernel->checked)
    counters.addBulkCopy(copy.from, uint64_t(copy.bytes), uint64_t(__builtin_popcount(targets)));
}

void Block::arriveAtCluster(Thread &thread, int32_t site) {
  if (thread.progress.arrived != thread.progress.passed)
    fail(thread, site, "arrives at a barrier of the cluster twice");
  ++thread.progress.arrived;
}

void Block::waitForCluster(Thread &thread, int32_t site) {
  if (thread.progress.arrived == thread.progress.passed)
    fail(thread, site, "waits at a barrier of the cluster without an arrival");
  thread.site = site;
  thread.state = Thread::AtClusterBarrier;
  suspend(thread);
}

//===----------------------------------------------------------------------===//
// What they wait for
//===----------------------------------------------------------------------===//

/// Threads whose phase has ended go on.
bool Block::releaseTransfers() {
  bool released = false;
  uint32_t time = 0;
  for (int32_t i = 0; i < kernel->threads; ++i) {
    Thread &thread = threads.data[i];
    if (thread.state != Thread::AtTransfer || !transfers.hasEnded(thread.transferBarrier, thread.parity))
      continue;
    if (!released)
      time = shadow.observe();
    released = true;
    thread.progress.observed[thread.transferBarrier] = time;
    thread.state = Thread::Ready;
  }
  return released;
}

uint32_t Block::getLeastArrived() const {
  uint32_t least = UINT32_MAX;
  for (int32_t i = 0; i < kernel->threads; ++i)
    if (threads.data[i].state != Thread::Done && threads.data[i].progress.arrived < least)
      least = threads.data[i].progress.arrived;
  return least;
}

bool Block::passClusterBarriers(uint32_t arrived) {
  bool any = false;
  for (int32_t i = 0; i < kernel->threads; ++i) {
    Thread &thread = threads.data[i];
    if (thread.state != Thread::AtClusterBarrier || thread.progress.passed >= arrived)
      continue;
    ++thread.progress.passed;
    thread.state = Thread::Ready;
    any = true;
  }
  if (any)
    countWarps();
  return any;
}

bool Block::deliverCopies() {
  for (int32_t i = 0; i < kernel->threads; ++i) {
    const Thread &thread = threads.data[i];
    if (thread.state != Thread::AtTransfer)
      continue;
    auto arrived = [&](const Transfer &transfer) {
      if (kernel->checked)
        shadow.completeTransfer(uint32_t(transfer.to - workgroup), transfer.bytes, transfer.barrier,
                                thread.progress.arrived);
    };
    if (transfers.deliver(thread.transferBarrier, arrived))
      return true;
  }
  return false;
}

} // namespace mf::rt::gpu

//===----------------------------------------------------------------------===//
// What generated code calls
//===----------------------------------------------------------------------===//

using namespace mf::rt::gpu;

static Thread &getThread(mf_rt_gpu_thread *thread) { return *reinterpret_cast<Thread *>(thread); }

void mf_rt_gpu_mbarrier_init(mf_rt_gpu_thread *visible, int32_t site, int64_t barrier, int32_t count) {
  getThread(visible).block->initTransferBarrier(getThread(visible), site, barrier, count);
}

void mf_rt_gpu_mbarrier_expect(mf_rt_gpu_thread *visible, int32_t site, int64_t barrier, int32_t bytes) {
  getThread(visible).block->expectTransfer(getThread(visible), site, barrier, bytes);
}

void mf_rt_gpu_mbarrier_wait(mf_rt_gpu_thread *visible, int32_t site, int64_t barrier, uint32_t parity) {
  getThread(visible).block->awaitTransfer(getThread(visible), site, barrier, parity);
}

void mf_rt_gpu_bulk_copy(mf_rt_gpu_thread *visible, int32_t site, int64_t to, int64_t from, int32_t bytes,
                         int64_t barrier, int32_t mask) {
  Thread &thread = getThread(visible);
  thread.block->startTransfer(thread, site, {to, from, bytes, bytes, 0}, barrier, uint32_t(mask));
}

void mf_rt_gpu_cluster_arrive(mf_rt_gpu_thread *visible, int32_t site) {
  getThread(visible).block->arriveAtCluster(getThread(visible), site);
}

void mf_rt_gpu_cluster_wait(mf_rt_gpu_thread *visible, int32_t site) {
  getThread(visible).block->waitForCluster(getThread(visible), site);
}
