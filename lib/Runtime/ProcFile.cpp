// Readers of /proc/self/maps and its relatives. dladdr would do for the library's own path, but lives in libdl on the
// oldest supported glibc.
#include "ProcFile.h"

#include <stdio.h>
#include <string.h>

namespace mf::rt {

static bool parseHex(const char *&text, uint64_t &number) {
  const char *start = text;
  for (number = 0;; ++text) {
    char c = *text;
    if (c >= '0' && c <= '9')
      number = number << 4 | uint64_t(c - '0');
    else if (c >= 'a' && c <= 'f')
      number = number << 4 | uint64_t(c - 'a' + 10);
    else
      return text != start;
  }
}

bool parseRange(const char *line, AddressRange &range) {
  return parseHex(line, range.begin) && *line++ == '-' && parseHex(line, range.end) && *line == ' ';
}

bool parseNumber(const char *&text, uint64_t &number) {
  while (*text == ' ' || *text == '\t')
    ++text;
  const char *start = text;
  for (number = 0; *text >= '0' && *text <= '9'; ++text)
    number = number * 10 + uint64_t(*text - '0');
  return text != start;
}

bool parseField(const char *line, const char *name, uint64_t &number) {
  size_t length = strlen(name);
  if (strncmp(line, name, length) != 0)
    return false;
  const char *text = line + length;
  return parseNumber(text, number);
}

/// Copies the path that ends a line of /proc/self/maps.
static bool copyPath(const char *line, char *path, size_t bytes) {
  const char *start = strchr(line, '/');
  if (!start)
    return false;
  size_t length = strcspn(start, "\n");
  // What the kernel appends where the file was replaced since; its successor has the same name.
  static const char deleted[] = " (deleted)";
  size_t suffix = sizeof(deleted) - 1;
  if (length > suffix && memcmp(start + length - suffix, deleted, suffix) == 0)
    length -= suffix;
  if (length >= bytes)
    return false;
  memcpy(path, start, length);
  path[length] = 0;
  return true;
}

bool findMappedFile(const void *address, char *path, size_t bytes) {
  FILE *file = fopen("/proc/self/maps", "re");
  if (!file)
    return false;
  uint64_t wanted = reinterpret_cast<uintptr_t>(address);
  bool found = false;
  char line[4096 + 128];
  while (!found && fgets(line, sizeof(line), file)) {
    AddressRange range;
    if (parseRange(line, range) && range.begin <= wanted && wanted < range.end) {
      found = copyPath(line, path, bytes);
      break;
    }
  }
  fclose(file);
  return found;
}

} // namespace mf::rt
