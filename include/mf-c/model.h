/* The C interface of a compiled model library.
 *
 * A model library exports two functions, `mf_<model>_api` for linking and `mf_model_api` for dlopen/dlsym; each returns
 * the table of functions below, or NULL when the library cannot serve the requested version. The table is prefixed by
 * its size: a caller built against an older header reads a prefix, a caller built against a newer one checks `size`.
 *
 * Tensors cross the boundary as DLPack `DLTensor`, borrowed for the duration of the call. Every call returns a status;
 * the text of the calling thread's last error is `last_error()`.
 */
#ifndef MF_C_MODEL_H
#define MF_C_MODEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* DLPack's tensor, declared here only where dlpack.h was not included before. */
#ifndef DLPACK_DLPACK_H_
#define DLPACK_DLPACK_H_
typedef enum { kDLCPU = 1, kDLCUDA = 2 } DLDeviceType;
typedef struct {
  DLDeviceType device_type;
  int32_t device_id;
} DLDevice;
typedef enum { kDLInt = 0U, kDLUInt = 1U, kDLFloat = 2U, kDLBfloat = 4U } DLDataTypeCode;
typedef struct {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
} DLDataType;
typedef struct {
  void *data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape;
  int64_t *strides; /* NULL: compact row-major; in elements */
  uint64_t byte_offset;
} DLTensor;
#endif

/* The version that `mf_model_api` is asked for. It grows when a member's meaning changes; new members only extend
 * `size`. */
#define MF_ABI_VERSION 1

/* Status codes. They are stable: a code keeps its number and meaning. */
typedef enum mf_status {
  MF_OK = 0,
  MF_INVALID_ARGUMENT = 1, /* a null pointer, a wrong shape or dtype, an id out of range */
  MF_OUT_OF_MEMORY = 2,    /* nothing was changed */
  MF_IO_ERROR = 3,         /* a file could not be opened, mapped or read */
  MF_BAD_PARAMETERS = 4,   /* a parameter file is truncated, corrupt, of another version or of another model */
  MF_UNSUPPORTED_CPU = 5,  /* no compiled variant runs on this CPU; the text names the missing features */
  MF_LIMIT_EXCEEDED = 6,   /* a session limit: sequences or positions */
  MF_UNSUPPORTED = 7,      /* this library cannot do it (an entry it lacks, a device it was not compiled for) */
  MF_DEVICE_ERROR = 8,     /* a kernel failed on its device: outputs, and sequences with feeds, hold nothing of use */
  MF_NO_DEVICE = 9         /* the device is not there: no driver, one too old, or no device of that number */
} mf_status;

/* How the parameter file is brought into memory. */
typedef enum mf_load_mode {
  MF_LOAD_MAP = 0, /* mapped read-only, pages shared between processes */
  MF_LOAD_COPY = 1 /* read into private anonymous memory on huge pages */
} mf_load_mode;

/* The body of a parallel loop: runs iterations [begin, end). `worker` is below the `max_workers` of the loop, and two
 * bodies that run at the same time have different workers. */
typedef void (*mf_loop_body)(void *closure, int64_t begin, int64_t end, int64_t worker);

/* A host-supplied parallel loop. It covers [0, count) exactly once, in any partition, and returns when all is done. */
typedef struct mf_parallel_for {
  void (*run)(void *context, mf_loop_body body, void *closure, int64_t count);
  void *context;
  int32_t max_workers; /* at least 1 */
} mf_parallel_for;

typedef struct mf_open_options {
  size_t size;                 /* sizeof(mf_open_options) */
  const char *parameters_path; /* NULL: beside the library, under the library's name */
  mf_load_mode load_mode;
  int32_t threads;                     /* of the model's pool, the caller included; 0: as many as the process may use */
  const char *variant;                 /* NULL: the best this CPU runs; else a name out of info's "variants" */
  const mf_parallel_for *parallel_for; /* NULL: the model's own pool; copied */
  int32_t verify;                      /* nonzero: check the digest of every tensor while opening */
  /* What runs the model. NULL, "cpu": this CPU. "gpu-host": its kernels for GPUs, on threads of this CPU. "cuda" or
   * "cuda:N": the CUDA device N, through the driver's libcuda.so.1, which is opened now; parameters, the state of
   * sequences and all that is computed are in its memory. There, `call` and the logits of `step` and `forward` also
   * take tensors in the memory of that device (kDLCUDA), in place: work on them must have ended or be on the device's
   * default stream. What a call writes is complete when it returns. */
  const char *device;
} mf_open_options;

typedef struct mf_session_options {
  size_t size;                 /* sizeof(mf_session_options) */
  int32_t max_sequences;       /* 0: 1 */
  int32_t max_tokens_per_call; /* longer calls run in chunks of this; 0: 2048 */
  int32_t max_positions;       /* 0: what the model was compiled for */
} mf_session_options;

