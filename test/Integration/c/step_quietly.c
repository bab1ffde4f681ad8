/* Steps a session in every way with count_allocations preloaded and prints how many calls for memory there were:
 * step_quietly MODEL.so VOCABULARY */
#include "mf-c/model.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

enum { prompt_length = 40, decoded = 8 };

static const mf_api *api;
static int32_t tokens[prompt_length];
static float *rows;
static int64_t row_shape[2];

static int feed(mf_session *session, int32_t first, int32_t second, int64_t length) {
  DLTensor ids = {tokens, {kDLCPU, 0}, 1, {kDLInt, 32, 1}, &length, NULL, 0};
  DLTensor logits = {rows, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, row_shape, NULL, 0};
  mf_feed feeds[2] = {{first, &ids, MF_LOGITS_LAST}, {second, &ids, MF_LOGITS_LAST}};
  row_shape[0] = 2;
  return api->step(session, feeds, 2, &logits);
}

/* Everything a session does after its creation. */
static int work(mf_session *session) {
  mf_sampling sampling = {sizeof(sampling), 1.0f, 40, 0.9f, 7, 0};
  DLTensor row = {rows, {kDLCPU, 0}, 1, {kDLFloat, 32, 1}, row_shape + 1, NULL, 0};
  int64_t batch[2] = {2, 5}, shape[3] = {2, 5, row_shape[1]};
  DLTensor ids = {tokens, {kDLCPU, 0}, 2, {kDLInt, 32, 1}, batch, NULL, 0};
  DLTensor logits = {rows, {kDLCPU, 0}, 3, {kDLFloat, 32, 1}, shape, NULL, 0};
  int32_t first, second;
  int bad = api->sequence_add(session, &first) || api->sequence_add(session, &second);
  bad = bad || feed(session, first, second, prompt_length);
  for (int i = 0; i < decoded && !bad; ++i)
    bad = feed(session, first, second, 1) || api->sample(session, &row, &sampling, tokens);
  bad = bad || api->sequence_remove(session, second) || api->sequence_fork(session, first, 7, &second);
  bad = bad || api->sequence_truncate(session, first, 3) || feed(session, first, second, 2);
  return bad || api->forward(session, &ids, &logits);
}

int main(int argc, char **argv) {
  long (*count)(void);
  *(void **)&count = dlsym(RTLD_DEFAULT, "allocation_count");
  void *library = argc == 3 ? dlopen(argv[1], RTLD_NOW) : NULL;
  mf_model_api_function get = library ? (mf_model_api_function)dlsym(library, "mf_model_api") : NULL;
  if (!count || !get || !(api = get(MF_ABI_VERSION)))
    return fprintf(stderr, "usage: LD_PRELOAD=count_allocations.so step_quietly MODEL.so VOCABULARY\n"), 1;
  row_shape[1] = atoi(argv[2]);
  rows = malloc(sizeof(float) * 10 * (size_t)row_shape[1]);
  mf_model *model;
  mf_session *session;
  mf_open_options open = {.size = sizeof(open), .threads = 3};
  mf_session_options options = {sizeof(options), 4, 16, 64};
  if (!rows || api->model_open(&open, &model) || api->session_create(model, &options, &session))
    return fprintf(stderr, "%s\n", api->last_error()), 1;
  long before = count();
  int bad = work(session);
  long after = count();
  if (bad)
    return fprintf(stderr, "%s\n", api->last_error()), 1;
  printf("%ld\n", after - before);
  api->session_destroy(session);
  api->model_close(model);
  return 0;
}
