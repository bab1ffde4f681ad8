/* Opens a model library at run time and calls its entry "double"; exit status 0 when all was right. */
#include "mf-c/model.h"

#include <dlfcn.h>
#include <stdio.h>

static int expect(int condition, const char *what, const mf_api *api) {
  if (!condition)
    fprintf(stderr, "%s: %s\n", what, api ? api->last_error() : dlerror());
  return condition;
}

int main(int argc, char **argv) {
  void *library = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW | RTLD_LOCAL);
  if (!expect(library != NULL, "dlopen", NULL))
    return 1;
  mf_model_api_function function = (mf_model_api_function)dlsym(library, "mf_model_api");
  if (!expect(function != NULL, "dlsym", NULL))
    return 1;
  const mf_api *api = function(MF_ABI_VERSION);
  mf_open_options options = {.size = sizeof(options), .threads = 3};
  mf_model *model = NULL;
  if (!expect(api->model_open(&options, &model) == MF_OK, "model_open", api))
    return 1;
  float x[100], y[100];
  int64_t shape[] = {100};
  for (int i = 0; i < 100; ++i)
    x[i] = (float)i;
  DLTensor input = {x, {kDLCPU, 0}, 1, {kDLFloat, 32, 1}, shape, NULL, 0}, output = input;
  output.data = y;
  const DLTensor *inputs[] = {&input};
  DLTensor *outputs[] = {&output};
  if (!expect(api->call(model, "double", inputs, 1, outputs, 1) == MF_OK, "call", api))
    return 1;
  for (int i = 0; i < 100; ++i)
    if (!expect(y[i] == 2 * x[i], "wrong value", api))
      return 1;
  const char *json = NULL;
  if (!expect(api->model_info(model, &json) == MF_OK, "model_info", api))
    return 1;
  puts(json);
  api->model_close(model);
  return dlclose(library);
}
