// Parameter files, models, sessions and tensors for the tests.
#include "Digest.h"
#include "FakeModel.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <fstream>

#include <unistd.h>

namespace mf::test {

static uint64_t digestOf(const void *data, uint64_t bytes) {
  uint64_t digest = 0;
  EXPECT_TRUE(rt::digestBlocks(nullptr, data, bytes, digest));
  return digest;
}

ParameterImage::ParameterImage() {
  static const char strings[] = "embedding\0table\0empty\0";
  constexpr uint32_t names = sizeof(mf_mfp_header) + 3 * sizeof(mf_mfp_tensor);
  constexpr uint64_t headerBytes = names + sizeof(strings), embeddingOffset = 448, tableOffset = 2u << 20,
                     tableBytes = 3u << 20;
  static_assert(headerBytes <= embeddingOffset);
  bytes.resize(tableOffset + tableBytes);
  memcpy(&bytes[names], strings, sizeof(strings));
  auto *embedding = reinterpret_cast<int32_t *>(&bytes[embeddingOffset]);
  for (int32_t id = 0; id < vocabulary; ++id)
    embedding[id] = id * id + 5;
  for (uint64_t i = 0; i < tableBytes; ++i)
    bytes[tableOffset + i] = static_cast<unsigned char>(i * 37 + 11);
  header() = {MF_MFP_MAGIC, MF_MFP_VERSION, 3, headerBytes, bytes.size(), 0, {}};
  uint32_t layout = names + sizeof(strings) - 1;
  tensor(0) = {names, layout, kDLInt, 32, 1, 0, {uint64_t(vocabulary)}, embeddingOffset, 4 * vocabulary, 0};
  tensor(1) = {names + 10, layout, kDLInt, 8, 2, 0, {3, 1u << 20}, tableOffset, tableBytes, 0};
  tensor(2) = {names + 16, layout, kDLFloat, 32, 1, 0, {0}, tableOffset + tableBytes, 0, 0};
  for (int i = 0; i < 3; ++i)
    tensor(i).digest = digestOf(&bytes[0] + tensor(i).offset, tensor(i).bytes);
  seal();
}

void ParameterImage::seal() {
  header().header_digest = 0;
  header().header_digest = digestOf(bytes.data(), header().header_bytes);
  plan().parameters_digest = header().header_digest;
}

void ParameterImage::write(const std::string &path) const {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char *>(bytes.data()), std::streamsize(bytes.size()));
  ASSERT_TRUE(file.good()) << path;
}

std::string temporaryPath(const std::string &name) {
  return ::testing::TempDir() + "mf-runtime-" + std::to_string(getpid()) + "-" + name;
}

const mf_api &api() { return *mf_rt_api(MF_ABI_VERSION); }

OpenModel::OpenModel(StateKind kind, int32_t threads, const mf_parallel_for *host) {
  setPlan(kind);
  std::string path = temporaryPath("model.mfp");
  ParameterImage().write(path);
  mf_open_options options = {};
  options.size = sizeof(options);
  options.parameters_path = path.c_str();
  options.threads = threads;
  options.parallel_for = host;
  EXPECT_EQ(api().model_open(&options, &model), MF_OK) << api().last_error();
  // The mapping outlives the name.
  std::remove(path.c_str());
}

OpenSession::OpenSession(mf_model *model, int32_t maxSequences, int32_t maxTokens, int32_t positions) {
  mf_session_options options = {sizeof(options), maxSequences, maxTokens, positions};
  EXPECT_EQ(api().session_create(model, &options, &session), MF_OK) << api().last_error();
}

int32_t OpenSession::add() {
  int32_t sequence = -1;
  EXPECT_EQ(api().sequence_add(session, &sequence), MF_OK) << api().last_error();
  return sequence;
}

std::vector<float> OpenSession::feed(int32_t sequence, std::vector<int32_t> tokens, mf_logits wanted) {
  int64_t rows = wanted == MF_LOGITS_NONE ? 0 : wanted == MF_LOGITS_LAST ? 1 : int64_t(tokens.size());
  std::vector<float> logits(size_t(rows * vocabulary));
  Tensor ids(tokens.data(), i32, {int64_t(tokens.size())}), output(logits.data(), f32, {rows, vocabulary});
  mf_feed feed = {sequence, &ids.tensor, wanted};
  mf_status status = api().step(session, &feed, 1, rows ? &output.tensor : nullptr);
  EXPECT_EQ(status, MF_OK) << api().last_error();
  return status ? std::vector<float>() : logits;
}

int32_t OpenSession::length(int32_t sequence) {
  int32_t length = -1;
  EXPECT_EQ(api().sequence_length(session, sequence, &length), MF_OK) << api().last_error();
  return length;
}

Tensor::Tensor(void *data, DLDataType dtype, std::vector<int64_t> extents) : shape(std::move(extents)) {
  tensor = {data, {kDLCPU, 0}, int32_t(shape.size()), dtype, shape.data(), nullptr, 0};
}

} // namespace mf::test
