// How many CPUs this process may use. A container's CPU quota counts: threads beyond it would be throttled together.
#include "ProcFile.h"
#include "ThreadPool.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

namespace mf::rt {

static int32_t affinityCPUs() {
  // Room for 8192 CPUs; the kernel refuses a mask smaller than its own.
  unsigned long mask[8192 / (8 * sizeof(unsigned long))] = {};
  if (sched_getaffinity(0, sizeof(mask), reinterpret_cast<cpu_set_t *>(mask)) != 0)
    return 1;
  int32_t count = 0;
  for (unsigned long word : mask)
    for (; word; word &= word - 1)
      ++count;
  return count > 0 ? count : 1;
}

/// The quota in "<microseconds or max> <period>" of one control group, in whole CPUs; 0 where there is none.
static int32_t readQuota(const char *path) {
  FILE *file = fopen(path, "re");
  if (!file)
    return 0;
  char line[128];
  const char *text = fgets(line, sizeof(line), file);
  fclose(file);
  uint64_t quota = 0, period = 0;
  if (!text || !parseNumber(text, quota) || !parseNumber(text, period) || period == 0)
    return 0;
  uint64_t whole = (quota + period - 1) / period;
  return whole < 1 ? 1 : whole > 8192 ? 8192 : int32_t(whole);
}

/// Writes the path of the process's control group below the mount point, without its last slash.
static bool findControlGroup(char *path, size_t bytes) {
  FILE *file = fopen("/proc/self/cgroup", "re");
  if (!file)
    return false;
  char line[2048];
  bool found = false;
  while (!found && fgets(line, sizeof(line), file))
    found = strncmp(line, "0::/", 4) == 0;
  fclose(file);
  if (!found)
    return false;
  line[strcspn(line, "\n")] = 0;
  const char *name = line + 3;
  snprintf(path, bytes, "/sys/fs/cgroup%s", strcmp(name, "/") == 0 ? "" : name);
  return true;
}

int32_t availableCPUs() {
  int32_t count = affinityCPUs();
  char group[2048 + 64], path[sizeof(group) + 16];
  if (!findControlGroup(group, sizeof(group)))
    return count;
  // Every group up to the mount point has a say.
  size_t root = strlen("/sys/fs/cgroup");
  for (;;) {
    snprintf(path, sizeof(path), "%s/cpu.max", group);
    int32_t quota = readQuota(path);
    if (quota > 0 && quota < count)
      count = quota;
    if (strlen(group) <= root)
      return count;
    *strrchr(group, '/') = 0;
  }
}

} // namespace mf::rt
