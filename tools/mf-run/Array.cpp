// Arrays in memory.
#include "Failure.h"
#include "Npy.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using namespace mf::run;

Expected<Array> Array::create(DLDataType dtype, ArrayRef<int64_t> shape) {
  int64_t bytes = dtype.bits / 8;
  for (int64_t extent : shape)
    if (extent < 0 || MulOverflow(bytes, extent, bytes))
      return fail(ExitUsage, "an array of shape [" + join(map_range(shape, [](int64_t e) { return itostr(e); }), ", ") +
                                 "] is too big");
  Array array;
  array.dtype = dtype;
  array.shape.assign(shape.begin(), shape.end());
  array.data = WritableMemoryBuffer::getNewUninitMemBuffer(bytes, "", Align(64));
  if (!array.data)
    return fail(ExitUsage, "out of memory for an array of " + Twine(bytes) + " bytes");
  return array;
}

int64_t Array::getElementCount() const {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

DLTensor Array::getTensor() {
  DLTensor tensor = {};
  tensor.data = data->getBufferStart();
  tensor.device = {kDLCPU, 0};
  tensor.ndim = static_cast<int32_t>(shape.size());
  tensor.dtype = dtype;
  tensor.shape = shape.data();
  return tensor;
}

template <typename T> static double load(const char *base, int64_t index) {
  T value;
  memcpy(&value, base + index * sizeof(T), sizeof(T));
  return static_cast<double>(value);
}

static double loadHalf(const fltSemantics &semantics, const char *base, int64_t index) {
  uint16_t bits;
  memcpy(&bits, base + index * sizeof(bits), sizeof(bits));
  return APFloat(semantics, APInt(16, bits)).convertToDouble();
}

double Array::getElement(int64_t index) const {
  const char *base = data->getBufferStart();
  switch (dtype.code << 8 | dtype.bits) {
  case kDLFloat << 8 | 64:
    return load<double>(base, index);
  case kDLFloat << 8 | 32:
    return load<float>(base, index);
  case kDLFloat << 8 | 16:
    return loadHalf(APFloat::IEEEhalf(), base, index);
  case kDLBfloat << 8 | 16:
    return loadHalf(APFloat::BFloat(), base, index);
  case kDLInt << 8 | 8:
    return load<int8_t>(base, index);
  case kDLInt << 8 | 16:
    return load<int16_t>(base, index);
  case kDLInt << 8 | 32:
    return load<int32_t>(base, index);
  case kDLInt << 8 | 64:
    return load<int64_t>(base, index);
  case kDLUInt << 8 | 8:
    return load<uint8_t>(base, index);
  default: // parseDtype lets nothing else in
    return load<uint16_t>(base, index);
  }
}

static StringRef getDtypePrefix(DLDataType dtype) {
  switch (dtype.code) {
  case kDLInt:
    return "i";
  case kDLUInt:
    return "u";
  case kDLBfloat:
    return "bf";
  default:
    return "f";
  }
}

std::string Array::getTypeText() const {
  std::string extents = join(map_range(shape, [](int64_t extent) { return itostr(extent); }), ", ");
  return (getDtypePrefix(dtype) + Twine(unsigned(dtype.bits)) + "[" + extents + "]").str();
}

Expected<DLDataType> mf::run::parseDtype(StringRef name) {
  for (DLDataType dtype :
       {DLDataType{kDLFloat, 64, 1}, DLDataType{kDLFloat, 32, 1}, DLDataType{kDLFloat, 16, 1},
        DLDataType{kDLBfloat, 16, 1}, DLDataType{kDLInt, 8, 1}, DLDataType{kDLInt, 16, 1}, DLDataType{kDLInt, 32, 1},
        DLDataType{kDLInt, 64, 1}, DLDataType{kDLUInt, 8, 1}, DLDataType{kDLUInt, 16, 1}})
    if (name == (getDtypePrefix(dtype) + Twine(unsigned(dtype.bits))).str())
      return dtype;
  return fail(ExitLibrary, "the library's information names a dtype that mf-run does not know: '" + name + "'");
}
