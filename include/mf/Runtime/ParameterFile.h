/* The format of a parameter file (.mfp), little-endian, shared by the compiler that writes it and the runtime that
 * reads it.
 *
 *   header | tensor records | strings (names and layouts, each NUL-terminated) | padding | tensor data ...
 *
 * Tensor data is aligned to 64 bytes, and to 2 MiB where the tensor has at least 2 MiB. Gaps are zero. The records
 * stand in the order of their data.
 *
 * Digest of a run of bytes: XXH64 (seed 0) of the little-endian concatenation of the XXH64 (seed 0) of its 1 MiB
 * blocks; no bytes are no blocks. `header_digest` is that digest of the first `header_bytes` bytes with the field
 * itself taken as zero; it is what a library expects of its file, so it names the file's whole content through the
 * tensors' digests.
 */
#ifndef MF_RUNTIME_PARAMETERFILE_H
#define MF_RUNTIME_PARAMETERFILE_H

#include <stdint.h>

#define MF_MFP_MAGIC "MFPARAM" /* 8 bytes with the NUL */
#define MF_MFP_VERSION 1
#define MF_MFP_MAX_RANK 8
#define MF_MFP_DIGEST_BLOCK (1u << 20)
#define MF_MFP_ALIGNMENT 64u
#define MF_MFP_LARGE_BYTES (2u << 20) /* a tensor of at least this is aligned to this */

typedef struct mf_mfp_header {
  char magic[8];
  uint32_t version;
  uint32_t tensor_count;
  uint64_t header_bytes; /* header, records and strings */
  uint64_t file_bytes;
  uint64_t header_digest;
  uint64_t reserved[3];
} mf_mfp_header;

typedef struct mf_mfp_tensor {
  uint32_t name_offset;   /* of the string, from the file's start */
  uint32_t layout_offset; /* of the layout attribute's text; an empty string for plain row-major */
  uint8_t dtype_code;     /* DLPack */
  uint8_t dtype_bits;
  uint16_t rank;
  uint32_t reserved;
  uint64_t shape[MF_MFP_MAX_RANK]; /* as stored, unused ones 0 */
  uint64_t offset;
  uint64_t bytes;
  uint64_t digest;
} mf_mfp_tensor;

#endif /* MF_RUNTIME_PARAMETERFILE_H */
