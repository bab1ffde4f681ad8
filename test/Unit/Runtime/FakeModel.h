// A tiny language model in plain C++ that obeys the contract of compiled entries, and the parameter files it needs.
//
// Its state keeps what it has seen; the logits of a token are a hash of all tokens up to it, so a wrong slot, position,
// chunk or parameter changes them.
#ifndef MF_TEST_UNIT_RUNTIME_FAKEMODEL_H
#define MF_TEST_UNIT_RUNTIME_FAKEMODEL_H

#include "mf-c/model.h"
#include "mf/Runtime/ParameterFile.h"
#include "mf/Runtime/Plan.h"

#include <string>
#include <vector>

namespace mf::test {

constexpr int32_t vocabulary = 11, maxPositions = 40;

enum class StateKind {
  KeyValue,       ///< [sequences, 2, positions, 3] i32
  PositionsFirst, ///< [2, positions, 3, sequences] i32
  Recurrent       ///< [2, sequences] i32
};

/// The plan of this executable; tests may change it, and get it back by setPlan.
mf_rt_plan &plan();

/// Resets the plan to the fake model with the given state, without parameters in memory or on disk.
void setPlan(StateKind kind);

/// The logits that the fake model has to give after `tokens`.
std::vector<float> expectedLogits(const std::vector<int32_t> &tokens);

/// What the thread's last entry saw: the floating-point control word, and how many tokens and rows.
struct Observation {
  uint64_t floatControl;
  int64_t tokens, rows, calls;
};
extern thread_local Observation observation;

/// A parameter file in memory, for tests that damage it.
class ParameterImage {
public:
  /// The fake model's: "embedding" i32 [11], "table" i8 [3, 2^20], which is aligned to 2 MiB, and "empty" f32 [0].
  ParameterImage();

  std::vector<unsigned char> bytes;
  mf_mfp_header &header() { return *reinterpret_cast<mf_mfp_header *>(bytes.data()); }
  mf_mfp_tensor &tensor(int index) { return reinterpret_cast<mf_mfp_tensor *>(&header() + 1)[index]; }
  /// Recomputes the header's digest after a change and makes it the plan's.
  void seal();
  void write(const std::string &path) const;
};

/// A path in the test's temporary folder.
std::string temporaryPath(const std::string &name);

/// The library's table.
const mf_api &api();

/// An open model with parameters from a file; closed at the end of its life.
class OpenModel {
public:
  explicit OpenModel(StateKind kind = StateKind::KeyValue, int32_t threads = 2, const mf_parallel_for *host = nullptr);
  ~OpenModel() { api().model_close(model); }
  OpenModel(const OpenModel &) = delete;

  mf_model *model = nullptr;
};

/// A session of its own; destroyed at the end of its life.
class OpenSession {
public:
  OpenSession(mf_model *model, int32_t maxSequences, int32_t maxTokens, int32_t positions = 0);
  ~OpenSession() { api().session_destroy(session); }
  OpenSession(const OpenSession &) = delete;

  int32_t add();
  /// Feeds tokens to one sequence; the rows of logits as asked for. Empty where the call fails.
  std::vector<float> feed(int32_t sequence, std::vector<int32_t> tokens, mf_logits wanted = MF_LOGITS_LAST);
  int32_t length(int32_t sequence);

  mf_session *session = nullptr;
};

/// A DLTensor on CPU memory with its own shape.
struct Tensor {
  Tensor(void *data, DLDataType dtype, std::vector<int64_t> extents);
  Tensor(const Tensor &) = delete;
  std::vector<int64_t> shape;
  DLTensor tensor;
};

constexpr DLDataType f32 = {kDLFloat, 32, 1}, i32 = {kDLInt, 32, 1}, i64 = {kDLInt, 64, 1};

} // namespace mf::test

#endif // MF_TEST_UNIT_RUNTIME_FAKEMODEL_H
