// A model library with a plan written by hand, for tests of the Python interface: the runtime's sources, compiled with
// this file, and two entry points.
//
//   step:  a language model of vocabulary 11 whose state is the token at each position. The logits of a token are
//          -|v - s mod 11| where s = sum over positions p of (p + 1) * token[p]: greedy draws s mod 11.
//   scale: y[r, c] = x[r, c] * factor[c], total[0] = number of rows.
#include "mf-c/model.h"
#include "mf/Runtime/Plan.h"

static constexpr int64_t vocabulary = 11;

namespace {
struct ScaleLoop {
  const float *x, *factor;
  float *y;
};
} // namespace

static void runStep(const mf_rt_frame *frame) {
  int64_t tokens = frame->dims[0], rows = frame->dims[1], positions = frame->dims[3];
  auto *token = static_cast<const int32_t *>(frame->operands[0]),
       *slot = static_cast<const int32_t *>(frame->operands[1]);
  auto *position = static_cast<const int32_t *>(frame->operands[2]),
       *row = static_cast<const int32_t *>(frame->operands[3]);
  auto *state = static_cast<float *>(frame->operands[4]), *logits = static_cast<float *>(frame->operands[5]);
  for (int64_t t = 0; t < tokens; ++t)
    state[slot[t] * positions + position[t]] = float(token[t]);
  for (int64_t r = 0; r < rows; ++r) {
    int64_t sum = 0, t = row[r];
    for (int64_t p = 0; p <= position[t]; ++p)
      sum += (p + 1) * int64_t(state[slot[t] * positions + p]);
    for (int64_t v = 0; v < vocabulary; ++v) {
      int64_t distance = v - sum % vocabulary;
      logits[r * vocabulary + v] = float(distance < 0 ? distance : -distance);
    }
  }
}

static void scaleRows(void *closure, int64_t begin, int64_t end, int64_t) {
  auto *loop = static_cast<ScaleLoop *>(closure);
  for (int64_t i = begin; i < end; ++i)
    for (int64_t c = 0; c < 3; ++c)
      loop->y[i * 3 + c] = loop->x[i * 3 + c] * loop->factor[c];
}

static void runScale(const mf_rt_frame *frame) {
  ScaleLoop loop = {static_cast<const float *>(frame->operands[0]), static_cast<const float *>(frame->operands[1]),
                    static_cast<float *>(frame->operands[2])};
  *static_cast<int64_t *>(frame->operands[3]) = frame->dims[0];
  mf_rt_parallel_for(frame, scaleRows, &loop, frame->dims[0]);
}

static int64_t noWorkspace(const mf_rt_frame *) { return 0; }

static constexpr mf_rt_dtype f32 = {kDLFloat, 32, 1}, i32 = {kDLInt, 32, 1}, i64 = {kDLInt, 64, 1};
static const int64_t tokenShape[] = {-1}, rowShape[] = {-2}, stateShape[] = {-3, -4}, logitShape[] = {-2, vocabulary};
static const int64_t matrixShape[] = {-1, 3}, factorShape[] = {3}, oneShape[] = {1};
static const char *const stepDims[] = {"tokens", "rows", "sequences", "positions"};
static const char *const scaleDims[] = {"rows"};
static const mf_rt_tensor stepOperands[] = {
    {"tokens", MF_RT_INPUT, i32, 1, 0, tokenShape},      {"slots", MF_RT_INPUT, i32, 1, 0, tokenShape},
    {"positions", MF_RT_INPUT, i32, 1, 0, tokenShape},   {"rows", MF_RT_INPUT, i32, 1, 0, rowShape},
    {"tokens_seen", MF_RT_STATE, f32, 2, 0, stateShape}, {"logits", MF_RT_OUTPUT, f32, 2, 0, logitShape}};
static const mf_rt_tensor scaleOperands[] = {{"x", MF_RT_INPUT, f32, 2, 0, matrixShape},
                                             {"factor", MF_RT_INPUT, f32, 1, 0, factorShape},
                                             {"y", MF_RT_OUTPUT, f32, 2, 0, matrixShape},
                                             {"total", MF_RT_OUTPUT, i64, 1, 0, oneShape}};
static const mf_rt_entry entries[] = {{"step", 4, 6, stepDims, stepOperands},
                                      {"scale", 1, 4, scaleDims, scaleOperands}};
static const mf_rt_code code[] = {{runStep, noWorkspace}, {runScale, noWorkspace}};
static const mf_rt_variant variants[] = {{"plain", 0, code}};
static const mf_rt_language_model languageModel = {0, vocabulary, 16, 0};

extern "C" const mf_rt_plan mf_rt_library_plan = {
    MF_RT_PLAN_VERSION,
    2,
    1,
    0,
    "fake",
    R"({"name": "fake", "variants": ["plain"], "limits": {"vocabulary": 11, "max_positions": 16}, "entries": [
        {"name": "scale", "operands": [
          {"name": "x", "role": "input", "dtype": "f32", "shape": ["rows", 3]},
          {"name": "factor", "role": "input", "dtype": "f32", "shape": [3]},
          {"name": "y", "role": "output", "dtype": "f32", "shape": ["rows", 3]},
          {"name": "total", "role": "output", "dtype": "i64", "shape": [1]}]}]})",
    0,
    nullptr,
    0,
    entries,
    variants,
    &languageModel};

extern "C" __attribute__((visibility("default"))) const mf_api *mf_model_api(int32_t version) {
  return mf_rt_api(version);
}
