/* A CUDA driver without a device, for tests of lib/Runtime/CUDA. It does what is asked as late as a driver may: work
 * waits in its stream until somebody waits for the stream. Memory of the device cannot be read or written by the host,
 * calls without a context are refused, and launches are checked against the kernel's PTX: parameters, threads, memory
 * of blocks, addresses. A kernel runs where FAKE_CUDA_KERNELS names a library with it (fake_cuda_kernels.cpp); else it
 * does nothing.
 *
 * Read from the environment at each call: FAKE_CUDA_CAPABILITY ("8.0"), FAKE_CUDA_MEMORY (bytes), FAKE_CUDA_DEVICES,
 * FAKE_CUDA_FAIL ("cuMemAlloc_v2:2:700": the second call since fake_cuda_reset ends with error 700).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
  OK = 0,
  INVALID = 1,
  NO_MEMORY = 2,
  BAD_IMAGE = 200,
  NO_CONTEXT = 201,
  NO_BINARY = 209,
  NOT_FOUND = 500,
  ILLEGAL_ADDRESS = 700,
  LAUNCH_FAILED = 719,
  CAPTURE_UNSUPPORTED = 900
};
typedef unsigned long long Address;

/* --- What lives -----------------------------------------------------------------------------------------------------
 */

typedef struct Block {
  struct Block *next;
  char *base;
  size_t bytes, mapped;
  int isHost;
} Block;
typedef struct Module {
  char *ptx;
  void *kernels;
  int functions;
  struct Function *list;
} Module;
typedef struct Function {
  struct Function *next;
  Module *module;
  char name[128];
  int workgroupBytes;
} Function;
typedef struct Op {
  struct Op *next;
  enum { COPY, FILL, LAUNCH, RECORD } kind;
  void *to;
  const void *from;
  void *snapshot;
  size_t bytes;
  int value;
  Function *function;
  int64_t grid[3];
  int workgroupBytes;
  int shared; /* belongs to a graph */
} Op;
typedef struct Graph {
  Op *first;
} Graph;
typedef struct Stream {
  Op *first, **last;
  Graph *capture;
} Stream;
typedef struct Event {
  Stream *stream;
} Event;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Block *blocks;
static size_t used;
static int live[8], error;
enum { DEVICE_MEMORY, HOST_MEMORY, STREAMS, EVENTS, MODULES, CONTEXTS, GRAPHS, GRAPH_EXECS };
static __thread int current;
static char text[1 << 16];
static size_t textBytes;
static struct {
  char symbol[64];
  int calls;
} calls[64];

/* Objects that were made and not given back, of all kinds. */
int fake_cuda_live(void) {
  int sum = 0;
  for (int i = 0; i < 8; ++i)
    sum += live[i];
  return sum;
}
/* What ran since the last reset, a line each: "launch NAME X Y Z THREADS BYTES", "to-device BYTES", "to-host BYTES",
 * ... */
const char *fake_cuda_log(void) { return text; }
void fake_cuda_reset(void) {
  textBytes = 0;
  text[0] = 0;
  error = OK;
  memset(calls, 0, sizeof(calls));
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (textBytes < sizeof(text) - 256)
    textBytes += (size_t)vsnprintf(text + textBytes, 256, format, arguments);
  va_end(arguments);
}

static const char *setting(const char *name, const char *usual) {
  const char *value = getenv(name);
  return value && *value ? value : usual;
}

/* Counts a call; the error that it is to end with. */
static int enter(const char *symbol, int needsContext) {
  int slot = 0;
  while (calls[slot].symbol[0] && strcmp(calls[slot].symbol, symbol) != 0)
    ++slot;
  snprintf(calls[slot].symbol, sizeof(calls[slot].symbol), "%s", symbol);
  ++calls[slot].calls;
  const char *failure = setting("FAKE_CUDA_FAIL", "");
  size_t length = strlen(symbol);
  int nth, code;
  if (strncmp(failure, symbol, length) == 0 && failure[length] == ':' &&
      sscanf(failure + length, ":%d:%d", &nth, &code) == 2 && nth == calls[slot].calls)
    return code;
  return needsContext && !current ? NO_CONTEXT : OK;
}

