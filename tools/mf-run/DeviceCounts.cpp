// What kernels of GPUs did on host threads.
#include "Run.h"

#include "llvm/Support/FormatVariadic.h"

using namespace llvm;
using namespace mf::run;

Error mf::run::printCounts(const Model &model, raw_ostream &os) {
  const Library &library = model.getLibrary();
  const char *text = nullptr;
  if (Error error = library.check(library.getAPI().model_info(model.get(), &text)))
    return error;
  Expected<json::Value> info = json::parse(text);
  if (!info)
    return fail(ExitLibrary, "the library's information is no JSON: " + toString(info.takeError()));
  const json::Object *runtime = info->getAsObject() ? info->getAsObject()->getObject("runtime") : nullptr;
  const json::Object *counts = runtime ? runtime->getObject("gpu_host") : nullptr;
  json::Object none{{"kernels", json::Array()}};
  os << formatv("{0:2}\n", json::Value(json::Object(counts ? *counts : none)));
  return Error::success();
}
