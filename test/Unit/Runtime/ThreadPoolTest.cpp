// The parallel loop: coverage, workers, concurrent and nested callers, the host's loop, the floating-point environment.
#include "ThreadPool.h"
#include "FakeModel.h"
#include "FloatEnvironment.h"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

using namespace mf::rt;

using Body = std::function<void(int64_t begin, int64_t end, int64_t worker)>;

static void loop(mf_rt_pool *pool, int64_t count, const Body &body) {
  auto call = [](void *closure, int64_t begin, int64_t end, int64_t worker) {
    (*static_cast<const Body *>(closure))(begin, end, worker);
  };
  parallelFor(pool, call, const_cast<Body *>(&body), count);
}

/// Runs a loop and checks that each iteration ran once and that no worker index was shared.
static void expectCoverage(mf_rt_pool *pool, int64_t count) {
  std::vector<std::atomic<int>> seen(size_t(count > 0 ? count : 0));
  std::vector<std::atomic<int>> active(size_t(poolWorkers(pool)));
  loop(pool, count, [&](int64_t begin, int64_t end, int64_t worker) {
    ASSERT_LT(worker, poolWorkers(pool));
    EXPECT_EQ(active[size_t(worker)]++, 0);
    for (int64_t i = begin; i < end; ++i)
      ++seen[size_t(i)];
    --active[size_t(worker)];
  });
  for (auto &times : seen)
    ASSERT_EQ(times, 1);
}

namespace {
class ThreadPool : public ::testing::TestWithParam<int32_t> {
protected:
  ThreadPool() { EXPECT_EQ(createPool(GetParam(), nullptr, pool), MF_OK) << mf::test::api().last_error(); }
  ~ThreadPool() override { destroyPool(pool); }
  mf_rt_pool *pool = nullptr;
};
} // namespace

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPool, ::testing::Values(1, 2, 3, 7));

TEST_P(ThreadPool, coversEachIterationOnce) {
  EXPECT_EQ(poolWorkers(pool), GetParam());
  for (int64_t count : {-1, 0, 1, 2, 7, 64, 65, 1000})
    for (int repeat = 0; repeat < 20; ++repeat)
      expectCoverage(pool, count);
}

TEST_P(ThreadPool, concurrentCallers) {
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([this] {
      for (int repeat = 0; repeat < 100; ++repeat)
        expectCoverage(pool, 50);
    });
  for (std::thread &caller : callers)
    caller.join();
}

TEST_P(ThreadPool, nestedLoopsKeepTheWorker) {
  std::atomic<int64_t> sum{0};
  loop(pool, 20, [&](int64_t begin, int64_t end, int64_t worker) {
    for (int64_t i = begin; i < end; ++i)
      loop(pool, 10, [&](int64_t first, int64_t last, int64_t inner) {
        EXPECT_EQ(inner, worker);
        sum += last - first;
      });
  });
  EXPECT_EQ(sum, 200);
}

TEST_P(ThreadPool, wakesAfterASleep) {
  for (int repeat = 0; repeat < 3; ++repeat) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    expectCoverage(pool, 100);
  }
}

TEST_P(ThreadPool, defaultFloatEnvironment) {
#if defined(__x86_64__)
  uint32_t unusual = 0x1f80 | 0x8040 | 0x6000; // flush to zero, denormals are zero, round to zero
#else
  uint64_t unusual = uint64_t(1) << 24;
#endif
  auto before = readFloatControl();
  writeFloatControl(unusual);
  std::atomic<int> wrong{0};
  loop(pool, 100, [&](int64_t, int64_t, int64_t) {
    wrong += readFloatControl() != defaultFloatControl;
    volatile float tiny = 1e-38f;
    wrong += tiny * 0.1f == 0;
  });
  auto after = readFloatControl();
  writeFloatControl(before);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(after, unusual);
}

TEST_P(ThreadPool, threadsBlockSignals) {
  std::thread::id caller = std::this_thread::get_id();
  std::atomic<int> open{0};
  loop(pool, 1000, [&](int64_t, int64_t, int64_t) {
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    if (std::this_thread::get_id() != caller)
      open += !sigismember(&blocked, SIGINT) || !sigismember(&blocked, SIGTERM);
  });
  EXPECT_EQ(open, 0);
}

#if !__has_feature(thread_sanitizer)
TEST_P(ThreadPool, runsAndClosesInAChildProcess) {
  pid_t child = fork();
  if (child == 0) {
    std::atomic<int64_t> sum{0};
    loop(pool, 100, [&](int64_t begin, int64_t end, int64_t) { sum += end - begin; });
    destroyPool(pool);
    _exit(sum == 100 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}
#endif

/// A host's loop: two threads that take the halves.
static void runInHalves(void *context, mf_loop_body body, void *closure, int64_t count) {
  ++*static_cast<std::atomic<int> *>(context);
  std::thread upper([=] { body(closure, count / 2, count, 1); });
  if (count > 1)
    body(closure, 0, count / 2, 0);
  upper.join();
}

TEST(HostLoop, isUsed) {
  std::atomic<int> calls{0};
  mf_parallel_for host = {runInHalves, &calls, 2};
  mf_rt_pool *pool = nullptr;
  ASSERT_EQ(createPool(5, &host, pool), MF_OK);
  host = {};
  EXPECT_EQ(poolWorkers(pool), 2);
  expectCoverage(pool, 101);
  EXPECT_EQ(calls, 1);
  std::atomic<int64_t> sum{0};
  loop(pool, 2, [&](int64_t, int64_t, int64_t worker) {
    loop(pool, 10, [&](int64_t begin, int64_t end, int64_t inner) {
      EXPECT_EQ(inner, worker);
      sum += end - begin;
    });
  });
  EXPECT_EQ(sum, 20);
  EXPECT_EQ(calls, 2) << "nested loops stay with their worker";
  destroyPool(pool);
}

TEST(ThreadPoolOptions, areChecked) {
  mf_rt_pool *pool = nullptr;
  EXPECT_EQ(createPool(-1, nullptr, pool), MF_INVALID_ARGUMENT);
  EXPECT_STREQ(mf::test::api().last_error(), "threads: expected 0 to 4096, found -1");
  mf_parallel_for host = {runInHalves, nullptr, 0};
  EXPECT_EQ(createPool(0, &host, pool), MF_INVALID_ARGUMENT);
  EXPECT_STREQ(mf::test::api().last_error(),
               "parallel_for: expected a run function and max_workers of at least 1, found a function, 0");
}

TEST(ThreadPoolOptions, defaultIsWhatTheProcessMayUse) {
  cpu_set_t mask, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof(mask), &mask), 0);
  EXPECT_LE(availableCPUs(), CPU_COUNT(&mask));
  int first = 0;
  while (!CPU_ISSET(first, &mask))
    ++first;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(availableCPUs(), 1);
  sched_setaffinity(0, sizeof(mask), &mask);
}
