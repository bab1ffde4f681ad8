/* What generated code, the generated plan and the runtime agree on. Plain C layout, fixed-width fields only.
 *
 * A compiled entry point is `void entry(const mf_rt_frame *)`; `int64_t entry_workspace(const mf_rt_frame *)` says,
 * from `dims` and `workers` alone, how many bytes of workspace it will use. The size never shrinks when a dimension
 * grows.
 */
#ifndef MF_RUNTIME_PLAN_H
#define MF_RUNTIME_PLAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows when anything below changes. */
#define MF_RT_PLAN_VERSION 4

struct mf_rt_pool;
struct mf_rt_gpu_call;
struct mf_rt_cuda_call;
struct mf_rt_backend;

/* The arguments of one call of an entry point. */
typedef struct mf_rt_frame {
  const int64_t *dims;           /* a value per symbolic dimension of the entry */
  void *const *operands;         /* data pointers of the entry's operands, in plan order; 64-byte aligned where owned */
  const void *const *parameters; /* data pointers in the order of the parameter file */
  void *workspace;               /* 64-byte aligned */
  int64_t workers;               /* worker indices of parallel loops are below this */
  struct mf_rt_pool *pool;       /* passed on to mf_rt_parallel_for */
  struct mf_rt_gpu_call *gpu;    /* for kernels of GPUs on host threads, mf/Runtime/GPUHost.h */
  struct mf_rt_cuda_call *cuda;  /* for launches on a CUDA device; operands, parameters and workspace are its memory */
} mf_rt_frame;

/* Runs body(closure, begin, end, worker) over a partition of [0, count). Called by generated code. */
void mf_rt_parallel_for(const mf_rt_frame *frame, void (*body)(void *, int64_t, int64_t, int64_t), void *closure,
                        int64_t count);

/* Launches kernel number `kernel` of the variant's mf_rt_cuda_code on the device of the frame, in the order of the
 * calls. `arguments` are the kernel's parameters, `argument_bytes` of them, laid out as PTX lays them out. Called by
 * generated code. */
void mf_rt_cuda_launch(const mf_rt_frame *frame, int32_t kernel, const void *arguments, int64_t argument_bytes,
                       int64_t x, int64_t y, int64_t z, int32_t workgroup_bytes);

typedef enum mf_rt_role {
  MF_RT_INPUT = 0,  /* read */
  MF_RT_OUTPUT = 1, /* written */
  MF_RT_STATE = 2   /* sequence state: read and written in place, owned by the session */
} mf_rt_role;

/* DLPack's type codes. */
typedef struct mf_rt_dtype {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
} mf_rt_dtype;

typedef struct mf_rt_tensor {
  const char *name;
  int32_t role; /* mf_rt_role */
  mf_rt_dtype dtype;
  int32_t rank;
  int32_t position_block; /* of a state: positions that are stored interleaved; the extent is a multiple of it. 0 or 1:
                             none */
  const int64_t *shape;   /* >= 0: static extent; -1 - i: symbolic dimension i of the entry */
} mf_rt_tensor;

/* An entry point's interface, the same in every variant. */
typedef struct mf_rt_entry {
  const char *name;
  int32_t dim_count;
  int32_t operand_count;
  const char *const *dim_names; /* dim_count */
  const mf_rt_tensor *operands; /* operand_count, inputs and states in argument order, then outputs */
} mf_rt_entry;

typedef struct mf_rt_code {
  void (*run)(const mf_rt_frame *);
  int64_t (*workspace)(const mf_rt_frame *);
} mf_rt_code;

/* A kernel of a CUDA variant. */
typedef struct mf_rt_cuda_kernel {
  const char *name;
  int32_t threads;         /* of a block, along x */
  int32_t workgroup_bytes; /* the most that a launch asks for */
} mf_rt_cuda_kernel;

/* The kernels that a variant's code launches. */
typedef struct mf_rt_cuda_code {
  int32_t major, minor; /* compute capability: PTX runs on it and on later ones, a cubin on later ones of `major` */
  int32_t exact;        /* nonzero: runs on this one only */
  int32_t kernel_count;
  const mf_rt_cuda_kernel *kernels;
  const char *ptx;
  const void *cubin; /* null: there was no assembler */
  uint64_t cubin_bytes;
} mf_rt_cuda_code;

/* One instruction-set variant. */
typedef struct mf_rt_variant {
  const char *name;            /* x86-64-v3, ... */
  uint64_t features;           /* bits of MF_RT_FEATURES that the code needs */
  const mf_rt_code *code;      /* a pair per entry */
  const mf_rt_cuda_code *cuda; /* what it launches on a CUDA device, or null: it runs on this CPU alone */
} mf_rt_variant;

