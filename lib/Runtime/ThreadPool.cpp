// A pool whose threads are helpers: a loop starts with seats for them, whoever is awake takes one, and the caller
// closes the loop when its iterations are handed out. So a thread that the system does not schedule delays nobody, and
// a child process after fork(), which has no such threads, still runs its loops.
#include "ThreadPool.h"

#include "Error.h"
#include "FloatEnvironment.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace {

/// A pool thread's start argument.
struct Helper {
  mf_rt_pool *pool;
  int64_t worker;
  pthread_t thread;
};

/// The loop that the calling thread is inside of.
struct CurrentLoop {
  const mf_rt_pool *pool;
  int64_t worker;
};

} // namespace

struct alignas(64) mf_rt_pool {
  mf_parallel_for host; ///< run is null where the threads are the pool's own
  int32_t workers;
  int64_t pollNanoseconds; ///< how long a waiting thread polls before it sleeps
  pid_t process;
  Helper *helpers; ///< workers - 1, the started ones first
  int32_t started;

  // The loop that is running; written by the caller that holds `busy`, read by helpers that took a seat.
  mf_loop_body body;
  void *closure;
  uint64_t count;

  alignas(64) uint32_t busy;     ///< a caller's loop has the helpers
  alignas(64) uint64_t next;     ///< first iteration that nobody has taken
  alignas(64) uint32_t seats;    ///< helpers that may still join; 0: closed
  alignas(64) uint32_t finished; ///< helpers that joined and are done; a futex
  uint32_t callerSleeps;         ///< on `finished`
  alignas(64) uint32_t posts;    ///< grows with every loop and at the end; a futex
  uint32_t sleepers;
  uint32_t stop;
  uint32_t ready; ///< helpers whose thread-local storage exists; a futex
};

namespace mf::rt {

static thread_local CurrentLoop currentLoop;

static void waitWhileEqual(uint32_t *word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

static void wake(uint32_t *word, uint32_t threads) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, threads, nullptr, nullptr, 0);
}

static void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  asm volatile("yield");
#endif
}

static void runBody(const mf_rt_pool *pool, mf_loop_body body, void *closure, int64_t begin, int64_t end,
                    int64_t worker) {
  CurrentLoop outer = currentLoop;
  currentLoop = {pool, worker};
  {
    DefaultFloatEnvironment environment;
    body(closure, begin, end, worker);
  }
  currentLoop = outer;
}

/// How many of the iterations that are `left` go together: at first a third of a worker's share, so that it reads long
/// runs of memory, single ones at the end, so that workers of different speed end together.
static uint64_t getChunk(const mf_rt_pool &pool, uint64_t left) {
  uint64_t chunk = left / (uint64_t(pool.workers) * 3);
  return chunk ? chunk : 1;
}

