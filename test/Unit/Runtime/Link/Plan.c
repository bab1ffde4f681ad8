/* A library's plan by hand: no parameters, one entry "double": y[n] = 2 x[n]. */
#include "mf/Runtime/Plan.h"
#include "mf-c/model.h"

#define MF_EXPORT __attribute__((visibility("default")))

static void scaleRange(void *closure, int64_t begin, int64_t end, int64_t worker) {
  const mf_rt_frame *frame = closure;
  (void)worker;
  for (int64_t i = begin; i < end; ++i)
    ((float *)frame->operands[1])[i] = 2 * ((const float *)frame->operands[0])[i];
}

static void runDouble(const mf_rt_frame *frame) {
  mf_rt_parallel_for(frame, scaleRange, (void *)frame, frame->dims[0]);
}

static const int64_t shape[] = {-1};
static const char *const dims[] = {"n"};
static const mf_rt_tensor operands[] = {{"x", MF_RT_INPUT, {kDLFloat, 32, 1}, 1, 0, shape},
                                        {"y", MF_RT_OUTPUT, {kDLFloat, 32, 1}, 1, 0, shape}};
static const mf_rt_entry entries[] = {{"double", 1, 2, dims, operands}};
static const mf_rt_code code[] = {{runDouble, 0}};
static const mf_rt_variant variants[] = {{"base", 0, code}};

const mf_rt_plan mf_rt_library_plan = {
    .version = MF_RT_PLAN_VERSION,
    .entry_count = 1,
    .variant_count = 1,
    .model_name = "double",
    .info_json = "{\"name\": \"double\"}",
    .entries = entries,
    .variants = variants,
};

MF_EXPORT const mf_api *mf_model_api(int32_t version);
const mf_api *mf_model_api(int32_t version) { return mf_rt_api(version); }