typedef enum mf_logits {
  MF_LOGITS_NONE = 0,
  MF_LOGITS_LAST = 1, /* of the feed's last token */
  MF_LOGITS_ALL = 2   /* of each of the feed's tokens */
} mf_logits;

/* Tokens that one call appends to one sequence. */
typedef struct mf_feed {
  int32_t sequence;
  const DLTensor *tokens; /* [n] i32 or i64, n >= 1 */
  mf_logits logits;
} mf_feed;

typedef struct mf_sampling {
  size_t size;       /* sizeof(mf_sampling) */
  float temperature; /* 0: greedy, ties to the lowest id */
  int32_t top_k;     /* 0: all */
  float top_p;       /* 1: all; in (0, 1] */
  uint64_t seed;     /* of the counter-based generator */
  uint64_t counter;  /* number of this draw; equal (seed, counter, logits) give equal tokens */
} mf_sampling;

typedef struct mf_model mf_model;     /* immutable, shared by threads */
typedef struct mf_session mf_session; /* of one caller at a time */

typedef struct mf_api {
  size_t size; /* bytes of this table as the library knows it */
  int32_t abi_version;

  /* The calling thread's last error, valid until its next call; never NULL. */
  const char *(*last_error)(void);

  /* Opens the model. On success `*model` is owned by the caller; `options` may be NULL. */
  mf_status (*model_open)(const mf_open_options *options, mf_model **model);
  /* Drops the caller's reference; sessions keep theirs. NULL is ignored. */
  void (*model_close)(mf_model *model);
  /* What the library is and how it was opened, as JSON. Owned by the model. */
  mf_status (*model_info)(mf_model *model, const char **json);
  /* The same without opening: what was compiled, as JSON. Static. */
  const char *(*library_info)(void);
  /* Checks every digest of a parameter file against its header and this library; `path` may be NULL as in open. */
  mf_status (*verify_parameters)(const char *path);

  /* Sessions. Creation allocates all memory a session will ever use. `options` may be NULL. */
  mf_status (*session_create)(mf_model *model, const mf_session_options *options, mf_session **session);
  void (*session_destroy)(mf_session *session);

  /* Sequences. */
  mf_status (*sequence_add)(mf_session *session, int32_t *sequence);
  mf_status (*sequence_remove)(mf_session *session, int32_t sequence);
  /* A new sequence that begins as a copy of `sequence`'s first `length` tokens (-1: all). */
  mf_status (*sequence_fork)(mf_session *session, int32_t sequence, int32_t length, int32_t *forked);
  /* Keeps the first `length` tokens; 0 empties the sequence. */
  mf_status (*sequence_truncate)(mf_session *session, int32_t sequence, int32_t length);
  mf_status (*sequence_length)(const mf_session *session, int32_t sequence, int32_t *length);

  /* Appends the tokens of every feed to its sequence (one feed a sequence) and writes the logits asked for, in the
   * order of the feeds, to `logits` f32 [rows, vocabulary]; NULL where none are asked for. On an error nothing is
   * appended. */
  mf_status (*step)(mf_session *session, const mf_feed *feeds, int32_t feed_count, DLTensor *logits);
  /* All logits of a batch: ids i32 or i64 [batch, length] -> logits f32 [batch, length, vocabulary]. Uses free
   * sequences of the session, at least one, and leaves the others as they are. */
  mf_status (*forward)(mf_session *session, const DLTensor *ids, DLTensor *logits);
  /* Draws a token from one row of logits, f32 [vocabulary]. `sampling` may be NULL: greedy. */
  mf_status (*sample)(mf_session *session, const DLTensor *logits, const mf_sampling *sampling, int32_t *token);

  /* Calls an entry point by name, for libraries that are not language models (info's "entries" has shapes and dtypes).
   * Inputs and outputs are compact; outputs are written in place. The model keeps the largest workspace of its calls.
   */
  mf_status (*call)(mf_model *model, const char *entry, const DLTensor *const *inputs, int32_t input_count,
                    DLTensor *const *outputs, int32_t output_count);

  /* Appends like `step`, but instead of the logits asked for writes the tokens that have the largest ones, without ever
   * storing the logits: ids i32 [rows, k] in descending order of their logits, of equal ones the lower id first, -1
   * where no more are above minus infinity; and these logits, f32 [rows, k], where `logits` is not NULL. k is at most
   * info's "limits"."best"; where that is 0 the library cannot do it (MF_UNSUPPORTED). The first id is what `sample`
   * takes at temperature 0. */
  mf_status (*step_top_k)(mf_session *session, const mf_feed *feeds, int32_t feed_count, DLTensor *ids,
                          DLTensor *logits);
} mf_api;

/* For dlsym; a library's generated header declares the linked form. */
typedef const mf_api *(*mf_model_api_function)(int32_t abi_version);

#ifdef __cplusplus
}
#endif

#endif /* MF_C_MODEL_H */
