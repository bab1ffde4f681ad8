// A block of threads on one thread of the host.
#ifndef MF_LIB_RUNTIME_GPUHOST_BLOCK_H
#define MF_LIB_RUNTIME_GPUHOST_BLOCK_H

#include "Counters.h"
#include "Shadow.h"
#include "Transfers.h"

namespace mf::rt::gpu {

class Block;
class Cluster;

/// What all blocks of a launch share.
struct Launch {
  const mf_rt_gpu_kernel *kernel;
  const void *arguments;
  int64_t grid[3];
  uint32_t workgroupBytes;
};

/// A copy that its thread has not waited for.
struct PendingCopy {
  int64_t to, from;
  int32_t bytes, fromBytes;
  uint32_t group;
};

struct Thread;
/// What the lanes of a warp do together once those of the mask are there.
using Collective = void (*)(Thread *const *lanes, uint32_t mask);

/// A thread. Generated code has the address of its first member.
struct Thread {
  mf_rt_gpu_thread visible;
  Block *block;
  enum State : uint8_t { Ready, AtBarrier, AtClusterBarrier, AtTransfer, InWarp, Done } state;
  int32_t site; ///< where it waits
  void *stack;  ///< its pointer, while it does not run

  /// What it waits with for the lanes of `mask`.
  Collective collective;
  uint32_t mask;
  uint32_t value, operand; ///< of a shuffle or vote; `value` is also the result
  int32_t mode;
  const void *inputs[3];
  void *output;

  Progress progress;
  int32_t transferBarrier; ///< that it waits for, with the phase of this parity
  uint32_t parity;
  List<PendingCopy> copies;
  uint32_t openGroup; ///< number of the group that the next copy joins
  List<Access> accesses;
};

/// Runs blocks one after the other: the threads in turn, each until it waits or ends.
class Block {
public:
  static Block *create();
  void destroy();
  /// Makes room for the launch. False where memory is out.
  bool begin(const Launch &launch, Cluster &cluster);
  /// Prepares block `rank` of cluster `number`, x fastest.
  void start(int64_t number, int32_t rank);
  /// Runs threads until all wait or have ended. Returns whether one ran, or need not wait any more.
  bool advance();
  /// Sees that all threads have ended and all copies have arrived, and counts.
  void finish();
  /// Whether the kernel did something wrong: `getError` says what.
  bool hasFailed() const { return failed; }
  const char *getError() const { return error; }
  /// Of all blocks since `begin`.
  const Counters &getCounters() const { return counters; }

  // Called by the thread that runs.
  void enter(int32_t region);
  void checkIndex(Thread &thread, int32_t site, int32_t dimension, int64_t index, int64_t extent, int64_t count);
  void access(Thread &thread, int32_t site, int64_t address);
  /// Waits for the other threads of the block, or for the lanes of thread.mask, which then do `collective`.
  void waitForBlock(Thread &thread, int32_t site);
  void waitForWarp(Thread &thread, int32_t site, uint32_t mask, Collective collective);
  void copy(Thread &thread, const PendingCopy &copy);
  void awaitCopies(Thread &thread, uint32_t groups);
  void initTransferBarrier(Thread &thread, int32_t site, int64_t address, int32_t count);
  void expectTransfer(Thread &thread, int32_t site, int64_t address, int32_t bytes);
  void awaitTransfer(Thread &thread, int32_t site, int64_t address, uint32_t parity);
  void startTransfer(Thread &thread, int32_t site, const PendingCopy &copy, int64_t barrier, uint32_t mask);
  void arriveAtCluster(Thread &thread, int32_t site);
  void waitForCluster(Thread &thread, int32_t site);

  // Called by the cluster.
  /// Barriers of the cluster that all threads have arrived at that have not ended.
  uint32_t getLeastArrived() const;
  /// Lets threads go on that wait at one of the first `arrived` barriers. Returns whether there were any.
  bool passClusterBarriers(uint32_t arrived);
  /// Lets copies arrive that a thread waits for. Returns whether there were any.
  bool deliverCopies();
  bool isChecked() const { return kernel->checked; }
  /// Orders the accesses of the lanes before and after.
  void passWarpBarrier(const Thread &lane) { shadow.passWarpBarrier(uint32_t(lane.visible.thread / kWarp)); }

  Block *next; ///< in the list of spare blocks

private:
  static void enterThread(void *thread);
  void startThreads();
  void runAlone();
  bool runWarp(uint32_t warp);
  bool releaseLanes(uint32_t warp);
  bool releaseBarrier();
  bool releaseTransfers();
  void countWarps();
  /// The access of a thread of this block.
  SharedAccess describeAccess(const Thread &thread, int64_t address, int32_t bytes) const;
  int32_t findTransferBarrier(Thread &thread, int32_t site, int64_t address);
  /// A copy by a thread, of this or another block, to this one; null, or what is wrong with it.
  const char *receive(const SharedAccess &access, const PendingCopy &copy, uint32_t offset, uint32_t barrier);
  void reportWaiting();
  void countWarp(uint32_t warp);
  void suspend(Thread &thread);
  /// Notes what a thread did wrong; the thread never goes on.
  __attribute__((format(printf, 4, 5))) void fail(Thread &thread, int32_t site, const char *format, ...);
  void describeFailure(const Thread &thread, int32_t site, const char *problem);
  int64_t getOffset(int64_t address) const { return address - reinterpret_cast<int64_t>(workgroup); }

  const Launch *launch;
  Cluster *cluster;
  Transfers transfers;
  int32_t rank; ///< in the cluster
  const mf_rt_gpu_kernel *kernel;
  List<Thread> threads;
  char *stacks;
  size_t stackCount;
  char *workgroup; ///< aligned, in `workgroupStorage`
  List<char> workgroupStorage;
  void *scheduler; ///< stack pointer of what resumes threads
  Shadow shadow;
  List<uint64_t> executions; ///< by region
  AccessCounter accessCounter;
  Counters counters;
  bool failed;
  char error[512];
};

} // namespace mf::rt::gpu

#endif // MF_LIB_RUNTIME_GPUHOST_BLOCK_H
