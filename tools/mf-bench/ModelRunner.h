// A session with one sequence, whose calls are timed.
#ifndef MF_TOOLS_MF_BENCH_MODELRUNNER_H
#define MF_TOOLS_MF_BENCH_MODELRUNNER_H

#include "Library.h"

#include <vector>

namespace mf::bench {

/// Tokens to append to a sequence of a given length.
struct Test {
  bool isPrefill;
  int64_t depth, tokens;
  std::vector<double> seconds = {};
};

/// A session with one sequence.
class Runner {
public:
  static llvm::Expected<Runner> create(const run::Model &model, const run::OpenSettings &open, int64_t positions);

  /// Brings the sequence to `depth` tokens.
  llvm::Error setDepth(int64_t depth);
  /// Appends `count` tokens in one call, with logits of the last one.
  llvm::Error append(int64_t count, mf_logits which);
  /// Appends a token and asks for the likeliest next one, without logits where the library can.
  llvm::Error decode();
  /// Seconds of the test; the sequence has its depth.
  llvm::Expected<double> time(const Test &test);

private:
  Runner(run::Session session, int64_t vocabulary, int64_t positions);
  llvm::Error check(mf_status status) const { return session.getLibrary().check(status); }
  const mf_api &api() const { return session.getLibrary().getAPI(); }

  run::Session session;
  int32_t sequence = 0;
  std::vector<int32_t> ids; ///< pseudo-random, one a position
  std::vector<float> logits;
};

/// The positions that the longest test needs; ExitUsage where the library has fewer.
llvm::Expected<int64_t> countPositions(const std::vector<Test> &tests, const run::Library &library);

/// The variant that an open model runs.
std::string getVariant(const run::Model &model);

} // namespace mf::bench

#endif // MF_TOOLS_MF_BENCH_MODELRUNNER_H
