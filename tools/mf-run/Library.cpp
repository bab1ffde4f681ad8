// Loading a library, opening its model and sessions.
#include "Library.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"

#include <dlfcn.h>

using namespace llvm;
using namespace mf::run;

char Failure::ID = 0;

static Expected<const mf_api *> loadAPI(StringRef path) {
  // dlopen looks a name without a slash up in its own directories.
  SmallString<128> absolute(path);
  if (std::error_code error = sys::fs::make_absolute(absolute))
    return fail(ExitLibrary, path + ": " + error.message());
  void *library = dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return fail(ExitLibrary, Twine("cannot load the model library: ") + dlerror());
  auto entry = reinterpret_cast<mf_model_api_function>(dlsym(library, "mf_model_api"));
  if (!entry)
    return fail(ExitLibrary, path + ": no compiled model: it exports no mf_model_api");
  const mf_api *api = entry(MF_ABI_VERSION);
  if (!api)
    return fail(ExitLibrary,
                path + ": the library does not serve version " + Twine(MF_ABI_VERSION) + " of the interface");
  if (api->size < sizeof(mf_api))
    return fail(ExitLibrary, path + ": the library's table has " + Twine(api->size) + " bytes, " +
                                 Twine(sizeof(mf_api)) + " are needed");
  return api;
}

Expected<Library> Library::load(StringRef path) {
  auto api = loadAPI(path);
  if (!api)
    return api.takeError();
  auto info = json::parse((*api)->library_info());
  if (!info)
    return fail(ExitLibrary, path + ": the library's information is no JSON: " + toString(info.takeError()));
  if (!info->getAsObject())
    return fail(ExitLibrary, path + ": the library's information is no JSON object");
  Library library;
  library.api = *api;
  library.info = std::move(*info);
  return library;
}

Error Library::check(mf_status status) const {
  if (status == MF_OK)
    return Error::success();
  return fail(ExitFirstStatus + status, api->last_error());
}

int64_t Library::getLimit(StringRef name) const {
  const json::Object *limits = getInfo().getObject("limits");
  return limits ? limits->getInteger(name).value_or(0) : 0;
}

bool Library::tellsBest() const {
  return api->size >= offsetof(mf_api, step_top_k) + sizeof(api->step_top_k) && getLimit("best") > 0;
}

Expected<Model> Model::open(const Library &library, const OpenSettings &settings) {
  mf_open_options options = {};
  options.size = sizeof(options);
  options.parameters_path = settings.parameters.empty() ? nullptr : settings.parameters.c_str();
  options.load_mode = settings.loadMode;
  options.threads = settings.threads;
  options.variant = settings.variant.empty() ? nullptr : settings.variant.c_str();
  options.verify = settings.verify;
  options.device = settings.device.empty() ? nullptr : settings.device.c_str();
  options.progress = settings.progress;
  mf_model *handle = nullptr;
  if (Error error = library.check(library.getAPI().model_open(&options, &handle)))
    return error;
  Model model;
  model.library = &library;
  model.handle = {handle, Closer{&library.getAPI()}};
  return model;
}

Expected<Session> Session::create(const Model &model, const OpenSettings &settings, int32_t maxSequences,
                                  int32_t maxPositions) {
  const Library &library = model.getLibrary();
  mf_session_options options = {sizeof(options), maxSequences, settings.maxTokensPerCall, maxPositions};
  mf_session *handle = nullptr;
  if (Error error = library.check(library.getAPI().session_create(model.get(), &options, &handle)))
    return error;
  Session session;
  session.library = &library;
  session.handle = {handle, Closer{&library.getAPI()}};
  return session;
}