/// Takes chunks until none is left.
static void takeChunks(mf_rt_pool &pool, int64_t worker) {
  uint64_t begin = __atomic_load_n(&pool.next, __ATOMIC_RELAXED);
  while (begin < pool.count) {
    uint64_t end = begin + getChunk(pool, pool.count - begin);
    if (!__atomic_compare_exchange_n(&pool.next, &begin, end, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      continue;
    runBody(&pool, pool.body, pool.closure, int64_t(begin), int64_t(end), worker);
    begin = __atomic_load_n(&pool.next, __ATOMIC_RELAXED);
  }
}

static bool takeSeat(mf_rt_pool &pool) {
  uint32_t seats = __atomic_load_n(&pool.seats, __ATOMIC_RELAXED);
  while (seats != 0)
    if (__atomic_compare_exchange_n(&pool.seats, &seats, seats - 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
      return true;
  return false;
}

static int64_t nanoseconds() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t(time.tv_sec) * 1000000000 + time.tv_nsec;
}

/// Polls until `isDone` or the pool's time for that is over; whether it is done.
template <typename Condition> static bool poll(const mf_rt_pool &pool, Condition isDone) {
  static constexpr int32_t pollsPerLook = 64;
  if (pool.pollNanoseconds == 0)
    return false;
  for (int64_t begin = 0;;) {
    for (int32_t i = 0; i < pollsPerLook; ++i) {
      if (isDone())
        return true;
      relax();
    }
    int64_t time = nanoseconds();
    if (begin == 0)
      begin = time;
    if (time - begin >= pool.pollNanoseconds)
      return false;
  }
}

/// Waits until `posts` differs from `seen`: polls for a while, then sleeps.
static void waitForPost(mf_rt_pool &pool, uint32_t seen) {
  if (poll(pool, [&] { return __atomic_load_n(&pool.posts, __ATOMIC_RELAXED) != seen; }))
    return;
  // Sequentially consistent on both sides: either the poster sees the sleeper, or the sleeper the new post.
  __atomic_fetch_add(&pool.sleepers, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&pool.posts, __ATOMIC_SEQ_CST) == seen)
    waitWhileEqual(&pool.posts, seen);
  __atomic_fetch_sub(&pool.sleepers, 1, __ATOMIC_RELAXED);
}

void prepareThread() { *const_cast<volatile int64_t *>(&currentLoop.worker) = 0; }

static void *helperMain(void *argument) {
  Helper &helper = *static_cast<Helper *>(argument);
  mf_rt_pool &pool = *helper.pool;
  prepareThread();
  __atomic_fetch_add(&pool.ready, 1, __ATOMIC_RELEASE);
  wake(&pool.ready, 1);
  for (;;) {
    uint32_t seen = __atomic_load_n(&pool.posts, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&pool.stop, __ATOMIC_ACQUIRE))
      return nullptr;
    if (!takeSeat(pool)) {
      waitForPost(pool, seen);
      continue;
    }
    takeChunks(pool, helper.worker);
    __atomic_fetch_add(&pool.finished, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&pool.callerSleeps, __ATOMIC_SEQ_CST))
      wake(&pool.finished, 1);
  }
}

static void post(mf_rt_pool &pool, uint32_t wanted) {
  __atomic_fetch_add(&pool.posts, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&pool.sleepers, __ATOMIC_SEQ_CST) != 0)
    wake(&pool.posts, wanted);
}

static void waitForHelpers(mf_rt_pool &pool, uint32_t joined) {
  if (poll(pool, [&] { return __atomic_load_n(&pool.finished, __ATOMIC_ACQUIRE) == joined; }))
    return;
  // Sequentially consistent on both sides, as in waitForPost.
  __atomic_store_n(&pool.callerSleeps, 1, __ATOMIC_SEQ_CST);
  for (;;) {
    uint32_t finished = __atomic_load_n(&pool.finished, __ATOMIC_SEQ_CST);
    if (finished == joined)
      break;
    waitWhileEqual(&pool.finished, finished);
  }
  __atomic_store_n(&pool.callerSleeps, 0, __ATOMIC_RELAXED);
}

/// Runs a loop with the helpers; the caller holds `busy`.
static void runWithHelpers(mf_rt_pool &pool, mf_loop_body body, void *closure, uint64_t count) {
  pool.body = body;
  pool.closure = closure;
  pool.count = count;
  __atomic_store_n(&pool.next, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&pool.finished, 0, __ATOMIC_RELAXED);
  uint64_t useful = count - 1;
  uint32_t seats = uint32_t(useful < uint64_t(pool.started) ? useful : uint64_t(pool.started));
  __atomic_store_n(&pool.seats, seats, __ATOMIC_RELEASE);
  post(pool, seats);
  takeChunks(pool, 0);
  uint32_t untaken = __atomic_exchange_n(&pool.seats, 0, __ATOMIC_ACQ_REL);
  waitForHelpers(pool, seats - untaken);
}

namespace {
/// Stands between the host's loop and a body.
struct HostLoop {
  const mf_rt_pool *pool;
  mf_loop_body body;
  void *closure;
};
} // namespace

static void runHostBody(void *closure, int64_t begin, int64_t end, int64_t worker) {
  const HostLoop &loop = *static_cast<const HostLoop *>(closure);
  runBody(loop.pool, loop.body, loop.closure, begin, end, worker);
}

