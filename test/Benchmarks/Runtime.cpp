// Google Benchmark of what the runtime does around kernels: handing a loop to the pool, digests.
#include "Digest.h"
#include "ThreadPool.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

using namespace mf::rt;

/// A pool of as many threads as the benchmark's first argument says.
class PoolFixture : public benchmark::Fixture {
public:
  void SetUp(benchmark::State &state) override {
    if (createPool(static_cast<int32_t>(state.range(0)), nullptr, pool) != MF_OK)
      state.SkipWithError("no pool");
  }
  void TearDown(benchmark::State &) override {
    destroyPool(pool);
    pool = nullptr;
  }

  mf_rt_pool *pool = nullptr;
};

static void countIterations(void *closure, int64_t begin, int64_t end, int64_t worker) {
  // A cache line apart.
  static_cast<int64_t *>(closure)[worker * 8] += end - begin;
}

/// An empty loop with an iteration a thread: what one parallel loop of a step costs at least.
BENCHMARK_DEFINE_F(PoolFixture, HandOver)(benchmark::State &state) {
  std::vector<int64_t> counts(8 * std::max<int64_t>(state.range(0), 1));
  for (auto _ : state)
    parallelFor(pool, countIterations, counts.data(), state.range(0));
  benchmark::DoNotOptimize(counts.data());
}
BENCHMARK_REGISTER_F(PoolFixture, HandOver)->ArgName("threads")->Arg(1)->Arg(2)->Arg(4)->UseRealTime();

/// A loop of many small iterations: what taking one costs.
BENCHMARK_DEFINE_F(PoolFixture, Iterations)(benchmark::State &state) {
  std::vector<int64_t> counts(8 * state.range(0));
  for (auto _ : state)
    parallelFor(pool, countIterations, counts.data(), state.range(1));
  benchmark::DoNotOptimize(counts.data());
  state.SetItemsProcessed(state.iterations() * state.range(1));
}
BENCHMARK_REGISTER_F(PoolFixture, Iterations)
    ->ArgNames({"threads", "iterations"})
    ->ArgsProduct({{1, 2}, {16, 256, 4096}})
    ->UseRealTime();

/// The digest that opening with `verify` and the parameter writer compute.
BENCHMARK_DEFINE_F(PoolFixture, DigestBlocks)(benchmark::State &state) {
  std::vector<char> data(state.range(1), 'x');
  for (auto _ : state) {
    uint64_t digest = 0;
    if (!digestBlocks(pool, data.data(), data.size(), digest))
      state.SkipWithError("out of memory");
    benchmark::DoNotOptimize(digest);
  }
  state.SetBytesProcessed(state.iterations() * state.range(1));
}
BENCHMARK_REGISTER_F(PoolFixture, DigestBlocks)
    ->ArgNames({"threads", "bytes"})
    ->ArgsProduct({{1, 2}, {1 << 20, 64 << 20}})
    ->UseRealTime();

static void hashBytes(benchmark::State &state) {
  std::vector<char> data(state.range(0), 'x');
  for (auto _ : state)
    benchmark::DoNotOptimize(xxh64(data.data(), data.size()));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(hashBytes)->ArgName("bytes")->RangeMultiplier(64)->Range(64, 1 << 18);

BENCHMARK_MAIN();
