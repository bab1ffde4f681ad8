/* Streams of the driver of tests: what waits in them, launches, graphs. */
#include "fake_cuda.h"

/* --- Kernels --------------------------------------------------------------------------------------------------------
 */

/* Checks a launch against ".entry NAME(params) .maxntid N .reqnctapercluster X, Y, Z": 0 or an error. */
static int checkLaunch(const Function *function, const unsigned char *arguments, size_t bytes, unsigned threads,
                       const unsigned *grid) {
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
  const char *cluster = strstr(entry, ".reqnctapercluster ");
  unsigned size[3];
  if (cluster && cluster < end &&
      (sscanf(cluster + 19, "%u, %u, %u", &size[0], &size[1], &size[2]) != 3 || grid[0] % size[0] ||
       grid[1] % size[1] || grid[2] % size[2]))
    return INVALID;
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

Op *addOp(Stream *stream, const Op *op) {
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

void *snapshot(const void *from, size_t bytes) { return memcpy(malloc(bytes + 1), from, bytes); }

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
  if ((status = checkLaunch(function, extra[1], bytes, blockX, (unsigned[]){gridX, gridY, gridZ})))
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