void parallelFor(mf_rt_pool *pool, mf_loop_body body, void *closure, int64_t count) {
  if (count <= 0)
    return;
  if (currentLoop.pool == pool)
    return runBody(pool, body, closure, 0, count, currentLoop.worker);
  if (pool->host.run) {
    HostLoop loop = {pool, body, closure};
    return pool->host.run(pool->host.context, runHostBody, &loop, count);
  }
  bool alone = count == 1 || pool->started == 0 || __atomic_exchange_n(&pool->busy, 1, __ATOMIC_ACQUIRE) != 0;
  if (alone)
    return runBody(pool, body, closure, 0, count, 0);
  runWithHelpers(*pool, body, closure, uint64_t(count));
  __atomic_store_n(&pool->busy, 0, __ATOMIC_RELEASE);
}

/// Starts the helpers with all signals blocked: signals are the host's, on the host's threads.
static int startHelpers(mf_rt_pool &pool) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  for (int32_t i = 0; i < pool.workers - 1 && !error; ++i) {
    pool.helpers[i] = {&pool, i + 1, {}};
    error = pthread_create(&pool.helpers[i].thread, nullptr, helperMain, &pool.helpers[i]);
    pool.started += !error;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  while (true) {
    uint32_t ready = __atomic_load_n(&pool.ready, __ATOMIC_ACQUIRE);
    if (ready == uint32_t(pool.started))
      break;
    waitWhileEqual(&pool.ready, ready);
  }
  return error;
}

mf_status createPool(int32_t threads, const mf_parallel_for *host, mf_rt_pool *&pool) {
  static constexpr int32_t maxThreads = 4096;
  // Longer than waits within a step, but where a thread does not run because others have its CPU. Who sleeps then comes
  // back sooner than who polls: polling for 100 or 200 us, with or without sched_yield, took up to a quarter off a
  // decode on a machine that was busy.
  static constexpr int64_t pollNanoseconds = 20000;
  if (host && (!host->run || host->max_workers < 1))
    return fail(MF_INVALID_ARGUMENT,
                "parallel_for: expected a run function and max_workers of at least 1, found %s, %d",
                host->run ? "a function" : "null", host->max_workers);
  if (threads < 0 || threads > maxThreads)
    return fail(MF_INVALID_ARGUMENT, "threads: expected 0 to %d, found %d", maxThreads, threads);
  int32_t available = availableCPUs();
  int32_t workers = host ? host->max_workers : threads ? threads : available;
  void *memory = nullptr;
  if (posix_memalign(&memory, alignof(mf_rt_pool), sizeof(mf_rt_pool)) != 0)
    return fail(MF_OUT_OF_MEMORY, "thread pool: out of memory");
  memset(memory, 0, sizeof(mf_rt_pool));
  pool = static_cast<mf_rt_pool *>(memory);
  pool->workers = workers;
  pool->process = getpid();
  // Polling threads in excess of the CPUs would keep the working ones from running.
  pool->pollNanoseconds = workers <= available ? pollNanoseconds : 0;
  if (host) {
    pool->host = *host;
    return MF_OK;
  }
  pool->helpers = static_cast<Helper *>(calloc(size_t(workers), sizeof(Helper)));
  int error = pool->helpers ? startHelpers(*pool) : ENOMEM;
  if (!error)
    return MF_OK;
  int32_t started = pool->started;
  destroyPool(pool);
  pool = nullptr;
  char text[128];
  return fail(MF_OUT_OF_MEMORY, "thread pool: cannot start thread %d of %d: %s", started + 2, workers,
              systemErrorText(error, text, sizeof(text)));
}

void destroyPool(mf_rt_pool *pool) {
  if (!pool)
    return;
  __atomic_store_n(&pool->stop, 1, __ATOMIC_RELEASE);
  post(*pool, uint32_t(pool->workers));
  // A child process has no threads to join.
  for (int32_t i = 0; i < pool->started && pool->process == getpid(); ++i)
    pthread_join(pool->helpers[i].thread, nullptr);
  free(pool->helpers);
  free(pool);
}

int32_t poolWorkers(const mf_rt_pool *pool) { return pool->workers; }

bool poolIsHosts(const mf_rt_pool *pool) { return pool->host.run != nullptr; }

} // namespace mf::rt

extern "C" void mf_rt_parallel_for(const mf_rt_frame *frame, void (*body)(void *, int64_t, int64_t, int64_t),
                                   void *closure, int64_t count) {
  mf::rt::parallelFor(frame->pool, body, closure, count);
}
