// Sectors and wavefronts of the accesses of warps.
#include "Counters.h"

namespace mf::rt::gpu {

void Counters::add(const Counters &other) {
#define MF_GPU_COUNTER(name) name += other.name;
  MF_GPU_COUNTERS(MF_GPU_COUNTER)
#undef MF_GPU_COUNTER
  for (int kind = 0; kind < MF_RT_GPU_KIND_COUNT; ++kind)
    operations[kind] += other.operations[kind];
}

void Counters::addBulkCopy(int64_t from, uint64_t bytes, uint64_t blocks) {
  constexpr uint64_t wavefrontBytes = 128, sectorBytes = 32;
  uint64_t first = uint64_t(from) / sectorBytes, last = (uint64_t(from) + bytes - 1) / sectorBytes;
  global_load_bytes += bytes;
  global_load_sectors += last - first + 1;
  copied_bytes += bytes;
  uint64_t wavefronts = blocks * ((bytes + wavefrontBytes - 1) / wavefrontBytes);
  workgroup_wavefronts += wavefronts;
  workgroup_ideal_wavefronts += wavefronts;
}

namespace {
/// A small set of numbers; those of a warp's access.
struct Numbers {
  int64_t data[kWarp * 5];
  int size = 0;

  void insert(int64_t number) {
    // Neighbours mostly follow each other.
    for (int i = size - 1; i >= 0; --i)
      if (data[i] == number)
        return;
    data[size++] = number;
  }
};

/// What one instruction of a warp accesses.
struct WarpAccess {
  const int64_t *lanes; ///< addresses; -1: not there
  int64_t offset;       ///< from the addresses on
  int32_t bytes;        ///< at most 16
};
} // namespace

static void countGlobal(const WarpAccess &access, int32_t flags, Counters &counters) {
  Numbers sectors;
  uint64_t bytes = 0;
  for (int lane = 0; lane < kWarp; ++lane) {
    if (access.lanes[lane] < 0)
      continue;
    int64_t first = access.lanes[lane] + access.offset, last = first + access.bytes - 1;
    bytes += uint64_t(access.bytes);
    for (int64_t sector = first / 32; sector <= last / 32; ++sector)
      sectors.insert(sector);
  }
  bool writes = flags & MF_RT_GPU_WRITES;
  (writes ? counters.global_store_bytes : counters.global_load_bytes) += bytes;
  (writes ? counters.global_store_sectors : counters.global_load_sectors) += uint64_t(sectors.size);
  if (flags & MF_RT_GPU_DELAYED)
    counters.copied_bytes += bytes;
}

/// 16 bytes a lane pass in four phases of eight lanes, 8 bytes in two of sixteen. In a phase every bank gives one word
/// a wavefront, to all lanes that ask for it.
static void countWorkgroup(const WarpAccess &access, Counters &counters) {
  constexpr int banks = 32;
  int together = access.bytes <= 4 ? kWarp : kWarp * 4 / access.bytes;
  for (int begin = 0; begin < kWarp; begin += together) {
    Numbers words;
    for (int lane = begin; lane < begin + together && lane < kWarp; ++lane) {
      int64_t first = access.lanes[lane] + access.offset, last = first + access.bytes - 1;
      for (int64_t word = first / 4; access.lanes[lane] >= 0 && word <= last / 4; ++word)
        words.insert(word);
    }
    int loads[banks] = {}, most = 0;
    for (int i = 0; i < words.size; ++i) {
      int load = ++loads[words.data[i] % banks];
      most = load > most ? load : most;
    }
    counters.workgroup_wavefronts += uint64_t(most);
    counters.workgroup_ideal_wavefronts += uint64_t(words.size + banks - 1) / banks;
  }
}

/// An instruction moves at most 16 bytes a lane; wider accesses are several.
static void countGroup(const int64_t *lanes, const mf_rt_gpu_site &site, Counters &counters) {
  constexpr int32_t most = 16;
  for (int32_t offset = 0; offset < site.bytes; offset += most) {
    int32_t rest = site.bytes - offset;
    WarpAccess access = {lanes, offset, rest < most ? rest : most};
    if (site.flags & MF_RT_GPU_WORKGROUP)
      countWorkgroup(access, counters);
    else
      countGlobal(access, site.flags, counters);
  }
}

/// Sorts the lanes' accesses by site and visit into `addresses`.
bool AccessCounter::group(int32_t sites, List<Access> *const *lanes) {
  if (!visits.resize(size_t(sites)) || !offsets.resize(size_t(sites) + 1))
    return false;
  memset(offsets.data, 0, (size_t(sites) + 1) * sizeof(uint32_t));
  for (int lane = 0; lane < kWarp; ++lane) {
    memset(visits.data, 0, size_t(sites) * sizeof(uint32_t));
    for (size_t i = 0; i < lanes[lane]->size; ++i) {
      int32_t site = lanes[lane]->data[i].site;
      uint32_t times = ++visits.data[site];
      if (times > offsets.data[site + 1])
        offsets.data[site + 1] = times;
    }
  }
  for (int32_t site = 0; site < sites; ++site)
    offsets.data[site + 1] += offsets.data[site];
  groups = offsets.data[sites];
  if (!addresses.resize(groups * kWarp > addresses.size ? groups * kWarp : addresses.size))
    return false;
  memset(addresses.data, 0xff, groups * kWarp * sizeof(int64_t));
  for (int lane = 0; lane < kWarp; ++lane) {
    memset(visits.data, 0, size_t(sites) * sizeof(uint32_t));
    for (size_t i = 0; i < lanes[lane]->size; ++i) {
      const Access &access = lanes[lane]->data[i];
      size_t group = offsets.data[access.site] + visits.data[access.site]++;
      addresses.data[group * kWarp + size_t(lane)] = access.address;
    }
  }
  return true;
}

bool AccessCounter::count(const mf_rt_gpu_kernel &kernel, List<Access> *const *lanes, Counters &counters) {
  if (!group(kernel.site_count, lanes))
    return false;
  for (int32_t site = 0; site < kernel.site_count; ++site)
    for (size_t i = offsets.data[site]; i < offsets.data[site + 1]; ++i)
      countGroup(addresses.data + i * kWarp, kernel.sites[site], counters);
  for (int lane = 0; lane < kWarp; ++lane)
    lanes[lane]->clear();
  return true;
}

void AccessCounter::release() {
  visits.release();
  offsets.release();
  addresses.release();
}

} // namespace mf::rt::gpu
