// The parallel loop of a model: its own threads, or the host's.
#ifndef MF_LIB_RUNTIME_THREADPOOL_H
#define MF_LIB_RUNTIME_THREADPOOL_H

#include "mf-c/model.h"
#include "mf/Runtime/Plan.h"

namespace mf::rt {

/// Creates a pool of `threads` workers, the calling thread of a loop included (0: availableCPUs()), or one that passes
/// loops to `host` where it is not null; then `threads` is ignored and no thread is started.
mf_status createPool(int32_t threads, const mf_parallel_for *host, mf_rt_pool *&pool);

/// Stops and joins the threads. No loop may be running. Null is ignored.
void destroyPool(mf_rt_pool *pool);

/// Worker indices of the pool's loops are below this.
int32_t poolWorkers(const mf_rt_pool *pool);

/// Whether loops go to the host.
bool poolIsHosts(const mf_rt_pool *pool);

/// Makes the calling thread's thread-local storage exist. Its first use allocates it, and steps and loops must not.
void prepareThread();

/// Runs body(closure, begin, end, worker) over a partition of [0, count) and returns when all is done. Bodies run under
/// the default floating-point environment. A loop inside a body runs serially, as that body's worker. Where another
/// caller's loop holds the threads, this one runs on the calling thread alone: callers never wait for each other.
void parallelFor(mf_rt_pool *pool, mf_loop_body body, void *closure, int64_t count);

/// How many CPUs the process may use: its affinity mask, cut by the CPU quota of its control groups (version 2).
int32_t availableCPUs();

} // namespace mf::rt

#endif // MF_LIB_RUNTIME_THREADPOOL_H
