// Launches of a call as a graph, which calls of one size and the same memory replay.
#ifndef MF_LIB_RUNTIME_CUDA_GRAPHS_H
#define MF_LIB_RUNTIME_CUDA_GRAPHS_H

#include "../Device.h"
#include "Driver.h"

namespace mf::rt::cuda {

/// Graphs of the calls that came last. What a list of launches depends on is its key: the entry, its dimensions, the
/// addresses of its operands.
struct GraphCache {
  static constexpr int size = 16;
  struct Slot {
    GraphExec exec;    ///< null: the key was seen once
    uint64_t lastUse;  ///< 0: free
    uint64_t keyWords; ///< in use of `key`
    uint64_t *key;
  };
  Slot slots[size];
  uint64_t *keys; ///< of all slots
  uint64_t *wanted;
  uint64_t uses;
  bool isOff; ///< the driver cannot capture

  /// Makes room for keys of `words` words.
  mf_status init(uint64_t words);
  /// Forgets all graphs: memory that they work on goes.
  void clear(const Driver &driver);
  void release(const Driver &driver);
};

/// Runs a call's launches: at first as they are, then, where the driver can, as a graph.
mf_status replayLaunches(Lane &lane, const EntryCall &call);

} // namespace mf::rt::cuda

#endif // MF_LIB_RUNTIME_CUDA_GRAPHS_H
