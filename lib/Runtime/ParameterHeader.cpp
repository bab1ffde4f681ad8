// A header is input from outside: nothing in it is used before it was checked.
#include "ParameterHeader.h"

#include "Checked.h"
#include "Digest.h"
#include "Error.h"

#include <string.h>

namespace mf::rt {

using ull = unsigned long long;

mf_status checkFixedHeader(const char *path, const mf_mfp_header *header, uint64_t available, uint64_t fileBytes) {
  if (available < sizeof(mf_mfp_header))
    return fail(MF_BAD_PARAMETERS, "%s: truncated: a header has at least %zu bytes, the file has %llu", path,
                sizeof(mf_mfp_header), ull(fileBytes));
  if (memcmp(header->magic, MF_MFP_MAGIC, sizeof(header->magic)) != 0)
    return fail(MF_BAD_PARAMETERS, "%s: not a parameter file: it does not begin with \"" MF_MFP_MAGIC "\"", path);
  if (header->version != MF_MFP_VERSION)
    return fail(MF_BAD_PARAMETERS, "%s: format version: expected %d, found %u", path, MF_MFP_VERSION, header->version);
  if (fileBytes < header->file_bytes)
    return fail(MF_BAD_PARAMETERS, "%s: truncated: its header says %llu bytes, the file has %llu", path,
                ull(header->file_bytes), ull(fileBytes));
  if (fileBytes > header->file_bytes)
    return fail(MF_BAD_PARAMETERS, "%s: longer than its header says: %llu bytes expected, %llu found", path,
                ull(header->file_bytes), ull(fileBytes));
  uint64_t records = sizeof(mf_mfp_header) + uint64_t(header->tensor_count) * sizeof(mf_mfp_tensor);
  if (header->header_bytes < records || header->header_bytes > header->file_bytes)
    return fail(MF_BAD_PARAMETERS, "%s: header size: expected %llu (for %u tensors) to %llu bytes, found %llu", path,
                ull(records), header->tensor_count, ull(header->file_bytes), ull(header->header_bytes));
  return MF_OK;
}

namespace {
/// Checks the records in their order.
struct RecordChecker {
  const char *path;
  const mf_mfp_header *header;
  uint64_t strings; ///< offset of the first string
  uint64_t dataEnd; ///< end of the tensors seen so far

  mf_status check(uint32_t index);

private:
  bool isString(uint64_t offset) const {
    return offset >= strings && offset < header->header_bytes &&
           memchr(reinterpret_cast<const char *>(header) + offset, 0, header->header_bytes - offset);
  }
  mf_status checkStrings(uint32_t index, const mf_mfp_tensor &tensor) const;
  mf_status checkShape(const char *name, const mf_mfp_tensor &tensor) const;
  mf_status checkPlace(const char *name, const mf_mfp_tensor &tensor);
};
} // namespace

mf_status RecordChecker::checkStrings(uint32_t index, const mf_mfp_tensor &tensor) const {
  bool named = isString(tensor.name_offset);
  if (named && isString(tensor.layout_offset))
    return MF_OK;
  return fail(MF_BAD_PARAMETERS,
              "%s: tensor %u: its %s at offset %u is no NUL-terminated string within bytes [%llu, %llu) of the header",
              path, index, named ? "layout" : "name", named ? tensor.layout_offset : tensor.name_offset, ull(strings),
              ull(header->header_bytes));
}

mf_status RecordChecker::checkShape(const char *name, const mf_mfp_tensor &tensor) const {
  if (tensor.rank > MF_MFP_MAX_RANK)
    return fail(MF_BAD_PARAMETERS, "%s: tensor '%s': rank: expected at most %d, found %u", path, name, MF_MFP_MAX_RANK,
                tensor.rank);
  if (tensor.dtype_bits == 0 || tensor.dtype_bits > 64)
    return fail(MF_BAD_PARAMETERS, "%s: tensor '%s': element bits: expected 1 to 64, found %u", path, name,
                tensor.dtype_bits);
  uint64_t bits = tensor.dtype_bits;
  bool fits = true;
  for (uint32_t i = 0; i < tensor.rank; ++i)
    fits = fits && multiply(bits, tensor.shape[i]);
  if (!fits || !add(bits, 7))
    return fail(MF_BAD_PARAMETERS, "%s: tensor '%s': the size of its shape overflows 64 bits", path, name);
  if (bits / 8 != tensor.bytes)
    return fail(MF_BAD_PARAMETERS, "%s: tensor '%s': size: expected %llu bytes of its shape and dtype, found %llu",
                path, name, ull(bits / 8), ull(tensor.bytes));
  for (uint32_t i = tensor.rank; i < MF_MFP_MAX_RANK; ++i)
    if (tensor.shape[i] != 0)
      return fail(MF_BAD_PARAMETERS, "%s: tensor '%s': extent %u is beyond its rank %u: expected 0, found %llu", path,
                  name, i, tensor.rank, ull(tensor.shape[i]));
  return MF_OK;
}

mf_status RecordChecker::checkPlace(const char *name, const mf_mfp_tensor &tensor) {
  uint64_t alignment = tensor.bytes >= MF_MFP_LARGE_BYTES ? MF_MFP_LARGE_BYTES : MF_MFP_ALIGNMENT;
  if (tensor.offset % alignment != 0)
    return fail(MF_BAD_PARAMETERS, "%s: tensor '%s': offset: expected a multiple of %llu, found %llu", path, name,
                ull(alignment), ull(tensor.offset));
  uint64_t end = tensor.offset;
  if (!add(end, tensor.bytes) || end > header->file_bytes)
    return fail(MF_BAD_PARAMETERS, "%s: tensor '%s': %llu bytes at offset %llu pass the file's end at %llu", path, name,
                ull(tensor.bytes), ull(tensor.offset), ull(header->file_bytes));
  if (tensor.offset < dataEnd)
    return fail(MF_BAD_PARAMETERS, "%s: tensor '%s': offset %llu overlaps what ends at %llu before it", path, name,
                ull(tensor.offset), ull(dataEnd));
  dataEnd = end;
  return MF_OK;
}

mf_status RecordChecker::check(uint32_t index) {
  const mf_mfp_tensor &tensor = tensorRecords(header)[index];
  if (mf_status status = checkStrings(index, tensor))
    return status;
  const char *name = tensorName(header, tensor);
  if (mf_status status = checkShape(name, tensor))
    return status;
  return checkPlace(name, tensor);
}

mf_status checkHeader(const char *path, mf_mfp_header *header, uint64_t expectedDigest) {
  uint64_t stored = header->header_digest, computed = 0;
  header->header_digest = 0;
  bool done = digestBlocks(nullptr, header, header->header_bytes, computed);
  header->header_digest = stored;
  if (!done)
    return fail(MF_OUT_OF_MEMORY, "%s: out of memory for its header's digest", path);
  if (stored != computed)
    return fail(MF_BAD_PARAMETERS, "%s: damaged header: its digest is %016llx, %016llx was stored", path, ull(computed),
                ull(stored));
  if (stored != expectedDigest)
    return fail(MF_BAD_PARAMETERS,
                "%s: parameters of another model: this library expects digest %016llx, found %016llx", path,
                ull(expectedDigest), ull(stored));
  RecordChecker checker = {path, header, sizeof(mf_mfp_header) + header->tensor_count * sizeof(mf_mfp_tensor),
                           header->header_bytes};
  for (uint32_t i = 0; i < header->tensor_count; ++i)
    if (mf_status status = checker.check(i))
      return status;
  return MF_OK;
}

} // namespace mf::rt
