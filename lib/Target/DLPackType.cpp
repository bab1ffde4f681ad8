// Element types as DLPack spells them.
#include "DLPackType.h"
#include "mf-c/model.h"

using namespace mlir;
using namespace mlir::mf;

std::optional<mf_rt_dtype> mlir::mf::getDLPackType(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type)) {
    unsigned bits = integer.getWidth();
    if (bits != 8 && bits != 16 && bits != 32 && bits != 64)
      return std::nullopt;
    return mf_rt_dtype{uint8_t(integer.isUnsigned() ? kDLUInt : kDLInt), uint8_t(bits), 1};
  }
  if (type.isBF16())
    return mf_rt_dtype{kDLBfloat, 16, 1};
  if (type.isF16() || type.isF32() || type.isF64())
    return mf_rt_dtype{kDLFloat, uint8_t(type.getIntOrFloatBitWidth()), 1};
  return std::nullopt;
}