#define ENTER(needsContext)                                                                                            \
  pthread_mutex_lock(&lock);                                                                                           \
  int status = enter(__func__, needsContext);                                                                          \
  if (status)                                                                                                          \
  return leave(status)
static int leave(int status) {
  pthread_mutex_unlock(&lock);
  return status;
}

static Block *findBlock(const void *address, size_t bytes, int isHost) {
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

static void protect(int protection) {
  for (Block *block = blocks; block; block = block->next)
    if (!block->isHost)
      mprotect(block->base, block->mapped, protection);
}

/* --- Kernels --------------------------------------------------------------------------------------------------------
 */

/* Checks a launch against ".entry NAME(params) .maxntid N": 0 or an error. */
static int checkLaunch(const Function *function, const unsigned char *arguments, size_t bytes, unsigned threads) {
  char head[160];
  const char *entry, *end, *ptx = function->module->ptx;
  if (!ptx)
    return OK; /* a cubin: nothing is known */
  snprintf(head, sizeof(head), ".entry %s(", function->name);
  if (!(entry = strstr(ptx, head)) || !(end = strchr(entry, '{')))
    return NOT_FOUND;
  size_t offset = 0;
  for (const char *p = strstr(entry, ".param ."); p && p < end; p = strstr(p + 1, ".param .")) {
    size_t size = (size_t)atoi(p + 9) / 8;
    offset = (offset + size - 1) / size * size;
    if (offset + size > bytes)
      return INVALID;
    void *address;
    memcpy(&address, arguments + offset, sizeof(address) < size ? sizeof(address) : size);
    if (strncmp(p + 11, " .ptr", 5) == 0 && !findBlock(address, 1, 0))
      return ILLEGAL_ADDRESS;
    offset += size;
  }
  const char *limit = strstr(entry, ".maxntid ");
  if (!limit || limit > end)
    limit = strstr(entry, ".reqntid ");
  if (offset != bytes || (limit && limit < end && (unsigned)atoi(limit + 9) != threads))
    return INVALID;
  return OK;
}

static int runKernel(const Op *op) {
  if (!op->function->module->kernels)
    return OK;
  const char *(*run)(const char *, const void *, const int64_t *, int);
  *(void **)&run = dlsym(op->function->module->kernels, "fake_cuda_run");
  const char *problem = run ? run(op->function->name, op->snapshot, op->grid, op->workgroupBytes) : "no fake_cuda_run";
  if (!problem)
    return OK;
  fprintf(stderr, "fake driver: %s\n", problem);
  return LAUNCH_FAILED;
}

static void runOp(const Op *op) {
  protect(PROT_READ | PROT_WRITE);
  if (op->kind == COPY)
    memcpy(op->to, op->snapshot ? op->snapshot : op->from, op->bytes);
  else if (op->kind == FILL)
    memset(op->to, op->value, op->bytes);
  else if (op->kind == LAUNCH && !error)
    error = runKernel(op);
  protect(PROT_NONE);
}

static void freeOps(Op *op) {
  while (op) {
    Op *next = op->next;
    free(op->snapshot);
    free(op);
    op = next;
  }
}

static Op *addOp(Stream *stream, const Op *op) {
  Op *copy = malloc(sizeof(Op));
  *copy = *op;
  copy->next = NULL;
  *stream->last = copy;
  stream->last = &copy->next;
  return copy;
}

static void drain(Stream *stream) {
  for (Op *op = stream->first; op; op = op->next)
    runOp(op);
  freeOps(stream->first);
  stream->first = NULL;
  stream->last = &stream->first;
}

static void *snapshot(const void *from, size_t bytes) { return memcpy(malloc(bytes + 1), from, bytes); }

/* --- The driver: devices and contexts -------------------------------------------------------------------------------
 */

int cuInit(unsigned flags) {
  ENTER(0);
  return leave(flags ? INVALID : OK);
}
int cuDriverGetVersion(int *version) {
  ENTER(0);
  *version = 12040;
  return leave(OK);
}
int cuGetErrorName(int code, const char **name) {
  static __thread char names[32];
  snprintf(names, sizeof(names), "FAKE_ERROR_%d", code);
  *name = names;
  return OK;
}
int cuGetErrorString(int code, const char **string) {
  *string = code == NO_MEMORY ? "out of memory" : "as the test wants it";
  return OK;
}
int cuDeviceGetCount(int *count) {
  ENTER(0);
  *count = atoi(setting("FAKE_CUDA_DEVICES", "1"));
  return leave(OK);
}
int cuDeviceGet(int *device, int ordinal) {
  ENTER(0);
  *device = 40 + ordinal;
  return leave(OK);
}
int cuDeviceGetName(char *name, int bytes, int device) {
  ENTER(0);
  snprintf(name, (size_t)bytes, "Fake %d", device);
  return leave(OK);
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  ENTER(0);
  int major, minor;
  sscanf(setting("FAKE_CUDA_CAPABILITY", "8.0"), "%d.%d", &major, &minor);
  *value = attribute == 75 ? major : attribute == 76 ? minor : attribute == 97 ? (major == 9 ? 232448 : 166912) : -1;
  return leave(*value < 0 || device < 40 ? INVALID : OK);
}
int cuDevicePrimaryCtxRetain(void **context, int device) {
  ENTER(0);
  *context = (void *)(intptr_t)(1000 + device);
  ++live[CONTEXTS];
  return leave(OK);
}
int cuDevicePrimaryCtxRelease_v2(int device) {
  ENTER(0);
  (void)device;
  --live[CONTEXTS];
  return leave(OK);
}
int cuCtxPushCurrent_v2(void *context) {
  ENTER(0);
  ++current;
  return leave(context ? OK : INVALID);
}
int cuCtxPopCurrent_v2(void **context) {
  ENTER(1);
  *context = NULL;
  --current;
  return leave(OK);
}

/* --- Modules --------------------------------------------------------------------------------------------------------
 */

int cuModuleLoadDataEx(Module **module, const void *image, unsigned count, int *names, void **values) {
  pthread_mutex_lock(&lock);
  int status = enter(__func__, 1), isBinary = memcmp(image, "\177ELF", 4) == 0;
  if (!status && isBinary && getenv("FAKE_CUDA_REFUSE_CUBINS"))
    status = NO_BINARY;
  if (!status && !isBinary && !strstr(image, ".version"))
    status = BAD_IMAGE;
  for (unsigned i = 0; status && i < count; ++i)
    if (names[i] == 5)
      strcpy(values[i], "line 7: what the assembler says");
  if (status)
    return leave(status);
  *module = calloc(1, sizeof(Module));
  (*module)->ptx = isBinary ? NULL : strdup(image);
  const char *kernels = setting("FAKE_CUDA_KERNELS", "");
  (*module)->kernels = *kernels ? dlopen(kernels, RTLD_NOW | RTLD_LOCAL) : NULL;
  if (*kernels && !(*module)->kernels)
    fprintf(stderr, "fake driver: %s\n", dlerror());
  ++live[MODULES];
  note("module %s\n", isBinary ? "cubin" : "ptx");
  return leave(OK);
}
int cuModuleUnload(Module *module) {
  ENTER(1);
  while (module->list) {
    Function *next = module->list->next;
    free(module->list);
    module->list = next;
  }
  free(module->ptx);
  free(module);
  --live[MODULES];
  return leave(OK);
}
int cuModuleGetFunction(Function **function, Module *module, const char *name) {
  ENTER(1);
  char head[160];
  snprintf(head, sizeof(head), ".entry %s(", name);
  if (module->ptx && !strstr(module->ptx, head))
    return leave(NOT_FOUND);
  *function = calloc(1, sizeof(Function));
  **function = (Function){module->list, module, "", 48 << 10};
  snprintf((*function)->name, sizeof((*function)->name), "%s", name);
  module->list = *function;
  return leave(OK);
}
int cuFuncSetAttribute(Function *function, int attribute, int value) {
  ENTER(1);
  function->workgroupBytes = value;
  return leave(attribute == 8 ? OK : INVALID);
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

/* --- Streams, events, launches --------------------------------------------------------------------------------------
 */

int cuStreamCreate(Stream **stream, unsigned flags) {
  ENTER(1);
  *stream = calloc(1, sizeof(Stream));
  (*stream)->last = &(*stream)->first;
  ++live[STREAMS];
  return leave(flags == 1 ? OK : INVALID);
}
int cuStreamDestroy_v2(Stream *stream) {
  ENTER(1);
  drain(stream);
  free(stream);
  --live[STREAMS];
  return leave(OK);
}
int cuStreamSynchronize(Stream *stream) {
  ENTER(1);
  if (!stream)
    return leave(OK); /* the default stream */
  if (stream->capture)
    return leave(CAPTURE_UNSUPPORTED);
  drain(stream);
  return leave(error);
}
int cuEventCreate(Event **event, unsigned flags) {
  ENTER(1);
  *event = calloc(1, sizeof(Event));
  ++live[EVENTS];
  return leave(flags == 2 ? OK : INVALID);
}
int cuEventDestroy_v2(Event *event) {
  ENTER(1);
  free(event);
  --live[EVENTS];
  return leave(OK);
}
int cuEventRecord(Event *event, Stream *stream) {
  ENTER(1);
  event->stream = stream;
  return leave(OK);
}
int cuEventSynchronize(Event *event) {
  ENTER(1);
  drain(event->stream);
  return leave(error);
}

int cuLaunchKernel(Function *function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,
                   unsigned blockZ, unsigned workgroupBytes, Stream *stream, void **parameters, void **extra) {
  ENTER(1);
  if (parameters || !extra || extra[0] != (void *)1 || extra[2] != (void *)2 || extra[4] || blockY != 1 ||
      blockZ != 1 || gridX == 0 || gridY == 0 || gridZ == 0 || blockX > 1024 ||
      (int)workgroupBytes > function->workgroupBytes)
    return leave(INVALID);
  size_t bytes = *(size_t *)extra[3];
  if ((status = checkLaunch(function, extra[1], bytes, blockX)))
    return leave(status);
  Op op = {.kind = LAUNCH, .function = function, .grid = {gridX, gridY, gridZ}, .workgroupBytes = (int)workgroupBytes};
  op.snapshot = snapshot(extra[1], bytes);
  op.bytes = bytes;
  note("%s %s %u %u %u %u %u\n", stream->capture ? "capture" : "launch", function->name, gridX, gridY, gridZ, blockX,
       workgroupBytes);
  if (!stream->capture) {
    addOp(stream, &op);
    return leave(OK);
  }
  Op **last = &stream->capture->first;
  while (*last)
    last = &(*last)->next;
  *last = malloc(sizeof(Op));
  **last = op;
  return leave(OK);
}

/* --- Graphs: an executable one is the list of its launches ----------------------------------------------------------
 */

int cuStreamBeginCapture_v2(Stream *stream, int mode) {
  ENTER(1);
  stream->capture = calloc(1, sizeof(Graph));
  return leave(mode == 1 ? OK : INVALID);
}
int cuStreamEndCapture(Stream *stream, Graph **graph) {
  ENTER(1);
  *graph = stream->capture;
  stream->capture = NULL;
  ++live[GRAPHS];
  return leave(OK);
}
static Graph *copyGraph(const Graph *graph) {
  Graph *result = calloc(1, sizeof(Graph));
  Op **last = &result->first;
  for (const Op *op = graph->first; op; op = op->next, last = &(*last)->next) {
    *last = malloc(sizeof(Op));
    **last = *op;
    (*last)->snapshot = snapshot(op->snapshot, op->bytes);
    (*last)->next = NULL;
  }
  return result;
}
int cuGraphInstantiateWithFlags(Graph **exec, Graph *graph, unsigned long long flags) {
  ENTER(1);
  *exec = copyGraph(graph);
  ++live[GRAPH_EXECS];
  return leave(flags ? INVALID : OK);
}
int cuGraphLaunch(Graph *exec, Stream *stream) {
  ENTER(1);
  for (const Op *op = exec->first; op; op = op->next)
    addOp(stream, op)->snapshot = snapshot(op->snapshot, op->bytes);
  note("graph\n");
  return leave(OK);
}
static void destroyGraph(Graph *graph) {
  freeOps(graph->first);
  free(graph);
}
int cuGraphExecDestroy(Graph *exec) {
  ENTER(1);
  destroyGraph(exec);
  --live[GRAPH_EXECS];
  return leave(OK);
}
int cuGraphDestroy(Graph *graph) {
  ENTER(1);
  destroyGraph(graph);
  --live[GRAPHS];
  return leave(OK);
}
