// What a library is and how it was opened: the plan's JSON object with a member "runtime".
#include "CPUFeatures.h"
#include "Error.h"
#include "Model.h"
#include "Text.h"

#include <stdlib.h>

/// A text given out by model_info. It stays until the model goes, because callers may still read it.
struct mf_rt_info {
  mf_rt_info *older;
  char *text;
};

namespace mf::rt {

static void appendVariants(Text &json, const mf_model &model) {
  const mf_rt_plan &plan = *model.plan;
  uint64_t features = cpuFeatures();
  json.append("\"variants\": [");
  for (int32_t i = 0; i < plan.variant_count; ++i) {
    const mf_rt_variant &variant = plan.variants[i];
    uint64_t missing = variant.features & ~features;
    // On a device only the one that was chosen for it runs.
    bool runs = !missing && (model.device || variant.cuda ? i == model.variant : true);
    char names[512];
    featureNames(missing, names, sizeof(names));
    json.append(i ? ", {\"name\": " : "{\"name\": ");
    json.appendString(variant.name);
    json.appendFormat(", \"runs\": %s, \"missing\": ", runs ? "true" : "false");
    json.appendString(missing || !variant.cuda || model.device ? names : "a CUDA device");
    json.append("}");
  }
  json.append("]");
}

static void appendParameters(Text &json, const Parameters &parameters) {
  const mf_mfp_header *header = parameters.header;
  if (!header) {
    json.append("\"parameters\": null");
    return;
  }
  json.appendFormat("\"load_mode\": \"%s\", \"parameters\": {\"path\": ", parameters.mode == MF_LOAD_COPY ? "copy"
                                                                          : parameters.embedded           ? "embedded"
                                                                                                          : "map");
  if (parameters.embedded)
    json.append("null");
  else
    json.appendString(parameters.path);
  json.appendFormat(", \"embedded\": %s, \"digest\": \"%016llx\", \"bytes\": %llu, \"huge_page_bytes\": %llu}",
                    parameters.embedded ? "true" : "false", (unsigned long long)header->header_digest,
                    (unsigned long long)header->file_bytes,
                    (unsigned long long)hugePageBytes(parameters.base, header->file_bytes));
}

static void appendRuntime(Text &json, mf_model &model) {
  json.appendFormat("\"runtime\": {\"abi_version\": %d, \"variant\": ", MF_ABI_VERSION);
  json.appendString(model.plan->variants[model.variant].name);
  json.append(", ");
  appendVariants(json, model);
  json.appendFormat(", \"threads\": %d, \"parallel_for\": \"%s\", ", poolWorkers(model.pool),
                    poolIsHosts(model.pool) ? "host" : "own");
  appendParameters(json, model.parameters);
  model.gpu.describe(json);
  if (model.device) {
    json.appendFormat(", \"device\": {\"kind\": \"cuda\", \"number\": %d, ", model.backend->ordinal(*model.device));
    model.backend->describe(*model.device, json);
    json.append("}");
  }
  json.append("}");
}

/// Appends the plan's object up to its closing brace, and a comma where it has members.
static void appendOpenObject(Text &json, const char *object) {
  const char *end = strrchr(object, '}');
  const char *start = strchr(object, '{');
  if (!start || !end) {
    json.append("{");
    return;
  }
  json.append(object, size_t(end - object));
  if (start + 1 + strspn(start + 1, " \t\r\n") != end)
    json.append(", ");
}

/// Makes a text the newest one, unless it says what the newest says.
static mf_status publish(mf_model &model, char *text, const char **json) {
  if (model.infos && strcmp(model.infos->text, text) == 0) {
    free(text);
    *json = model.infos->text;
    return MF_OK;
  }
  mf_rt_info *info = static_cast<mf_rt_info *>(malloc(sizeof(mf_rt_info)));
  if (!info) {
    free(text);
    return fail(MF_OUT_OF_MEMORY, "model_info: out of memory");
  }
  *info = {model.infos, text};
  model.infos = info;
  *json = text;
  return MF_OK;
}

mf_status describeModel(mf_model *model, const char **json) {
  if (!model || !json)
    return fail(MF_INVALID_ARGUMENT, "model_info: %s: expected a pointer, found null", model ? "json" : "model");
  Text text = {};
  appendOpenObject(text, model->plan->info_json);
  appendRuntime(text, *model);
  text.append("}");
  if (text.failed) {
    free(text.data);
    return fail(MF_OUT_OF_MEMORY, "model_info: out of memory");
  }
  pthread_mutex_lock(&model->infoLock);
  mf_status status = publish(*model, text.data, json);
  pthread_mutex_unlock(&model->infoLock);
  return status;
}

void freeInfos(mf_model *model) {
  while (mf_rt_info *info = model->infos) {
    model->infos = info->older;
    free(info->text);
    free(info);
  }
}

} // namespace mf::rt
