/* What the parts of the driver of tests share: objects, and how a call begins and ends. */
#ifndef FAKE_CUDA_H
#define FAKE_CUDA_H

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

/* Nothing of this leaves the library. */
#pragma GCC visibility push(hidden)
enum { DEVICE_MEMORY, HOST_MEMORY, STREAMS, EVENTS, MODULES, CONTEXTS, GRAPHS, GRAPH_EXECS };
extern pthread_mutex_t lock;
extern int live[8]; /* objects of each kind */
extern int error;   /* that all later calls which wait end with */

/* Adds to the log of fake_cuda_log. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A variable of the environment, or what is usual. */
const char *setting(const char *name, const char *usual);
int enter(const char *symbol, int needsContext);
int leave(int status);

/* The block that holds these bytes of the host or of the device; null: none. */
Block *findBlock(const void *address, size_t bytes, int isHost);
/* Sets who may touch memory of the device. */
void protect(int protection);
/* Appends an op to a stream. */
Op *addOp(Stream *stream, const Op *op);
void *snapshot(const void *from, size_t bytes);
#pragma GCC visibility pop

#define ENTER(needsContext)                                                                                            \
  pthread_mutex_lock(&lock);                                                                                           \
  int status = enter(__func__, needsContext);                                                                          \
  if (status)                                                                                                          \
  return leave(status)

#endif
