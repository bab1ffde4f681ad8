// Opening and closing of models.
#include "Model.h"

#include "CPUFeatures.h"
#include "Checked.h"
#include "Error.h"
#include "FloatEnvironment.h"
#include "Tensor.h"

#include <stdlib.h>

namespace mf::rt {

/// The name of a variant that runs kernels of GPUs on host threads.
static const char *chooseHostVariant(const mf_rt_plan &plan, const char *name) {
  static const char usual[] = "gpu-host";
  for (int32_t i = 0; i < plan.variant_count; ++i)
    if (strcmp(plan.variants[i].name, name ? name : usual) == 0 && strncmp(name ? name : usual, usual, 8) == 0)
      return plan.variants[i].name;
  return nullptr;
}

/// Chooses what runs the model: a variant, and, where it is none for the CPU, its device.
static mf_status chooseDevice(const mf_open_options &options, mf_model &model) {
  const mf_rt_plan &plan = *model.plan;
  const char *device = options.device ? options.device : "cpu", *variant = options.variant;
  int32_t ordinal;
  if (parseCudaDevice(device, ordinal)) {
    if (!plan.cuda)
      return fail(MF_UNSUPPORTED,
                  "model '%s' has no code for CUDA devices: compile it with mf-compile --gpu-arch=sm_80,sm_90a",
                  plan.model_name);
    model.backend = plan.cuda;
    return plan.cuda->open(plan, ordinal, variant, model.device, model.variant);
  }
  if (strcmp(device, "gpu-host") == 0) {
    const char *found = chooseHostVariant(plan, variant);
    if (!found)
      return fail(MF_UNSUPPORTED,
                  "model '%s' has no variant '%s' for the device gpu-host: compile it with mf-compile "
                  "--gpu-host",
                  plan.model_name, variant ? variant : "gpu-host");
    variant = found;
  } else if (strcmp(device, "cpu") != 0) {
    return fail(MF_INVALID_ARGUMENT, "device: expected cpu, gpu-host or cuda:N, found '%s'", device);
  }
  return selectVariant(plan, variant, cpuFeatures(), model.variant);
}

static mf_status fillModel(const mf_open_options &options, mf_model &model) {
  const mf_rt_plan &plan = mf_rt_library_plan;
  if (plan.version != MF_RT_PLAN_VERSION)
    return fail(MF_UNSUPPORTED, "library plan: expected version %d, found %d", MF_RT_PLAN_VERSION, plan.version);
  int32_t loadMode = numberOf(options.load_mode);
  if (loadMode != MF_LOAD_MAP && loadMode != MF_LOAD_COPY)
    return fail(MF_INVALID_ARGUMENT, "load_mode: expected %d (map) or %d (copy), found %d", MF_LOAD_MAP, MF_LOAD_COPY,
                loadMode);
  if (options.progress && !options.progress->report)
    return fail(MF_INVALID_ARGUMENT, "progress: report: expected a function, found null");
  model.plan = &plan;
  if (mf_status status = chooseDevice(options, model))
    return status;
  if (mf_status status = createPool(options.threads, options.parallel_for, model.pool))
    return status;
  // A device gets them straight from the file.
  mf_load_mode mode = model.device ? MF_LOAD_MAP : options.load_mode;
  if (mf_status status = loadParameters(plan, options.parameters_path, mode, model.pool, model.parameters))
    return status;
  if (options.verify)
    if (mf_status status = verifyParameters(model.parameters, model.pool))
      return status;
  return model.device ? model.backend->upload(*model.device, model.parameters, options.progress) : MF_OK;
}

static void destroyModel(mf_model *model) {
  if (model->spareLane)
    model->backend->destroyLane(model->spareLane);
  if (model->device)
    model->backend->close(model->device);
  destroyPool(model->pool);
  releaseParameters(model->parameters);
  freeInfos(model);
  unmap(model->spare);
  model->gpu.release();
  pthread_mutex_destroy(&model->spareLock);
  pthread_mutex_destroy(&model->infoLock);
  free(model);
}

mf_status openModel(const mf_open_options *given, mf_model **result) {
  if (!result)
    return fail(MF_INVALID_ARGUMENT, "model_open: model: expected a pointer, found null");
  *result = nullptr;
  mf_open_options options = {};
  if (!copyOptions(given, options))
    return fail(MF_INVALID_ARGUMENT, "model_open: options.size: expected %zu, found %zu", sizeof(options), given->size);
  mf_model *model = static_cast<mf_model *>(calloc(1, sizeof(mf_model)));
  if (!model)
    return fail(MF_OUT_OF_MEMORY, "model_open: out of memory");
  model->references = 1;
  pthread_mutex_init(&model->spareLock, nullptr);
  pthread_mutex_init(&model->infoLock, nullptr);
  model->gpu.init();
  if (mf_status status = fillModel(options, *model)) {
    destroyModel(model);
    return status;
  }
  *result = model;
  return MF_OK;
}

int32_t modelDevice(const mf_model &model) { return model.device ? model.backend->ordinal(*model.device) : noDevice; }

void retainModel(mf_model *model) { __atomic_fetch_add(&model->references, 1, __ATOMIC_RELAXED); }

void closeModel(mf_model *model) {
  if (model && __atomic_sub_fetch(&model->references, 1, __ATOMIC_ACQ_REL) == 0)
    destroyModel(model);
}

mf_status verifyParameterFile(const char *path) {
  mf_rt_pool *pool = nullptr;
  if (mf_status status = createPool(0, nullptr, pool))
    return status;
  Parameters parameters = {};
  mf_status status = loadParameters(mf_rt_library_plan, path, MF_LOAD_MAP, pool, parameters);
  if (!status)
    status = verifyParameters(parameters, pool);
  releaseParameters(parameters);
  destroyPool(pool);
  return status;
}

static mf_rt_frame makeFrame(const mf_model &model, const int64_t *dims, void *const *operands, void *workspace) {
  return {dims, operands, model.parameters.data, workspace, poolWorkers(model.pool), model.pool, nullptr, nullptr};
}

mf_status runEntry(mf_model &model, const mf_rt_code &code, const int64_t *dims, void *const *operands,
                   void *workspace) {
  mf_rt_gpu_call gpu;
  gpu.record = &model.gpu;
  gpu.failed = 0;
  mf_rt_frame frame = makeFrame(model, dims, operands, workspace);
  frame.gpu = &gpu;
  {
    DefaultFloatEnvironment environment;
    code.run(&frame);
  }
  return gpu.failed ? fail(MF_DEVICE_ERROR, "%s", gpu.error) : MF_OK;
}

mf_status getWorkspaceBytes(const mf_model &model, const mf_rt_code &code, const int64_t *dims, uint64_t &bytes) {
  mf_rt_frame frame = makeFrame(model, dims, nullptr, nullptr);
  int64_t asked = code.workspace ? code.workspace(&frame) : 0;
  if (asked < 0)
    return fail(MF_OUT_OF_MEMORY, "workspace: its size overflows 64 bits");
  bytes = uint64_t(asked);
  return MF_OK;
}

mf_status getOperandBytes(const mf_rt_entry &entry, const int64_t *dims, uint64_t &bytes) {
  bytes = 0;
  for (int32_t i = 0; i < entry.operand_count; ++i) {
    uint64_t own;
    if (entry.operands[i].role == MF_RT_STATE)
      continue;
    if (!operandBytes(entry.operands[i], dims, own) || !roundUp(own, 256) || !add(bytes, own))
      return fail(MF_OUT_OF_MEMORY, "entry '%s': the size of its operands overflows 64 bits", entry.name);
  }
  return MF_OK;
}

mf_status mapWorkspace(const mf_model &model, const mf_rt_code &code, const int64_t *dims, Region &workspace) {
  uint64_t bytes = 0;
  if (mf_status status = getWorkspaceBytes(model, code, dims, bytes))
    return status;
  return mapAnonymous(bytes, "workspace", workspace);
}

/// Puts `region` in the place of the spare workspace, and that in its place.
static void exchangeSpare(mf_model &model, Region &region) {
  pthread_mutex_lock(&model.spareLock);
  Region spare = model.spare;
  model.spare = region;
  pthread_mutex_unlock(&model.spareLock);
  region = spare;
}

mf_status takeWorkspace(mf_model &model, const mf_rt_code &code, const int64_t *dims, Region &workspace) {
  uint64_t bytes = 0;
  workspace = {};
  if (mf_status status = getWorkspaceBytes(model, code, dims, bytes))
    return status;
  if (bytes == 0)
    return MF_OK;
  exchangeSpare(model, workspace);
  if (workspace.bytes >= bytes)
    return MF_OK;
  unmap(workspace);
  return mapAnonymous(bytes, "workspace", workspace);
}

void returnWorkspace(mf_model &model, Region &workspace) {
  if (!workspace.base)
    return;
  pthread_mutex_lock(&model.spareLock);
  if (model.spare.bytes < workspace.bytes) {
    Region spare = model.spare;
    model.spare = workspace;
    workspace = spare;
  }
  pthread_mutex_unlock(&model.spareLock);
  unmap(workspace);
}

/// Puts `lane` in the place of the spare one, and that in its place.
static void exchangeLane(mf_model &model, Lane *&lane) {
  pthread_mutex_lock(&model.spareLock);
  Lane *spare = model.spareLane;
  model.spareLane = lane;
  pthread_mutex_unlock(&model.spareLock);
  lane = spare;
}

mf_status runOnDevice(mf_model &model, const mf_rt_code &code, const EntryCall &call) {
  LaneSizes sizes = {};
  if (mf_status status = getWorkspaceBytes(model, code, call.dims, sizes.workspace))
    return status;
  if (mf_status status = getOperandBytes(model.plan->entries[call.index], call.dims, sizes.operands))
    return status;
  Lane *lane = nullptr;
  exchangeLane(model, lane);
  if (!lane)
    if (mf_status status = model.backend->createLane(*model.device, lane))
      return status;
  mf_status status = model.backend->reserve(*lane, sizes);
  if (!status)
    status = model.backend->run(*lane, call);
  exchangeLane(model, lane);
  if (lane)
    model.backend->destroyLane(lane);
  return status;
}

} // namespace mf::rt
