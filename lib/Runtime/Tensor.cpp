// Tensor checks; each message names the tensor, what was expected and what was found.
#include "Tensor.h"

#include "Error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

namespace mf::rt {

mf_status failTensor(const TensorName &name, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  if (name.index < 0)
    return fail(MF_INVALID_ARGUMENT, "%s%s: %s", name.name, name.member, text);
  return fail(MF_INVALID_ARGUMENT, "%s[%d]%s: %s", name.name, name.index, name.member, text);
}

void dtypeText(uint8_t code, uint8_t bits, uint16_t lanes, char *text, size_t bytes) {
  static const char *const prefixes[] = {"i", "u", "f", nullptr, "bf"};
  const char *prefix = code < sizeof(prefixes) / sizeof(*prefixes) ? prefixes[code] : nullptr;
  if (prefix && lanes == 1)
    snprintf(text, bytes, "%s%u", prefix, bits);
  else
    snprintf(text, bytes, "dtype(%u, %u, %u)", code, bits, lanes);
}

/// The first axis whose stride is not that of compact row-major order, or -1. Extents of 1 have no stride to speak of.
static int32_t findLooseAxis(const DLTensor *tensor, int64_t &expected) {
  for (int32_t axis = 0; axis < tensor->ndim; ++axis)
    if (tensor->shape[axis] == 0)
      return -1;
  expected = 1;
  for (int32_t axis = tensor->ndim - 1; axis >= 0; --axis) {
    if (tensor->shape[axis] != 1 && tensor->strides[axis] != expected)
      return axis;
    if (__builtin_mul_overflow(expected, tensor->shape[axis], &expected))
      return axis;
  }
  return -1;
}

static int32_t deviceType(const DLTensor *tensor) {
  int32_t type;
  memcpy(&type, &tensor->device.device_type, sizeof(type));
  return type;
}

bool isOnDevice(const DLTensor *tensor) { return deviceType(tensor) == kDLCUDA; }

static mf_status checkPlace(const TensorName &name, const DLTensor *tensor, int32_t device) {
  int32_t type = deviceType(tensor);
  if (type == kDLCPU || (type == kDLCUDA && device != noDevice && tensor->device.device_id == device))
    return MF_OK;
  if (device == noDevice)
    return failTensor(name, "expected a tensor on the CPU, found device type %d", type);
  return failTensor(name, "expected a tensor on the CPU or on cuda:%d, found device type %d, number %d", device, type,
                    tensor->device.device_id);
}

mf_status checkLayout(const TensorName &name, const DLTensor *tensor, int32_t rank, int32_t device) {
  if (!tensor)
    return failTensor(name, "expected a tensor, found null");
  if (mf_status status = checkPlace(name, tensor, device))
    return status;
  if (tensor->ndim != rank)
    return failTensor(name, "rank: expected %d, found %d", rank, tensor->ndim);
  if (rank > 0 && !tensor->shape)
    return failTensor(name, "expected a shape, found null");
  for (int32_t axis = 0; axis < rank; ++axis)
    if (tensor->shape[axis] < 0)
      return failTensor(name, "extent of axis %d: expected at least 0, found %lld", axis,
                        (long long)tensor->shape[axis]);
  int64_t expected = 0;
  int32_t loose = tensor->strides ? findLooseAxis(tensor, expected) : -1;
  if (loose >= 0)
    return failTensor(name, "expected compact row-major strides, found %lld on axis %d where %lld is compact",
                      (long long)tensor->strides[loose], loose, (long long)expected);
  return MF_OK;
}

mf_status checkDtype(const TensorName &name, const DLTensor *tensor, const mf_rt_dtype &dtype) {
  if (isDtype(tensor->dtype, dtype))
    return MF_OK;
  char expected[40], found[40];
  dtypeText(dtype.code, dtype.bits, dtype.lanes, expected, sizeof(expected));
  dtypeText(tensor->dtype.code, tensor->dtype.bits, tensor->dtype.lanes, found, sizeof(found));
  return failTensor(name, "dtype: expected %s, found %s", expected, found);
}

mf_status checkExtent(const TensorName &name, const DLTensor *tensor, int32_t axis, int64_t expected) {
  if (tensor->shape[axis] == expected)
    return MF_OK;
  return failTensor(name, "extent of axis %d: expected %lld, found %lld", axis, (long long)expected,
                    (long long)tensor->shape[axis]);
}

mf_status tensorData(const TensorName &name, const DLTensor *tensor, void *&data) {
  data = firstElement(tensor);
  for (int32_t axis = 0; axis < tensor->ndim; ++axis)
    if (tensor->shape[axis] == 0)
      return MF_OK;
  if (!tensor->data)
    return failTensor(name, "expected data, found null");
  uint64_t bytes = uint64_t(tensor->dtype.bits) * tensor->dtype.lanes / 8;
  if ((bytes & (bytes - 1)) == 0 && bytes > 1 && reinterpret_cast<uintptr_t>(data) % bytes != 0)
    return failTensor(name, "expected data aligned to its elements of %llu bytes, found address %p",
                      (unsigned long long)bytes, data);
  return MF_OK;
}

} // namespace mf::rt
