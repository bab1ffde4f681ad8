/* call_rows LIBRARY ENTRY ROWS FEATURES INPUT OUTPUTS...: calls an entry that takes one f32 [ROWS, FEATURES], read from
 * the file INPUT, and writes its outputs of 4-byte elements to files: OUTPUTS are triples of a type (f or i), the
 * columns and the file. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "mf-c/model.h"

enum { mostOutputs = 4 };

static int move(const char *path, const char *mode, void *data, size_t bytes) {
  FILE *file = fopen(path, mode);
  size_t moved = file ? mode[0] == 'r' ? fread(data, 1, bytes, file) : fwrite(data, 1, bytes, file) : 0;
  return !file || fclose(file) || moved != bytes;
}

int main(int argc, char **argv) {
  int count = (argc - 6) / 3;
  if (argc < 9 || count > mostOutputs)
    return 2;
  void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  mf_model_api_function get = library ? (mf_model_api_function)dlsym(library, "mf_model_api") : NULL;
  const mf_api *api = get ? get(MF_ABI_VERSION) : NULL;
  if (!api) {
    fprintf(stderr, "%s\n", library ? "no interface" : dlerror());
    return 1;
  }
  int64_t shape[2] = {atoll(argv[3]), atoll(argv[4])}, shapes[mostOutputs][2];
  size_t bytes = (size_t)(shape[0] * shape[1]) * 4;
  DLTensor input = {malloc(bytes), {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, shape, NULL, 0}, outputs[mostOutputs];
  const DLTensor *inputs[] = {&input};
  DLTensor *pointers[mostOutputs];
  if (move(argv[5], "rb", input.data, bytes))
    return 3;
  for (int i = 0; i < count; ++i) {
    char **words = argv + 6 + 3 * i;
    shapes[i][0] = shape[0];
    shapes[i][1] = atoll(words[1]);
    DLDataType type = {words[0][0] == 'f' ? kDLFloat : kDLInt, 32, 1};
    outputs[i] = (DLTensor){malloc((size_t)(shape[0] * shapes[i][1]) * 4), {kDLCPU, 0}, 2, type, shapes[i], NULL, 0};
    pointers[i] = &outputs[i];
  }
  mf_model *model;
  if (api->model_open(NULL, &model) || api->call(model, argv[2], inputs, 1, pointers, count)) {
    fprintf(stderr, "%s\n", api->last_error());
    return 1;
  }
  for (int i = 0; i < count; ++i)
    if (move(argv[8 + 3 * i], "wb", outputs[i].data, (size_t)(shape[0] * shapes[i][1]) * 4))
      return 3;
  api->model_close(model);
  return 0;
}
