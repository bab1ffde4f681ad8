// Makes tensors and calls kernels.
#include "KernelCall.h"
#include "Statistics.h"

using namespace llvm;
using namespace mf::bench;
using namespace mf::run;

/// SplitMix64.
static uint64_t draw(uint64_t &state) {
  uint64_t bits = state += 0x9e3779b97f4a7c15;
  bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ bits >> 27) * 0x94d049bb133111eb;
  return bits ^ bits >> 31;
}

static void fillRandom(Array &array, int64_t bits, uint64_t &state) {
  int64_t count = array.getElementCount();
  char *data = array.data->getBufferStart();
  for (int64_t i = 0; i < count; ++i) {
    if (array.dtype.code == kDLFloat) {
      float value = float(int64_t(draw(state) >> 40) - (1 << 23)) * 0x1p-23f;
      memcpy(data + i * sizeof(value), &value, sizeof(value));
      continue;
    }
    uint64_t code = draw(state) & ((uint64_t(1) << bits) - 1);
    memcpy(data + i * array.dtype.bits / 8, &code, array.dtype.bits / 8);
  }
}

static const json::Array &getOperands(const Library &library) {
  static const json::Array none;
  const json::Array *entries = library.getInfo().getArray("entries");
  const json::Object *entry = entries && entries->size() == 1 ? entries->front().getAsObject() : nullptr;
  const json::Array *operands = entry ? entry->getArray("operands") : nullptr;
  return operands ? *operands : none;
}

Expected<KernelCall> KernelCall::create(const Library &library, int64_t tokens, int64_t bits, uint64_t seed) {
  KernelCall call;
  for (const json::Value &value : getOperands(library)) {
    const json::Object *operand = value.getAsObject();
    auto dtype = parseDtype(operand->getString("dtype").value_or(""));
    if (!dtype)
      return dtype.takeError();
    SmallVector<int64_t> shape;
    for (const json::Value &extent : *operand->getArray("shape"))
      shape.push_back(extent.getAsInteger().value_or(tokens));
    auto array = Array::create(*dtype, shape);
    if (!array)
      return array.takeError();
    bool isOutput = operand->getString("role") == "output";
    // Outputs too: their pages have to be there.
    fillRandom(*array, bits, seed);
    (isOutput ? call.outputs : call.inputs).push_back(std::move(*array));
  }
  return call;
}

Error KernelCall::run(const Model &model) {
  SmallVector<DLTensor> tensors;
  for (std::vector<Array> *arrays : {&inputs, &outputs})
    for (Array &array : *arrays)
      tensors.push_back(array.getTensor());
  SmallVector<const DLTensor *> in;
  SmallVector<DLTensor *> out;
  for (auto [i, tensor] : enumerate(tensors))
    if (i < inputs.size())
      in.push_back(&tensor);
    else
      out.push_back(&tensor);
  const Library &library = model.getLibrary();
  return library.check(library.getAPI().call(model.get(), "call", in.data(), static_cast<int32_t>(in.size()),
                                             out.data(), static_cast<int32_t>(out.size())));
}

Expected<CallCycle> CallCycle::create(ArrayRef<const Model *> models, int64_t tokens, int64_t bits, int64_t sets) {
  CallCycle cycle;
  cycle.models = models.vec();
  for (int64_t i = 0; i < sets; ++i) {
    auto call = KernelCall::create(models.front()->getLibrary(), tokens, bits, /*seed=*/i << 32);
    if (!call)
      return call.takeError();
    cycle.calls.push_back(std::move(*call));
  }
  return cycle;
}

Expected<double> CallCycle::time(int64_t count) {
  double start = now();
  for (int64_t i = 0; i < count; ++i, ++next)
    if (Error error = calls[next / models.size() % calls.size()].run(*models[next % models.size()]))
      return error;
  return (now() - start) / double(count);
}
