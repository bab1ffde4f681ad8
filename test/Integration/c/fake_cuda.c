/* A CUDA driver without a device, for tests of lib/Runtime/CUDA. It does what is asked as late as a driver may: work
 * waits in its stream until somebody waits for the stream. Memory of the device cannot be read or written by the host,
 * calls without a context are refused, and launches are checked against the kernel's PTX: parameters, threads, memory
 * of blocks, addresses. A kernel runs where FAKE_CUDA_KERNELS names a library with it (fake_cuda_kernels.cpp); else it
 * does nothing.
 *
 * Read from the environment at each call: FAKE_CUDA_CAPABILITY ("8.0"), FAKE_CUDA_MEMORY (bytes), FAKE_CUDA_DEVICES,
 * FAKE_CUDA_FAIL ("cuMemAlloc_v2:2:700": the second call since fake_cuda_reset ends with error 700).
 */
#include "fake_cuda.h"

pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
int live[8], error;
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

void note(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (textBytes < sizeof(text) - 256)
    textBytes += (size_t)vsnprintf(text + textBytes, 256, format, arguments);
  va_end(arguments);
}

const char *setting(const char *name, const char *usual) {
  const char *value = getenv(name);
  return value && *value ? value : usual;
}

/* Counts a call; the error that it is to end with. */
int enter(const char *symbol, int needsContext) {
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

int leave(int status) {
  pthread_mutex_unlock(&lock);
  return status;
}

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
