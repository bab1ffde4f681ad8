// Address ranges come from mmap alone: they can be aligned to huge pages and stay untouched until they are used.
#include "Memory.h"

#include "Checked.h"
#include "Error.h"
#include "ProcFile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

namespace mf::rt {

static constexpr uint64_t hugePage = 2u << 20;
// The largest page size of the supported kernels, so that a rounded size is whole pages on each.
static constexpr uint64_t largestBasePage = 64u << 10;

static mf_status failToMap(const char *what, uint64_t bytes) {
  char text[128];
  return fail(MF_OUT_OF_MEMORY, "%s: cannot map %llu bytes: %s", what, (unsigned long long)bytes,
              systemErrorText(errno, text, sizeof(text)));
}

/// Reserves `bytes` (a multiple of the page size) at an address that is a multiple of 2 MiB.
static void *reserveAligned(uint64_t bytes, int protection) {
  uint64_t reserved = bytes;
  if (!add(reserved, hugePage)) {
    errno = ENOMEM;
    return nullptr;
  }
  void *start = mmap(nullptr, reserved, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED)
    return nullptr;
  uintptr_t first = reinterpret_cast<uintptr_t>(start);
  uintptr_t aligned = (first + hugePage - 1) & ~(hugePage - 1);
  if (aligned != first)
    munmap(start, aligned - first);
  uintptr_t end = aligned + bytes;
  if (end != first + reserved)
    munmap(reinterpret_cast<void *>(end), first + reserved - end);
  return reinterpret_cast<void *>(aligned);
}

mf_status mapAnonymous(uint64_t bytes, const char *what, Region &region) {
  region = {};
  if (bytes == 0)
    return MF_OK;
  uint64_t rounded = bytes;
  bool large = bytes >= hugePage;
  if (!roundUp(rounded, large ? hugePage : largestBasePage)) {
    errno = ENOMEM;
    return failToMap(what, bytes);
  }
  void *base = reserveAligned(rounded, PROT_READ | PROT_WRITE);
  if (!base)
    return failToMap(what, bytes);
  // Advice: a kernel without transparent huge pages serves the same memory more slowly.
  if (large)
    madvise(base, rounded, MADV_HUGEPAGE);
  region = {base, rounded};
  return MF_OK;
}

mf_status mapFile(int file, uint64_t bytes, const char *path, Region &region) {
  region = {};
  uint64_t rounded = bytes;
  void *base = roundUp(rounded, largestBasePage) ? reserveAligned(rounded, PROT_NONE) : nullptr;
  if (!base)
    return failToMap(path, bytes);
  region = {base, rounded};
  if (mmap(base, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0) == MAP_FAILED) {
    int error = errno;
    char text[128];
    unmap(region);
    return fail(error == ENOMEM ? MF_OUT_OF_MEMORY : MF_IO_ERROR, "%s: cannot map the file: %s", path,
                systemErrorText(error, text, sizeof(text)));
  }
  // Taken by kernels that keep huge pages of files; the others ignore it.
  madvise(base, bytes, MADV_HUGEPAGE);
  return MF_OK;
}

void unmap(Region &region) {
  if (region.base)
    munmap(region.base, region.bytes);
  region = {};
}

uint64_t hugePageBytes(const void *base, uint64_t bytes) {
  FILE *file = fopen("/proc/self/smaps", "re");
  if (!file)
    return 0;
  uint64_t first = reinterpret_cast<uintptr_t>(base), last = first + bytes;
  uint64_t total = 0, number = 0;
  bool inside = false;
  char line[512];
  while (fgets(line, sizeof(line), file)) {
    AddressRange range;
    if (parseRange(line, range))
      inside = range.begin < last && first < range.end;
    else if (inside && (parseField(line, "AnonHugePages:", number) || parseField(line, "FilePmdMapped:", number) ||
                        parseField(line, "ShmemPmdMapped:", number)))
      total += number << 10;
  }
  fclose(file);
  // A kernel mapping can be longer than the range: neighbours of one kind are merged.
  return total < bytes ? total : bytes;
}

} // namespace mf::rt
