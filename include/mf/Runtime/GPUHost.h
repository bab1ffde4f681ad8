/* What kernels of GPUs and the runtime agree on where threads of the host run the kernels (lib/Runtime/GPUHost). Plain
 * C layout, fixed-width fields only.
 *
 * Code is generated in two forms: plain, and checked, which also tells the runtime of accesses to memory and of what it
 * executes. The calls that make threads wait for each other are in both.
 */
#ifndef MF_RUNTIME_GPUHOST_H
#define MF_RUNTIME_GPUHOST_H

#include "mf/Runtime/Plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of operations that are counted: X(enumerator, name in JSON). Arithmetic counts the elements of vectors. */
#define MF_RT_GPU_KINDS(X)                                                                                             \
  X(FLOAT, "float")                                                                                                    \
  X(FUSED, "fused")                                                                                                    \
  X(INTEGER, "integer")                                                                                                \
  X(CONVERSION, "conversion")                                                                                          \
  X(CHOICE, "choice")                                                                                                  \
  X(LOAD, "load")                                                                                                      \
  X(STORE, "store")                                                                                                    \
  X(COPY, "copy")                                                                                                      \
  X(SHUFFLE, "shuffle")                                                                                                \
  X(VOTE, "vote")                                                                                                      \
  X(BARRIER, "barrier")                                                                                                \
  X(MATRIX_LOAD, "matrix_load")                                                                                        \
  X(MATRIX_PRODUCT, "matrix_product")                                                                                  \
  X(BRANCH, "branch")

typedef enum mf_rt_gpu_kind {
#define MF_RT_GPU_KIND(enumerator, name) MF_RT_GPU_##enumerator,
  MF_RT_GPU_KINDS(MF_RT_GPU_KIND)
#undef MF_RT_GPU_KIND
      MF_RT_GPU_KIND_COUNT
} mf_rt_gpu_kind;

/* Bits of mf_rt_gpu_site::flags. */
enum {
  MF_RT_GPU_WRITES = 1,    /* else reads */
  MF_RT_GPU_WORKGROUP = 2, /* in workgroup memory, else in global memory */
  MF_RT_GPU_DELAYED = 4    /* one side of an asynchronous copy */
};

/* A place in a kernel that accesses memory or waits. */
typedef struct mf_rt_gpu_site {
  const char *text;  /* names the op in messages */
  int32_t bytes;     /* of an access; 0: none */
  int32_t alignment; /* that the address must have */
  int32_t flags;
  int32_t reserved;
} mf_rt_gpu_site;

/* A thread of a kernel, as its code sees it. */
typedef struct mf_rt_gpu_thread {
  int64_t thread;   /* index in the block */
  int64_t block[3]; /* index in the grid: x, y, z */
  int64_t grid[3];  /* blocks along x, y, z */
  void *workgroup;  /* memory of the block, 128-byte aligned */
} mf_rt_gpu_thread;

typedef struct mf_rt_gpu_kernel {
  const char *name;
  void (*run)(const void *arguments, mf_rt_gpu_thread *thread);
  int32_t threads; /* of a block, along x: whole warps of 32 */
  int32_t waits;   /* whether threads wait for each other */
  int32_t checked;
  int32_t site_count;
  int32_t region_count;
  int32_t cluster; /* blocks along y that run together, 8 at most; 0 and 1: each alone */
  const mf_rt_gpu_site *sites;
  const int32_t *regions; /* MF_RT_GPU_KIND_COUNT numbers per region: operations of one execution */
} mf_rt_gpu_kernel;

/* Runs x * y * z blocks, whole clusters, none where one is 0, and returns when all have ended. After a kernel of the
 * call has failed it does nothing. */
void mf_rt_gpu_launch(const mf_rt_frame *frame, const mf_rt_gpu_kernel *kernel, const void *arguments, int64_t x,
                      int64_t y, int64_t z, int32_t workgroup_bytes);

/* In checked code only. Before an access: `index` must be such that `count` elements from it on are in dimension
 * `dimension` of `extent`; then the address. */
void mf_rt_gpu_check_index(mf_rt_gpu_thread *thread, int32_t site, int32_t dimension, int64_t index, int64_t extent,
                           int64_t count);
void mf_rt_gpu_access(mf_rt_gpu_thread *thread, int32_t site, int64_t address);
/* A region of the kernel begins. */
void mf_rt_gpu_enter(mf_rt_gpu_thread *thread, int32_t region);

/* All threads of the block wait for each other. */
void mf_rt_gpu_barrier(mf_rt_gpu_thread *thread, int32_t site);

/* Lanes of `mask` wait for each other, and see what they wrote to memory before. */
void mf_rt_gpu_warp_barrier(mf_rt_gpu_thread *thread, int32_t site, uint32_t mask);

