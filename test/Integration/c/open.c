/* Continues a prompt greedily with a model library opened at run time: open MODEL.so COUNT TOKEN... */
#include "mf-c/model.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the file's other parts share. */
static const mf_api *api;

static int fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, api ? api->last_error() : "no model library");
  return 1;
}

/* The number after "vocabulary" in the library's information. */
static int64_t find_vocabulary(void) {
  const char *place = strstr(api->library_info(), "\"vocabulary\"");
  return place ? strtoll(strchr(place, ':') + 1, NULL, 10) : 0;
}

static int generate(mf_session *session, int32_t *prompt, int64_t length, int count) {
  int64_t shape[2] = {1, find_vocabulary()};
  float *row = malloc(sizeof(float) * (size_t)shape[1]);
  int32_t sequence;
  if (!row || api->sequence_add(session, &sequence))
    return fail("sequence_add");
  DLTensor ids = {prompt, {kDLCPU, 0}, 1, {kDLInt, 32, 1}, &length, NULL, 0};
  DLTensor logits = {row, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, shape, NULL, 0};
  DLTensor vector = {row, {kDLCPU, 0}, 1, {kDLFloat, 32, 1}, shape + 1, NULL, 0};
  for (; count > 0; --count) {
    mf_feed feed = {sequence, &ids, MF_LOGITS_LAST};
    if (api->step(session, &feed, 1, &logits) || api->sample(session, &vector, NULL, prompt))
      return fail("step");
    printf("%d%c", prompt[0], count > 1 ? ',' : '\n');
    length = 1;
  }
  free(row);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 4)
    return fail("usage: open MODEL.so COUNT TOKEN...");
  void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return fprintf(stderr, "%s\n", dlerror()), 1;
  mf_model_api_function get = (mf_model_api_function)dlsym(library, "mf_model_api");
  api = get ? get(MF_ABI_VERSION) : NULL;
  mf_model *model;
  mf_session *session;
  if (!api || api->model_open(NULL, &model))
    return fail("model_open");
  if (api->session_create(model, NULL, &session))
    return fail("session_create");
  int32_t prompt[256];
  int64_t length = 0;
  for (; length < argc - 3 && length < 256; ++length)
    prompt[length] = atoi(argv[3 + length]);
  int result = generate(session, prompt, length, atoi(argv[2]));
  api->session_destroy(session);
  api->model_close(model);
  return result;
}
