/* Memory of the driver of tests, and copies. */
#include "fake_cuda.h"

static Block *blocks;
static size_t used;

Block *findBlock(const void *address, size_t bytes, int isHost) {
  for (Block *block = blocks; block; block = block->next)
    if (block->isHost == isHost && (const char *)address >= block->base &&
        (const char *)address + bytes <= block->base + block->bytes)
      return block;
  return NULL;
}

static int addBlock(size_t bytes, int isHost, void **address) {
  Block *block = calloc(1, sizeof(*block));
  block->bytes = bytes;
  block->mapped = (bytes + 4095) / 4096 * 4096;
  block->isHost = isHost;
  block->base =
      mmap(NULL, block->mapped, isHost ? PROT_READ | PROT_WRITE : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block->base == MAP_FAILED) {
    free(block);
    return NO_MEMORY;
  }
  if (!isHost) { /* what nobody wrote is no zero */
    mprotect(block->base, block->mapped, PROT_READ | PROT_WRITE);
    memset(block->base, 0xff, block->mapped);
    mprotect(block->base, block->mapped, PROT_NONE);
  }
  block->next = blocks;
  blocks = block;
  *address = block->base;
  return OK;
}

static int removeBlock(void *address, int isHost) {
  for (Block **link = &blocks; *link; link = &(*link)->next)
    if ((*link)->base == address && (*link)->isHost == isHost) {
      Block *block = *link;
      *link = block->next;
      munmap(block->base, block->mapped);
      used -= isHost ? 0 : block->bytes;
      free(block);
      return OK;
    }
  return INVALID;
}

void protect(int protection) {
  for (Block *block = blocks; block; block = block->next)
    if (!block->isHost)
      mprotect(block->base, block->mapped, protection);
}

/* --- Memory ---------------------------------------------------------------------------------------------------------
 */

static size_t total(void) { return (size_t)atoll(setting("FAKE_CUDA_MEMORY", "1073741824")); }
int cuMemGetInfo_v2(size_t *available, size_t *all) {
  ENTER(1);
  *all = total();
  *available = *all - used;
  return leave(OK);
}
int cuMemAlloc_v2(Address *address, size_t bytes) {
  ENTER(1);
  if (bytes == 0 || bytes > total() - used)
    return leave(bytes ? NO_MEMORY : INVALID);
  void *base;
  if (addBlock(bytes, 0, &base))
    return leave(NO_MEMORY);
  used += bytes;
  ++live[DEVICE_MEMORY];
  *address = (Address)base;
  return leave(OK);
}
int cuMemFree_v2(Address address) {
  ENTER(1);
  status = removeBlock((void *)address, 0);
  live[DEVICE_MEMORY] -= !status;
  return leave(status);
}
int cuMemHostAlloc(void **memory, size_t bytes, unsigned flags) {
  ENTER(1);
  status = flags ? INVALID : addBlock(bytes, 1, memory);
  live[HOST_MEMORY] += !status;
  return leave(status);
}
int cuMemFreeHost(void *memory) {
  ENTER(1);
  status = removeBlock(memory, 1);
  live[HOST_MEMORY] -= !status;
  return leave(status);
}

static int copy(Stream *stream, const char *what, void *to, const void *from, size_t bytes, int toDevice,
                int fromDevice) {
  if (stream->capture)
    return CAPTURE_UNSUPPORTED;
  if ((toDevice && !findBlock(to, bytes, 0)) || (fromDevice && !findBlock(from, bytes, 0)))
    return INVALID;
  Op op = {.kind = COPY, .to = to, .from = from, .bytes = bytes};
  /* Pinned memory is read when the copy happens, other memory before the call returns. */
  if (!fromDevice && !findBlock(from, bytes, 1))
    op.snapshot = snapshot(from, bytes);
  addOp(stream, &op);
  note("%s %zu\n", what, bytes);
  return OK;
}
int cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t bytes, Stream *stream) {
  ENTER(1);
  return leave(copy(stream, "to-device", (void *)to, from, bytes, 1, 0));
}
int cuMemcpyDtoHAsync_v2(void *to, Address from, size_t bytes, Stream *stream) {
  ENTER(1);
  return leave(copy(stream, "to-host", to, (void *)from, bytes, 0, 1));
}
int cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, Stream *stream) {
  ENTER(1);
  return leave(copy(stream, "on-device", (void *)to, (void *)from, bytes, 1, 1));
}
int cuMemsetD8Async(Address to, unsigned char value, size_t bytes, Stream *stream) {
  ENTER(1);
  if (stream->capture || !findBlock((void *)to, bytes, 0))
    return leave(INVALID);
  Op op = {.kind = FILL, .to = (void *)to, .bytes = bytes, .value = value};
  addOp(stream, &op);
  return leave(OK);
}

/* Memory of the device for the test itself: at once, in no stream. */
Address fake_cuda_tensor(size_t bytes) {
  void *base;
  used += bytes;
  return addBlock(bytes, 0, &base) ? 0 : (Address)base;
}
void fake_cuda_copy(void *to, const void *from, size_t bytes) {
  protect(PROT_READ | PROT_WRITE);
  memcpy(to, from, bytes);
  protect(PROT_NONE);
}
void fake_cuda_free(Address address) { removeBlock((void *)address, 0); }
