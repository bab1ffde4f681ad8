// Times the probe's loops on one or more threads.
#include "Probe.h"
#include "Machine.h"
#include "ProbeLoops.h"
#include "Statistics.h"

#include "llvm/Support/MathExtras.h"

#include <atomic>
#include <cstring>
#include <sys/mman.h>
#include <thread>

using namespace llvm;
using namespace mf::bench;

static constexpr size_t hugePage = 2 << 20;
/// The best of so many runs of about so long counts.
static constexpr int runs = 3;
static constexpr double runSeconds = 0.015;

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

ProbeBuffer::ProbeBuffer(size_t size, Pages pages) : mappedBytes(size + hugePage), bytes(size) {
  mapping = mmap(nullptr, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) {
    mapping = nullptr;
    return;
  }
  start = reinterpret_cast<char *>(alignTo(reinterpret_cast<uintptr_t>(mapping), hugePage));
  madvise(start, bytes, pages == Pages::Huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  // Pages that were never written are all the same page of zeros.
  memset(start, 1, bytes);
}

ProbeBuffer::~ProbeBuffer() {
  if (mapping)
    munmap(mapping, mappedBytes);
}

ProbeBuffer &Probe::getBuffer(Pages pages) {
  std::unique_ptr<ProbeBuffer> &buffer = buffers[static_cast<int>(pages)];
  if (!buffer) {
    const Machine &machine = getMachine();
    int64_t wanted = std::clamp<int64_t>(16 * machine.l3Bytes, 1 << 30, int64_t(4) << 30);
    if (machine.freeBytes)
      wanted = std::min(wanted, machine.freeBytes / 4);
    buffer = std::make_unique<ProbeBuffer>(alignTo(bytes ? bytes : wanted, hugePage), pages);
  }
  return *buffer;
}

//===----------------------------------------------------------------------===//
// Time
//===----------------------------------------------------------------------===//

/// Calls `run(thread)` on all threads at once; seconds from the common start to the last one's end.
static double timeOnThreads(int64_t count, function_ref<void(int64_t)> run) {
  std::atomic<int64_t> ready{0};
  std::vector<double> starts(count), ends(count);
  auto work = [&](int64_t thread) {
    for (++ready; ready < count;)
      std::this_thread::yield();
    starts[thread] = now();
    run(thread);
    ends[thread] = now();
  };
  std::vector<std::thread> threads;
  for (int64_t thread = 1; thread < count; ++thread)
    threads.emplace_back(work, thread);
  work(0);
  for (std::thread &thread : threads)
    thread.join();
  return *std::max_element(ends.begin(), ends.end()) - *std::min_element(starts.begin(), starts.end());
}

/// The best rate of `run(thread, amount, round)`, which does `amount` units of work; amounts grow until a run is long
/// enough.
static double measureRate(int64_t threads, size_t amount, function_ref<void(int64_t, size_t, uint64_t)> run) {
  double best = 0;
  uint64_t round = 0;
  for (int done = 0; done < runs;) {
    double seconds = timeOnThreads(threads, [&](int64_t thread) { run(thread, amount, round); });
    ++round;
    if (seconds < runSeconds / 2) {
      amount *= seconds < runSeconds / 16 ? 8 : 2;
      continue;
    }
    best = std::max(best, double(amount) * double(threads) / seconds);
    ++done;
  }
  return best;
}

/// The best of all distances.
static Ceiling measureBest(ArrayRef<int64_t> distances, function_ref<double(int64_t)> measure) {
  Ceiling ceiling;
  for (int64_t ahead : distances)
    if (double rate = measure(ahead); rate > ceiling.perSecond)
      ceiling = {rate, ahead};
  return ceiling;
}

static std::atomic<uint64_t> sink;

//===----------------------------------------------------------------------===//
// Ceilings
//===----------------------------------------------------------------------===//

Ceiling Probe::find(std::tuple<Kind, int64_t, int64_t, Pages> key, function_ref<Ceiling()> measure) {
  auto [place, isNew] = known.try_emplace(key);
  if (isNew)
    place->second = measure();
  return place->second;
}

Ceiling Probe::getMultiplyAdds(int64_t threads) {
  return find({Kind::MultiplyAdds, threads, 0, Pages::Huge}, [&]() -> Ceiling {
    const ProbeLoops &loops = getProbeLoops();
    auto run = [&](int64_t, size_t iterations, uint64_t) { sink += uint64_t(loops.multiplyAdd(iterations)); };
    return {measureRate(threads, 1 << 16, run) * double(loops.multiplyAddsPerIteration), 0};
  });
}

Ceiling Probe::getL2(int64_t threads) {
  return find({Kind::L2, threads, 0, Pages::Huge}, [&]() -> Ceiling {
    // Half of it: the rest is for what else lives there.
    size_t bytes = alignDown(getMachine().l2Bytes / 2, 512);
    ProbeBuffer buffer(alignTo(bytes, hugePage) * threads, Pages::Huge);
    if (!buffer.data())
      return {};
    return measureBest({0, 512, 1024, 2048}, [&](int64_t ahead) {
      auto run = [&](int64_t thread, size_t passes, uint64_t) {
        for (size_t pass = 0; pass < passes; ++pass)
          sink += getProbeLoops().read(buffer.data() + alignTo(bytes, hugePage) * thread, bytes, ahead);
      };
      return measureRate(threads, 16, run) * double(bytes);
    });
  });
}

Ceiling Probe::getSequential(int64_t threads) {
  return find({Kind::Sequential, threads, 0, Pages::Huge}, [&]() -> Ceiling {
    ProbeBuffer &buffer = getBuffer(Pages::Huge);
    if (!buffer.data())
      return {};
    size_t part = alignDown(buffer.size() / threads, 1 << 20);
    return measureBest({0, 1024, 2048, 4096, 8192}, [&](int64_t ahead) {
      auto run = [&](int64_t thread, size_t mebibytes, uint64_t round) {
        // Each run begins where the one before ended: nothing of it is in the caches.
        size_t bytes = std::min(mebibytes << 20, part), start = (round * bytes) % part;
        start = std::min(start, part - bytes);
        for (size_t done = 0; done < mebibytes << 20; done += bytes)
          sink += getProbeLoops().read(buffer.data() + part * thread + start, bytes, ahead);
      };
      return measureRate(threads, 64, run) * double(1 << 20);
    });
  });
}

Ceiling Probe::getRandom(int64_t threads, int64_t pieceBytes, Pages pages) {
  int64_t piece = std::clamp<int64_t>(PowerOf2Ceil(pieceBytes), 64, 4096);
  return find({Kind::Random, threads, piece, pages}, [&]() -> Ceiling {
    ProbeBuffer &buffer = getBuffer(pages);
    if (!buffer.data())
      return {};
    return measureBest({1, 2, 4, 8, 16, 32}, [&](int64_t ahead) {
      auto run = [&](int64_t thread, size_t count, uint64_t round) {
        uint64_t seed = (round * threads + thread) << 32 | uint64_t(ahead) << 24;
        sink += getProbeLoops().readPieces(buffer.data(), buffer.size() / piece, piece, count, ahead, seed);
      };
      return measureRate(threads, (4 << 20) / piece, run) * double(piece);
    });
  });
}

Ceiling Probe::getRandomAfterStream(int64_t threads, int64_t pieceBytes, Pages pages) {
  constexpr int64_t count = 1024, batches = 10;
  int64_t piece = std::clamp<int64_t>(PowerOf2Ceil(pieceBytes), 64, 4096);
  return find({Kind::RandomAfterStream, threads, piece, pages}, [&]() -> Ceiling {
    ProbeBuffer &buffer = getBuffer(pages);
    if (!buffer.data())
      return {};
    size_t part = alignDown(std::min<size_t>(2 * getMachine().l3Bytes, buffer.size()) / threads, 512);
    return measureBest({16, 32, 64}, [&](int64_t ahead) {
      double best = 0;
      for (int64_t batch = 0; batch < batches; ++batch) {
        timeOnThreads(threads,
                      [&](int64_t thread) { sink += getProbeLoops().read(buffer.data() + part * thread, part, 4096); });
        double seconds = timeOnThreads(threads, [&](int64_t thread) {
          uint64_t seed = (batch * threads + thread + 1) << 40 | uint64_t(ahead) << 24;
          sink += getProbeLoops().readPieces(buffer.data(), buffer.size() / piece, piece, count, ahead, seed);
        });
        best = std::max(best, double(count * piece * threads) / seconds);
      }
      return best;
    });
  });
}

//===----------------------------------------------------------------------===//
// Report
//===----------------------------------------------------------------------===//

Table mf::bench::describeCeilings(Probe &probe, ArrayRef<int64_t> threads) {
  Table table;
  for (int64_t count : threads) {
    auto add = [&](StringRef what, json::Value piece, StringRef pages, StringRef unit, Ceiling ceiling) {
      json::Value rate = ceiling.perSecond ? json::Value(ceiling.perSecond / 1e9) : json::Value(nullptr);
      table.add({{"ceiling", what},
                 {"piece bytes", std::move(piece)},
                 {"pages", pages},
                 {"threads", count},
                 {"rate", std::move(rate)},
                 {"unit", unit},
                 {"prefetched ahead", ceiling.ahead}});
    };
    add("multiply-adds f32", nullptr, "-", "GMAC/s", probe.getMultiplyAdds(count));
    add("L2 read", nullptr, "huge", "GB/s", probe.getL2(count));
    add("memory, sequential", nullptr, "huge", "GB/s", probe.getSequential(count));
    for (Pages pages : {Pages::Huge, Pages::Small}) {
      StringRef name = pages == Pages::Huge ? "huge" : "4 KiB";
      for (int64_t piece = 64; piece <= 4096; piece *= 2)
        add("memory, random", piece, name, "GB/s", probe.getRandom(count, piece, pages));
      for (int64_t piece = 64; piece <= 4096; piece *= 2)
        add("memory, random after a stream", piece, name, "GB/s", probe.getRandomAfterStream(count, piece, pages));
    }
  }
  return table;
}
