// Opening and closing of models.
#include "Model.h"

#include "CPUFeatures.h"
#include "Error.h"
#include "FloatEnvironment.h"

#include <stdlib.h>

namespace mf::rt {

static mf_status fillModel(const mf_open_options &options, mf_model &model) {
  const mf_rt_plan &plan = mf_rt_library_plan;
  if (plan.version != MF_RT_PLAN_VERSION)
    return fail(MF_UNSUPPORTED, "library plan: expected version %d, found %d", MF_RT_PLAN_VERSION, plan.version);
  int32_t loadMode = numberOf(options.load_mode);
  if (loadMode != MF_LOAD_MAP && loadMode != MF_LOAD_COPY)
    return fail(MF_INVALID_ARGUMENT, "load_mode: expected %d (map) or %d (copy), found %d", MF_LOAD_MAP, MF_LOAD_COPY,
                loadMode);
  model.plan = &plan;
  if (mf_status status = selectVariant(plan, options.variant, cpuFeatures(), model.variant))
    return status;
  if (mf_status status = createPool(options.threads, options.parallel_for, model.pool))
    return status;
  if (mf_status status = loadParameters(plan, options.parameters_path, options.load_mode, model.pool, model.parameters))
    return status;
  return options.verify ? verifyParameters(model.parameters, model.pool) : MF_OK;
}

static void destroyModel(mf_model *model) {
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
  return {dims, operands, model.parameters.data, workspace, poolWorkers(model.pool), model.pool, nullptr};
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

static mf_status getWorkspaceBytes(const mf_model &model, const mf_rt_code &code, const int64_t *dims,
                                   uint64_t &bytes) {
  mf_rt_frame frame = makeFrame(model, dims, nullptr, nullptr);
  int64_t asked = code.workspace ? code.workspace(&frame) : 0;
  if (asked < 0)
    return fail(MF_OUT_OF_MEMORY, "workspace: its size overflows 64 bits");
  bytes = uint64_t(asked);
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

} // namespace mf::rt
