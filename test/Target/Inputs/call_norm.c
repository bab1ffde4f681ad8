/* call_norm library: opens a library of norm.mlir and checks its numbers: x / rms(x) * 2. */
#include "plain.h"
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>

int main(int argc, char **argv) {
  void *library = dlopen(argv[argc - 1], RTLD_NOW | RTLD_LOCAL);
  mf_model_api_function get = library ? (mf_model_api_function)dlsym(library, "mf_model_api") : NULL;
  const mf_api *api = get ? get(MF_ABI_VERSION) : NULL;
  if (!api || get(MF_ABI_VERSION + 1)) {
    fprintf(stderr, "%s\n", library ? "no interface" : dlerror());
    return 1;
  }
  float x[3 * 8], y[3 * 8];
  int64_t shape[] = {3, 8};
  for (int i = 0; i < 24; ++i)
    x[i] = (float)(i - 5);
  DLTensor input = {x, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, shape, NULL, 0};
  DLTensor output = {y, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, shape, NULL, 0};
  const DLTensor *inputs[] = {&input};
  DLTensor *outputs[] = {&output};
  mf_model *model;
  if (api->model_open(NULL, &model) || api->call(model, "norm", inputs, 1, outputs, 1)) {
    fprintf(stderr, "%s\n", api->last_error());
    return 1;
  }
  for (int row = 0; row < 3; ++row) {
    double squares = 0;
    for (int i = 0; i < 8; ++i)
      squares += (double)x[8 * row + i] * x[8 * row + i] / 8;
    for (int i = 0; i < 8; ++i)
      if (!(fabs(y[8 * row + i] - 2 * x[8 * row + i] / sqrt(squares)) < 1e-5)) {
        fprintf(stderr, "row %d, column %d: %g\n", row, i, y[8 * row + i]);
        return 1;
      }
  }
  api->model_close(model);
  puts("ok");
  return 0;
}
