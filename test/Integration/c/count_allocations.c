/* Preloaded before libc: counts the calls that get or give back memory. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static atomic_long count;

/* Calls since the process began. */
long allocation_count(void) { return atomic_load(&count); }

void *malloc(size_t bytes) {
  ++count;
  return __libc_malloc(bytes);
}

void *calloc(size_t items, size_t bytes) {
  ++count;
  return __libc_calloc(items, bytes);
}

void *realloc(void *old, size_t bytes) {
  ++count;
  return __libc_realloc(old, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
  ++count;
  return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **result, size_t alignment, size_t bytes) {
  ++count;
  *result = __libc_memalign(alignment, bytes);
  return *result ? 0 : 12;
}

void free(void *memory) {
  ++count;
  __libc_free(memory);
}

void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) {
  static void *(*next)(void *, size_t, int, int, int, off_t);
  if (!next)
    *(void **)&next = dlsym(RTLD_NEXT, "mmap");
  ++count;
  return next(address, bytes, protection, flags, file, offset);
}

int munmap(void *address, size_t bytes) {
  static int (*next)(void *, size_t);
  if (!next)
    *(void **)&next = dlsym(RTLD_NEXT, "munmap");
  ++count;
  return next(address, bytes);
}