/* Language-model facts; absent (null) in a library that is none. The entry named "step" has the operands, in this
 * order, tokens i32 [tokens], slots i32 [tokens], positions i32 [tokens], rows i32 [rows], picks i32 [picks] where best
 * > 0, the states [sequences, ..., positions-dimension or none, ...], and the outputs logits f32 [rows, vocabulary]
 * and, where best > 0, best_logits f32 [picks, best] and best_ids i32 [picks, best]: the largest logits of the token
 * picks[p], in descending order, of equal ones the lower id first; -inf and -1 where there is none above minus
 * infinity. slots[t] is the sequence slot of token t; positions[t] its position; rows[r] the token whose logits row r
 * holds. Tokens of one sequence stand in ascending positions. */
typedef struct mf_rt_language_model {
  int32_t step_entry;
  int32_t vocabulary;
  int32_t max_positions;
  int32_t best; /* 0: the entry has no picks */
} mf_rt_language_model;

typedef struct mf_rt_plan {
  int32_t version; /* MF_RT_PLAN_VERSION */
  int32_t entry_count;
  int32_t variant_count; /* best first */
  int32_t reserved;
  const char *model_name;
  const char *info_json;           /* one JSON object: what was compiled */
  uint64_t parameters_digest;      /* must equal the header digest of the parameter file; 0: no parameters */
  const void *embedded_parameters; /* a whole parameter file, 64-byte aligned, or null */
  uint64_t embedded_bytes;
  const mf_rt_entry *entries;
  const mf_rt_variant *variants;
  const mf_rt_language_model *language_model; /* or null */
  const struct mf_rt_backend *cuda;           /* &mf_rt_cuda_backend, or null where no variant is for CUDA */
} mf_rt_plan;

/* The runtime's side of CUDA devices; a library without a variant for them does not refer to it, nor to dlopen. */
extern const struct mf_rt_backend mf_rt_cuda_backend;

/* Defined by the generated plan, one a library. */
extern const mf_rt_plan mf_rt_library_plan;

/* What the two exported functions of a library return: the table of mf-c/model.h, or null for a version it cannot
 * serve. */
struct mf_api;
const struct mf_api *mf_rt_api(int32_t version);

/* CPU features that a variant can need: X(bit, LLVM's feature name, name in messages). */
/* clang-format off */
#define MF_RT_X86_FEATURES(X)                                                                                          \
  X(0, "cx16", "CMPXCHG16B") X(1, "sahf", "LAHF/SAHF") X(2, "popcnt", "POPCNT") X(3, "sse3", "SSE3")                   \
  X(4, "ssse3", "SSSE3") X(5, "sse4.1", "SSE4.1") X(6, "sse4.2", "SSE4.2") X(7, "avx", "AVX") X(8, "avx2", "AVX2")     \
  X(9, "bmi", "BMI1") X(10, "bmi2", "BMI2") X(11, "f16c", "F16C") X(12, "fma", "FMA") X(13, "lzcnt", "LZCNT")          \
  X(14, "movbe", "MOVBE") X(15, "avx512f", "AVX512F") X(16, "avx512bw", "AVX512BW") X(17, "avx512cd", "AVX512CD")      \
  X(18, "avx512dq", "AVX512DQ") X(19, "avx512vl", "AVX512VL") X(20, "avx512vnni", "AVX512VNNI")                        \
  X(21, "avx512bf16", "AVX512BF16") X(22, "avx512vbmi", "AVX512VBMI") X(23, "avx512vbmi2", "AVX512VBMI2")              \
  X(24, "avxvnni", "AVX-VNNI") X(25, "avx512fp16", "AVX512FP16") X(26, "avx512ifma", "AVX512IFMA")                     \
  X(27, "avx512bitalg", "AVX512BITALG") X(28, "avx512vpopcntdq", "AVX512VPOPCNTDQ") X(29, "gfni", "GFNI")
#define MF_RT_AARCH64_FEATURES(X)                                                                                      \
  X(32, "fp-armv8", "FP") X(33, "neon", "Advanced SIMD") X(34, "fullfp16", "FP16") X(35, "dotprod", "DotProd")         \
  X(36, "bf16", "BF16") X(37, "i8mm", "I8MM") X(38, "lse", "LSE") X(39, "rdm", "RDM") X(40, "crc", "CRC32")
/* clang-format on */

#ifdef __cplusplus
}
#endif

#endif /* MF_RUNTIME_PLAN_H */
