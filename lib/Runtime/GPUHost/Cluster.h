// The blocks of a cluster, which run together on one thread of the host.
#ifndef MF_LIB_RUNTIME_GPUHOST_CLUSTER_H
#define MF_LIB_RUNTIME_GPUHOST_CLUSTER_H

#include "Block.h"

namespace mf::rt::gpu {

struct Record;

class Cluster {
public:
  /// Takes blocks from `record` and makes room for the launch. False where memory is out.
  bool begin(Record &record, const Launch &launch);
  /// Runs the blocks of cluster `number`, x fastest. Null, or what the kernel did wrong.
  const char *run(int64_t number);
  /// Of all blocks since `begin`.
  void addCounters(Counters &counters) const;
  void end(Record &record);

  int32_t getSize() const { return size; }
  Block &getBlock(int32_t i) { return *blocks[i]; }

private:
  bool advance();
  bool releaseWaiting();

  Block *blocks[kMostClusterBlocks];
  int32_t size;
};

} // namespace mf::rt::gpu

#endif // MF_LIB_RUNTIME_GPUHOST_CLUSTER_H
