// Names of devices and sizes of operands.
#include "Device.h"

#include "Checked.h"

#include <string.h>

namespace mf::rt {

bool parseCudaDevice(const char *text, int32_t &ordinal) {
  ordinal = 0;
  if (strcmp(text, "cuda") == 0)
    return true;
  if (strncmp(text, "cuda:", 5) != 0 || !text[5])
    return false;
  for (const char *digit = text + 5; *digit; ++digit) {
    if (*digit < '0' || *digit > '9' || ordinal > 9999)
      return false;
    ordinal = 10 * ordinal + (*digit - '0');
  }
  return true;
}

bool operandBytes(const mf_rt_tensor &operand, const int64_t *dims, uint64_t &bytes) {
  bytes = uint64_t(operand.dtype.bits) * operand.dtype.lanes;
  for (int32_t axis = 0; axis < operand.rank; ++axis) {
    int64_t extent = operand.shape[axis];
    if (!multiply(bytes, uint64_t(extent >= 0 ? extent : dims[-1 - extent])))
      return false;
  }
  bytes = bytes / 8 + (bytes % 8 != 0);
  return true;
}

} // namespace mf::rt
