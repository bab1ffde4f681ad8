// Generic entries: operands by position, symbolic dimensions bound by their extents.
#include "Error.h"
#include "Model.h"
#include "Tensor.h"

#include <stdio.h>
#include <stdlib.h>

namespace mf::rt {

namespace {
/// One call while it is checked.
struct Call {
  const mf_rt_entry *entry;
  int64_t *dims; ///< -1: not bound yet
  void **operands;
  bool *onDevice;
  int32_t device; ///< number of the CUDA device that tensors may be on

  mf_status bindOperand(const TensorName &name, int32_t index, const DLTensor *tensor);

private:
  mf_status bindExtent(const TensorName &name, const DLTensor *tensor, int32_t axis, int64_t extent);
};
} // namespace

mf_status Call::bindExtent(const TensorName &name, const DLTensor *tensor, int32_t axis, int64_t extent) {
  if (extent >= 0)
    return checkExtent(name, tensor, axis, extent);
  int64_t &bound = dims[-1 - extent];
  if (bound < 0)
    bound = tensor->shape[axis];
  if (bound == tensor->shape[axis])
    return MF_OK;
  return failTensor(name, "extent of axis %d: expected %lld, as '%s' is in an operand before, found %lld", axis,
                    (long long)bound, entry->dim_names[-1 - extent], (long long)tensor->shape[axis]);
}

mf_status Call::bindOperand(const TensorName &name, int32_t index, const DLTensor *tensor) {
  const mf_rt_tensor &operand = entry->operands[index];
  if (mf_status status = checkLayout(name, tensor, operand.rank, device))
    return status;
  onDevice[index] = isOnDevice(tensor);
  if (mf_status status = checkDtype(name, tensor, operand.dtype))
    return status;
  for (int32_t axis = 0; axis < operand.rank; ++axis)
    if (mf_status status = bindExtent(name, tensor, axis, operand.shape[axis]))
      return status;
  return tensorData(name, tensor, operands[index]);
}

static mf_status findEntry(const mf_rt_plan &plan, const char *name, int32_t &index) {
  for (index = 0; name && index < plan.entry_count; ++index)
    if (strcmp(plan.entries[index].name, name) == 0)
      return MF_OK;
  return fail(MF_UNSUPPORTED, "model '%s' has no entry '%s'; library_info lists its entries", plan.model_name,
              name ? name : "(null)");
}

static int32_t countRole(const mf_rt_entry &entry, int32_t role) {
  int32_t count = 0;
  for (int32_t i = 0; i < entry.operand_count; ++i)
    count += entry.operands[i].role == role;
  return count;
}

static mf_status checkCounts(const mf_rt_entry &entry, const DLTensor *const *inputs, int32_t inputCount,
                             DLTensor *const *outputs, int32_t outputCount) {
  if (countRole(entry, MF_RT_STATE) != 0)
    return fail(MF_UNSUPPORTED, "entry '%s' works on a session's sequences; use step", entry.name);
  int32_t expectedInputs = countRole(entry, MF_RT_INPUT), expectedOutputs = countRole(entry, MF_RT_OUTPUT);
  if (inputCount != expectedInputs || (inputCount && !inputs))
    return fail(MF_INVALID_ARGUMENT, "entry '%s': expected %d inputs, found %d%s", entry.name, expectedInputs,
                inputCount, inputs ? "" : " (null)");
  if (outputCount != expectedOutputs || (outputCount && !outputs))
    return fail(MF_INVALID_ARGUMENT, "entry '%s': expected %d outputs, found %d%s", entry.name, expectedOutputs,
                outputCount, outputs ? "" : " (null)");
  return MF_OK;
}

static mf_status bindOperands(Call &call, const DLTensor *const *inputs, DLTensor *const *outputs) {
  const mf_rt_entry &entry = *call.entry;
  for (int32_t i = 0, input = 0, output = 0; i < entry.operand_count; ++i) {
    bool isInput = entry.operands[i].role == MF_RT_INPUT;
    const DLTensor *tensor = isInput ? inputs[input++] : outputs[output++];
    char text[256];
    snprintf(text, sizeof(text), "entry '%s': %s %d ('%s')", entry.name, isInput ? "input" : "output",
             isInput ? input - 1 : output - 1, entry.operands[i].name);
    if (mf_status status = call.bindOperand({text, -1, ""}, i, tensor))
      return status;
  }
  return MF_OK;
}

static mf_status checkDims(const Call &call) {
  for (int32_t i = 0; i < call.entry->dim_count; ++i)
    if (call.dims[i] < 0)
      return fail(MF_UNSUPPORTED, "entry '%s': dimension '%s' is in no operand", call.entry->name,
                  call.entry->dim_names[i]);
  return MF_OK;
}

static mf_status runCall(mf_model &model, const mf_rt_code &code, const Call &call) {
  if (model.device)
    return runOnDevice(model, code,
                       {int32_t(call.entry - model.plan->entries), call.dims, call.operands, call.onDevice});
  Region workspace = {};
  if (mf_status status = takeWorkspace(model, code, call.dims, workspace))
    return status;
  mf_status status = runEntry(model, code, call.dims, call.operands, workspace.base);
  returnWorkspace(model, workspace);
  return status;
}

mf_status callEntry(mf_model *model, const char *name, const DLTensor *const *inputs, int32_t inputCount,
                    DLTensor *const *outputs, int32_t outputCount) {
  if (!model)
    return fail(MF_INVALID_ARGUMENT, "call: model: expected a model, found null");
  int32_t index = 0;
  if (mf_status status = findEntry(*model->plan, name, index))
    return status;
  const mf_rt_entry &entry = model->plan->entries[index];
  if (mf_status status = checkCounts(entry, inputs, inputCount, outputs, outputCount))
    return status;
  size_t dimBytes = sizeof(int64_t) * size_t(entry.dim_count);
  size_t operandBytes = sizeof(void *) * size_t(entry.operand_count);
  char *memory = static_cast<char *>(malloc(dimBytes + operandBytes + size_t(entry.operand_count) + 1));
  if (!memory)
    return fail(MF_OUT_OF_MEMORY, "entry '%s': out of memory", entry.name);
  Call call = {&entry, reinterpret_cast<int64_t *>(memory), reinterpret_cast<void **>(memory + dimBytes),
               reinterpret_cast<bool *>(memory + dimBytes + operandBytes), modelDevice(*model)};
  for (int32_t i = 0; i < entry.dim_count; ++i)
    call.dims[i] = -1;
  mf_status status = bindOperands(call, inputs, outputs);
  if (!status)
    status = checkDims(call);
  if (!status)
    status = runCall(*model, model->plan->variants[model->variant].code[index], call);
  free(memory);
  return status;
}

} // namespace mf::rt
