// Bringing parameters into memory. The header is validated in a private copy, so that a file which changes meanwhile
// cannot turn checked offsets into others.
#include "ParameterFile.h"

#include "Digest.h"
#include "Error.h"
#include "ParameterHeader.h"
#include "ProcFile.h"
#include "ThreadPool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mf::rt {

using ull = unsigned long long;

static mf_status failWithSystemError(const char *path, const char *action, int error) {
  char text[128];
  return fail(MF_IO_ERROR, "%s: cannot %s: %s", path, action, systemErrorText(error, text, sizeof(text)));
}

/// Reads exactly `bytes` at `offset`; 0, or the system's error, or -1 at an early end of the file.
static int readFully(int file, void *data, uint64_t bytes, uint64_t offset) {
  char *next = static_cast<char *>(data);
  while (bytes > 0) {
    ssize_t count = pread(file, next, bytes, off_t(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return errno;
    if (count == 0)
      return -1;
    next += count;
    offset += uint64_t(count);
    bytes -= uint64_t(count);
  }
  return 0;
}

static mf_status failToRead(const char *path, int error) {
  if (error == -1)
    return fail(MF_BAD_PARAMETERS, "%s: truncated: it ended while it was read", path);
  return failWithSystemError(path, "read", error);
}

/// Opens a regular file and tells its size.
static mf_status openFile(const char *path, int &file, uint64_t &bytes) {
  // Without O_NONBLOCK a named pipe would hang the open before it is refused.
  file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return failWithSystemError(path, "open", errno);
  struct statx facts;
  if (statx(file, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &facts) != 0) {
    int error = errno;
    close(file);
    return failWithSystemError(path, "examine", error);
  }
  if (!S_ISREG(facts.stx_mode)) {
    close(file);
    return fail(MF_IO_ERROR, "%s: expected a regular file, found %s", path,
                S_ISDIR(facts.stx_mode) ? "a directory" : "a device, pipe or socket");
  }
  bytes = facts.stx_size;
  return MF_OK;
}

/// Allocates the header's copy and the data pointers.
static mf_status allocateHeader(const char *path, const mf_mfp_header &fixed, Parameters &parameters) {
  parameters.header = static_cast<mf_mfp_header *>(malloc(fixed.header_bytes));
  parameters.data = static_cast<const void **>(calloc(size_t(fixed.tensor_count) + 1, sizeof(void *)));
  if (parameters.header && parameters.data)
    return MF_OK;
  return fail(MF_OUT_OF_MEMORY, "%s: out of memory for a header of %llu bytes", path, ull(fixed.header_bytes));
}

static mf_status readHeader(const mf_rt_plan &plan, const char *path, int file, uint64_t fileBytes,
                            Parameters &parameters) {
  mf_mfp_header fixed;
  uint64_t available = fileBytes < sizeof(fixed) ? fileBytes : sizeof(fixed);
  if (int error = readFully(file, &fixed, available, 0))
    return failToRead(path, error);
  if (mf_status status = checkFixedHeader(path, &fixed, available, fileBytes))
    return status;
  if (mf_status status = allocateHeader(path, fixed, parameters))
    return status;
  if (int error = readFully(file, parameters.header, fixed.header_bytes, 0))
    return failToRead(path, error);
  // The checked sizes go on to count, whatever the second read found.
  *parameters.header = fixed;
  return checkHeader(path, parameters.header, plan.parameters_digest);
}

namespace {
/// The loop that reads a file piece by piece.
struct ReadLoop {
  static constexpr uint64_t pieceBytes = 8u << 20;
  int file; ///< -1: `source` is copied
  const unsigned char *source;
  unsigned char *data;
  uint64_t bytes;
  int error;
};
} // namespace

static void readPieces(void *closure, int64_t begin, int64_t end, int64_t) {
  ReadLoop &loop = *static_cast<ReadLoop *>(closure);
  uint64_t first = uint64_t(begin) * ReadLoop::pieceBytes, last = uint64_t(end) * ReadLoop::pieceBytes;
  uint64_t bytes = (last < loop.bytes ? last : loop.bytes) - first;
  int error = 0;
  if (loop.file < 0)
    memcpy(loop.data + first, loop.source + first, bytes);
  else
    error = readFully(loop.file, loop.data + first, bytes, first);
  if (error)
    __atomic_store_n(&loop.error, error, __ATOMIC_RELAXED);
}

/// Fills an anonymous region from a file or from memory.
static mf_status copyData(const char *path, int file, const void *source, uint64_t bytes, mf_rt_pool *pool,
                          Parameters &parameters) {
  if (mf_status status = mapAnonymous(bytes, path, parameters.region))
    return status;
  unsigned char *data = static_cast<unsigned char *>(parameters.region.base);
  ReadLoop loop = {file, static_cast<const unsigned char *>(source), data, bytes, 0};
  parallelFor(pool, readPieces, &loop, int64_t((bytes + ReadLoop::pieceBytes - 1) / ReadLoop::pieceBytes));
  if (loop.error)
    return failToRead(path, loop.error);
  parameters.base = data;
  return MF_OK;
}

static void setDataPointers(Parameters &parameters) {
  for (uint32_t i = 0; i < parameters.header->tensor_count; ++i)
    parameters.data[i] = parameters.base + tensorRecords(parameters.header)[i].offset;
}

static mf_status loadOpenFile(const mf_rt_plan &plan, int file, uint64_t bytes, mf_rt_pool *pool,
                              Parameters &parameters) {
  const char *path = parameters.path;
  if (mf_status status = readHeader(plan, path, file, bytes, parameters))
    return status;
  if (parameters.mode == MF_LOAD_COPY)
    return copyData(path, file, nullptr, bytes, pool, parameters);
  if (mf_status status = mapFile(file, bytes, path, parameters.region))
    return status;
  parameters.base = static_cast<const unsigned char *>(parameters.region.base);
  return MF_OK;
}

static mf_status loadFile(const mf_rt_plan &plan, const char *path, mf_load_mode mode, mf_rt_pool *pool,
                          Parameters &parameters) {
  parameters = {};
  if (strlen(path) >= sizeof(parameters.path))
    return fail(MF_INVALID_ARGUMENT, "parameters_path: longer than %zu bytes", sizeof(parameters.path) - 1);
  strcpy(parameters.path, path);
  parameters.mode = mode;
  int file = -1;
  uint64_t bytes = 0;
  if (mf_status status = openFile(path, file, bytes))
    return status;
  mf_status status = loadOpenFile(plan, file, bytes, pool, parameters);
  close(file);
  if (status) {
    releaseParameters(parameters);
    return status;
  }
  setDataPointers(parameters);
  return MF_OK;
}

static mf_status loadEmbedded(const mf_rt_plan &plan, mf_load_mode mode, mf_rt_pool *pool, Parameters &parameters) {
  static const char where[] = "embedded parameters";
  const mf_mfp_header *source = static_cast<const mf_mfp_header *>(plan.embedded_parameters);
  parameters = {};
  parameters.embedded = true;
  parameters.mode = mode;
  mf_status status = checkFixedHeader(where, source, plan.embedded_bytes, plan.embedded_bytes);
  if (!status)
    status = allocateHeader(where, *source, parameters);
  if (!status) {
    memcpy(parameters.header, source, source->header_bytes);
    status = checkHeader(where, parameters.header, plan.parameters_digest);
  }
  parameters.base = static_cast<const unsigned char *>(plan.embedded_parameters);
  if (!status && mode == MF_LOAD_COPY)
    status = copyData(where, -1, source, plan.embedded_bytes, pool, parameters);
  if (status) {
    releaseParameters(parameters);
    return status;
  }
  setDataPointers(parameters);
  return MF_OK;
}

/// Cuts the library's ".so", or ".so" and a version, off a path.
static void removeLibrarySuffix(char *path) {
  char *name = strrchr(path, '/') ? strrchr(path, '/') : path;
  for (char *suffix = strstr(name, ".so"); suffix; suffix = strstr(suffix + 1, ".so"))
    if (suffix[3] == 0 || suffix[3] == '.') {
      *suffix = 0;
      return;
    }
}

static mf_status findAndLoad(const mf_rt_plan &plan, mf_load_mode mode, mf_rt_pool *pool, Parameters &parameters) {
  char stem[PATH_MAX], path[PATH_MAX + 32], first[1024];
  // Code, because data need not be mapped from the file.
  if (!findMappedFile(reinterpret_cast<const void *>(&mf_rt_api), stem, sizeof(stem)))
    return fail(MF_IO_ERROR, "parameters: the library's own path is unknown; pass parameters_path");
  removeLibrarySuffix(stem);
  snprintf(path, sizeof(path), "%s.mfp", stem);
  if (loadFile(plan, path, mode, pool, parameters) == MF_OK)
    return MF_OK;
  snprintf(first, sizeof(first), "%s", lastError());
  // The name under which a compile that is replacing the model writes first.
  snprintf(path, sizeof(path), "%s.%016llx.mfp", stem, ull(plan.parameters_digest));
  mf_status status = loadFile(plan, path, mode, pool, parameters);
  if (status == MF_OK)
    return MF_OK;
  return fail(status, "no parameters beside the library: %s; %s", first, lastError());
}

mf_status loadParameters(const mf_rt_plan &plan, const char *path, mf_load_mode mode, mf_rt_pool *pool,
                         Parameters &parameters) {
  parameters = {};
  if (plan.parameters_digest == 0) {
    if (path)
      return fail(MF_INVALID_ARGUMENT, "parameters_path: model '%s' has no parameters, found '%s'", plan.model_name,
                  path);
    return MF_OK;
  }
  if (path)
    return loadFile(plan, path, mode, pool, parameters);
  if (plan.embedded_parameters)
    return loadEmbedded(plan, mode, pool, parameters);
  return findAndLoad(plan, mode, pool, parameters);
}

mf_status verifyParameters(const Parameters &parameters, mf_rt_pool *pool) {
  const mf_mfp_header *header = parameters.header;
  const char *path = parameters.embedded ? "embedded parameters" : parameters.path;
  for (uint32_t i = 0; header && i < header->tensor_count; ++i) {
    const mf_mfp_tensor &tensor = tensorRecords(header)[i];
    uint64_t digest = 0;
    if (!digestBlocks(pool, parameters.data[i], tensor.bytes, digest))
      return fail(MF_OUT_OF_MEMORY, "%s: out of memory for a digest", path);
    if (digest != tensor.digest)
      return fail(MF_BAD_PARAMETERS, "%s: tensor '%s' is damaged: digest %016llx expected, %016llx found", path,
                  tensorName(header, tensor), ull(tensor.digest), ull(digest));
  }
  return MF_OK;
}

void releaseParameters(Parameters &parameters) {
  unmap(parameters.region);
  free(parameters.header);
  free(parameters.data);
  parameters = {};
}

} // namespace mf::rt
