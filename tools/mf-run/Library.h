// A model library that was opened at run time, and what it says about its entry points.
#ifndef MF_TOOLS_MF_RUN_LIBRARY_H
#define MF_TOOLS_MF_RUN_LIBRARY_H

#include "Failure.h"
#include "mf-c/model.h"

#include "llvm/Support/JSON.h"

namespace mf::run {

/// How a model and its sessions are opened.
struct OpenSettings {
  std::string parameters; ///< empty: beside the library
  std::string variant;    ///< empty: the best
  std::string device;     ///< empty: the CPU
  mf_load_mode loadMode = MF_LOAD_MAP;
  int32_t threads = 0;
  int32_t maxTokensPerCall = 0;
  int32_t maxSequences = 0;
  bool verify = false;                   ///< read every parameter and check its digest
  const mf_progress *progress = nullptr; ///< who is told how far the parameters are on their way to a device
};

/// A loaded library. It stays loaded until the process ends.
class Library {
public:
  static llvm::Expected<Library> load(llvm::StringRef path);

  const mf_api &getAPI() const { return *api; }
  /// The library's information; checked to be a JSON object.
  const llvm::json::Object &getInfo() const { return *info.getAsObject(); }
  /// Success for MF_OK, else the library's text with the exit code of the status.
  llvm::Error check(mf_status status) const;
  /// Whether the library has sessions.
  bool isLanguageModel() const { return getInfo().getObject("limits") != nullptr; }
  /// Limits of a language model, 0 of any other library: ids are below the vocabulary.
  int64_t getVocabulary() const { return getLimit("vocabulary"); }
  int64_t getMaxPositions() const { return getLimit("max_positions"); }
  /// Whether a step can tell the likeliest token alone (`step_top_k`).
  bool tellsBest() const;

private:
  int64_t getLimit(llvm::StringRef name) const;

  const mf_api *api = nullptr;
  llvm::json::Value info = nullptr;
};

/// An open model.
class Model {
public:
  static llvm::Expected<Model> open(const Library &library, const OpenSettings &settings);

  const Library &getLibrary() const { return *library; }
  mf_model *get() const { return handle.get(); }

private:
  struct Closer {
    const mf_api *api;
    void operator()(mf_model *model) const { api->model_close(model); }
  };
  const Library *library = nullptr;
  std::unique_ptr<mf_model, Closer> handle;
};

/// A session of a language model.
class Session {
public:
  /// `maxPositions` 0: what the model was compiled for.
  static llvm::Expected<Session> create(const Model &model, const OpenSettings &settings, int32_t maxSequences,
                                        int32_t maxPositions);

  const Library &getLibrary() const { return *library; }
  mf_session *get() const { return handle.get(); }

private:
  struct Closer {
    const mf_api *api;
    void operator()(mf_session *session) const { api->session_destroy(session); }
  };
  const Library *library = nullptr;
  std::unique_ptr<mf_session, Closer> handle;
};

} // namespace mf::run

#endif // MF_TOOLS_MF_RUN_LIBRARY_H
