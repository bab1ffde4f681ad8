// The actions of mf-run.
#ifndef MF_TOOLS_MF_RUN_RUN_H
#define MF_TOOLS_MF_RUN_RUN_H

#include "Library.h"
#include "Npy.h"

namespace mf::run {

/// A continuation to generate.
struct GenerateSettings {
  std::vector<long long> ids; ///< the prompt, at least one
  int32_t maxNewTokens = 32;
  mf_sampling sampling = {};
  bool stream = false; ///< print each id when it is known
  bool timing = false; ///< print tokens per second to stderr
};

/// Prints the continuation as ids separated by commas.
llvm::Error generate(const Model &model, const OpenSettings &open, const GenerateSettings &settings,
                     llvm::raw_ostream &os);

/// A call of an entry point. A tensor is given as "@file.npy", in operand order, or as "name=@file.npy".
struct EntrySettings {
  std::string name;
  std::vector<std::string> inputs, outputs, expected;
  double atol = 0, rtol = 0; ///< accepted: abs(found - expected) <= atol + rtol * abs(expected)
  bool timing = false;       ///< print the call's time to stderr
};

/// Calls an entry point, or, for "forward" of a language model, a session's forward. Writes outputs that have a file,
/// compares those that have an expected file, prints the others. ExitMismatch when one differs.
llvm::Error callEntry(const Model &model, const OpenSettings &open, const EntrySettings &settings,
                      llvm::raw_ostream &os);

enum class CountFormat { None, JSON };

/// Prints what the kernels of a model opened as gpu-host-checked did since then: one object, "kernels" with a list.
llvm::Error printCounts(const Model &model, llvm::raw_ostream &os);

/// Prints the first difference and the largest ones; returns whether all elements are accepted.
bool compareArrays(llvm::StringRef name, const Array &found, const Array &expected, double atol, double rtol,
                   llvm::raw_ostream &os);

/// A count of the codes of a text.
struct CountSettings {
  std::string file;           ///< what is written
  std::vector<long long> ids; ///< of the text, before those of the file
  std::string idsFile;        ///< .npy, or a text of ids; empty: none
  int64_t window = 0;         ///< tokens of a sequence; 0: 512, or the model's positions where these are fewer
};

/// Counts how often each row of each table is used while the model runs over the ids, and writes the counts as JSON:
/// {"format": "mf-code-counts", "tokens": n, "tables": {parameter: [[uses of code 0, ...] of each table]}}.
llvm::Error countCodes(const Model &model, const CountSettings &settings, llvm::raw_ostream &os);

/// Checks header and digests of a parameter file; with a library, also that the file is the library's.
llvm::Error verifyParameterFile(llvm::StringRef path, const Library *library, llvm::raw_ostream &os);

} // namespace mf::run

#endif // MF_TOOLS_MF_RUN_RUN_H