/* In what follows, lanes of the warp wait for each other, but what they wrote to memory is not ordered. */
enum { MF_RT_GPU_SHUFFLE_INDEX = 0, MF_RT_GPU_SHUFFLE_XOR = 1, MF_RT_GPU_SHUFFLE_UP = 2, MF_RT_GPU_SHUFFLE_DOWN = 3 };
/* `value` of lane `operand`, of the lane whose number differs in the bits of `operand`, or of the lane that is
 * `operand` below or above; the lane's own where there is none. The low five bits of `operand` count. */
uint32_t mf_rt_gpu_shuffle(mf_rt_gpu_thread *thread, int32_t site, uint32_t value, uint32_t operand, int32_t mode);
/* Lanes of `mask` wait for each other. Bit l is the predicate of lane l. */
uint32_t mf_rt_gpu_ballot(mf_rt_gpu_thread *thread, int32_t site, uint32_t mask, uint32_t predicate);

/* Rows of 16 bytes of 8 x 8 matrices of 2-byte elements, or of as many bytes: lane 8 m + r gives the address of row r
 * of matrix m. `out` gets a word per matrix: bytes 4 (lane % 4) to 4 (lane % 4) + 3 of row lane / 4, or, transposed,
 * the elements of column lane / 4 of rows 2 (lane % 4) and the next. */
void mf_rt_gpu_load_matrices(mf_rt_gpu_thread *thread, int32_t site, int64_t address, int32_t matrices,
                             int32_t transposed, uint32_t *out);

/* d = a * b + c of mma.sync.m16n8k16 of f16 or bf16: a 16 x 16 (4 words), b 16 x 8 (2 words); of mma.sync.m16n8k8 of
 * tf32: a 16 x 8, b 8 x 8, with as many words, f32 whose last 13 bits do not count. c and d are 16 x 8 of f32 (4
 * words). All are spread over the lanes as PTX says; d goes to `d`, which may be `c`. Products are exact; an element is
 * c plus the products in ascending k, each sum rounded to f32. */
enum { MF_RT_GPU_F16 = 0, MF_RT_GPU_BF16 = 1, MF_RT_GPU_TF32 = 2 };
void mf_rt_gpu_multiply_matrices(mf_rt_gpu_thread *thread, int32_t site, int32_t type, const uint32_t *a,
                                 const uint32_t *b, const float *c, float *d);

/* Asynchronous copies of `from_bytes` bytes, with zeros behind them up to `bytes`, to workgroup memory. A copy happens
 * when its thread waits for it, as late as a GPU may do it. */
void mf_rt_gpu_copy(mf_rt_gpu_thread *thread, int64_t to, int64_t from, int32_t bytes, int32_t from_bytes);
/* Closes the group of the copies since the last one was closed. */
void mf_rt_gpu_close_copies(mf_rt_gpu_thread *thread);
/* Waits until at most `groups` groups of the thread are on their way. */
void mf_rt_gpu_await_copies(mf_rt_gpu_thread *thread, int32_t groups);

/* Barriers of 8 bytes in workgroup memory that count the bytes of bulk copies; PTX, "mbarrier". A phase ends after
 * `count` arrivals and all expected bytes; phases 0, 2, ... have the parity 0. */
void mf_rt_gpu_mbarrier_init(mf_rt_gpu_thread *thread, int32_t site, int64_t barrier, int32_t count);
/* Arrives, and expects so many bytes more. */
void mf_rt_gpu_mbarrier_expect(mf_rt_gpu_thread *thread, int32_t site, int64_t barrier, int32_t bytes);
/* Waits until the phase of this parity has ended. */
void mf_rt_gpu_mbarrier_wait(mf_rt_gpu_thread *thread, int32_t site, int64_t barrier, uint32_t parity);
/* A copy of adjacent bytes to the same place of the workgroup memory of the blocks of the cluster that `mask` has bits
 * for, 0: of the own block; the barrier at `barrier` of each counts them. They arrive when a thread waits for them and
 * no other can go on, as late as a GPU may have them arrive. */
void mf_rt_gpu_bulk_copy(mf_rt_gpu_thread *thread, int32_t site, int64_t to, int64_t from, int32_t bytes,
                         int64_t barrier, int32_t mask);

/* A thread tells its cluster that it was here, and waits until all threads of the cluster were. */
void mf_rt_gpu_cluster_arrive(mf_rt_gpu_thread *thread, int32_t site);
void mf_rt_gpu_cluster_wait(mf_rt_gpu_thread *thread, int32_t site);

#ifdef __cplusplus
}
#endif

#endif /* MF_RUNTIME_GPUHOST_H */
