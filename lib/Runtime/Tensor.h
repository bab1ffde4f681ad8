// Checks of the tensors that callers pass.
#ifndef MF_LIB_RUNTIME_TENSOR_H
#define MF_LIB_RUNTIME_TENSOR_H

#include "mf-c/model.h"
#include "mf/Runtime/Plan.h"

namespace mf::rt {

/// How messages call a tensor: "name", or "name[index]" with an index of at least 0, then "member".
struct TensorName {
  const char *name;
  int32_t index;
  const char *member;
};

static constexpr mf_rt_dtype dtypeF32 = {kDLFloat, 32, 1};
static constexpr mf_rt_dtype dtypeI32 = {kDLInt, 32, 1};
static constexpr mf_rt_dtype dtypeI64 = {kDLInt, 64, 1};

inline bool isDtype(const DLDataType &found, const mf_rt_dtype &expected) {
  return found.code == expected.code && found.bits == expected.bits && found.lanes == expected.lanes;
}

/// The address of the first element; null may have an offset here, as an empty tensor's has.
inline void *firstElement(const DLTensor *tensor) {
  return reinterpret_cast<void *>(reinterpret_cast<uintptr_t>(tensor->data) + tensor->byte_offset);
}

/// Records "name: <printf-like text>" as MF_INVALID_ARGUMENT.
__attribute__((format(printf, 2, 3))) mf_status failTensor(const TensorName &name, const char *format, ...);

/// Writes a dtype as "f32", "i8", "bf16", "dtype(code, bits, lanes)".
void dtypeText(uint8_t code, uint8_t bits, uint16_t lanes, char *text, size_t bytes);

/// A number of a CUDA device that is none.
static constexpr int32_t noDevice = -1;

/// Whether the tensor is in the memory of a CUDA device.
bool isOnDevice(const DLTensor *tensor);

/// Checks that the tensor is there, on the CPU or on the CUDA device of this number, of the rank, with extents of at
/// least 0 and compact strides.
mf_status checkLayout(const TensorName &name, const DLTensor *tensor, int32_t rank, int32_t device = noDevice);

/// Checks the dtype.
mf_status checkDtype(const TensorName &name, const DLTensor *tensor, const mf_rt_dtype &dtype);

/// Checks one extent.
mf_status checkExtent(const TensorName &name, const DLTensor *tensor, int32_t axis, int64_t expected);

/// The first element of a tensor that passed the checks above: not null and aligned to its elements unless it is empty.
mf_status tensorData(const TensorName &name, const DLTensor *tensor, void *&data);

} // namespace mf::rt

#endif // MF_LIB_RUNTIME_TENSOR_H
