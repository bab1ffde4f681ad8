/* Two models in one process, eight sessions in eight threads at once, each of which must generate what it does alone:
 * threads A.so B.so. Meant to be built, as the libraries are, with a sanitizer. */
#include "mf-c/model.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { thread_count = 8, prompt_length = 9, generated = 24 };

typedef struct job {
  const mf_api *api;
  mf_model *model;
  int64_t vocabulary;
  int32_t number;
  int32_t tokens[generated];
  int failed;
} job;

static int generate(job *job, mf_session *session, float *row) {
  const mf_api *api = job->api;
  int32_t prompt[prompt_length], sequence;
  for (int32_t i = 0; i < prompt_length; ++i)
    prompt[i] = (int32_t)((job->number * 31 + i * 17 + 1) % job->vocabulary);
  int64_t length = prompt_length, shape[2] = {1, job->vocabulary};
  DLTensor ids = {prompt, {kDLCPU, 0}, 1, {kDLInt, 32, 1}, &length, NULL, 0};
  DLTensor logits = {row, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, shape, NULL, 0};
  DLTensor vector = {row, {kDLCPU, 0}, 1, {kDLFloat, 32, 1}, shape + 1, NULL, 0};
  if (api->sequence_add(session, &sequence))
    return 1;
  for (int i = 0; i < generated; ++i) {
    mf_feed feed = {sequence, &ids, MF_LOGITS_LAST};
    if (api->step(session, &feed, 1, &logits) || api->sample(session, &vector, NULL, prompt))
      return 1;
    job->tokens[i] = prompt[0];
    length = 1;
  }
  return 0;
}

static void *run(void *argument) {
  job *job = argument;
  mf_session *session = NULL;
  float *row = malloc(sizeof(float) * (size_t)job->vocabulary);
  job->failed = !row || job->api->session_create(job->model, NULL, &session) || generate(job, session, row);
  if (job->failed)
    fprintf(stderr, "job %d: %s\n", job->number, job->api->last_error());
  job->api->session_destroy(session);
  free(row);
  return NULL;
}

static int open_model(const char *path, job *job) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  mf_model_api_function get = library ? (mf_model_api_function)dlsym(library, "mf_model_api") : NULL;
  job->api = get ? get(MF_ABI_VERSION) : NULL;
  if (!job->api)
    return fprintf(stderr, "%s: no model library: %s\n", path, dlerror()), 1;
  const char *place = strstr(job->api->library_info(), "\"vocabulary\"");
  job->vocabulary = place ? strtoll(strchr(place, ':') + 1, NULL, 10) : 0;
  mf_open_options options = {.size = sizeof(options), .threads = 3};
  return job->api->model_open(&options, &job->model) || job->vocabulary == 0;
}

int main(int argc, char **argv) {
  job models[2] = {{0}}, alone[thread_count], together[thread_count];
  pthread_t threads[thread_count];
  if (argc != 3 || open_model(argv[1], &models[0]) || open_model(argv[2], &models[1]))
    return fprintf(stderr, "usage: threads A.so B.so\n"), 1;
  for (int32_t i = 0; i < thread_count; ++i) {
    alone[i] = models[i % 2];
    alone[i].number = i;
    together[i] = alone[i];
    run(&alone[i]);
  }
  for (int i = 0; i < thread_count; ++i)
    if (pthread_create(&threads[i], NULL, run, &together[i]))
      return fprintf(stderr, "no thread\n"), 1;
  int failed = 0;
  for (int i = 0; i < thread_count; ++i) {
    pthread_join(threads[i], NULL);
    failed |= alone[i].failed | together[i].failed;
    failed |= memcmp(alone[i].tokens, together[i].tokens, sizeof(alone[i].tokens)) != 0;
  }
  for (int i = 0; i < 2; ++i)
    models[i].api->model_close(models[i].model);
  printf("%s\n", failed ? "different" : "equal");
  return failed;
}
