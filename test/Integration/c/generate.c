/* Continues a prompt greedily: linked with a compiled model, through its generated header. */
#include "lm.h"

#include <stdio.h>
#include <stdlib.h>

enum { vocabulary = 512 }; /* as the header's comment says */

int main(int argc, char **argv) {
  const mf_api *api = mf_lm_api(MF_ABI_VERSION);
  mf_model *model;
  mf_session *session;
  int32_t sequence, token;
  if (!api || argc != 3 || api->model_open(NULL, &model) || api->session_create(model, NULL, &session) ||
      api->sequence_add(session, &sequence))
    return fprintf(stderr, "usage: generate TOKEN COUNT; %s\n", api ? api->last_error() : "wrong version"), 1;
  token = atoi(argv[1]);
  static float row[vocabulary];
  int64_t one = 1, shape[2] = {1, vocabulary};
  DLTensor ids = {&token, {kDLCPU, 0}, 1, {kDLInt, 32, 1}, &one, NULL, 0};
  DLTensor logits = {row, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, shape, NULL, 0};
  DLTensor vector = {row, {kDLCPU, 0}, 1, {kDLFloat, 32, 1}, shape + 1, NULL, 0};
  for (int left = atoi(argv[2]); left > 0; --left) {
    mf_feed feed = {sequence, &ids, MF_LOGITS_LAST};
    if (api->step(session, &feed, 1, &logits) || api->sample(session, &vector, NULL, &token))
      return fprintf(stderr, "%s\n", api->last_error()), 1;
    printf("%d%c", token, left > 1 ? ',' : '\n');
  }
  api->session_destroy(session);
  api->model_close(model);
  return 0;
}
