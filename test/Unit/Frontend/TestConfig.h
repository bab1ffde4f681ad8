// A small valid configuration that tests change.
#ifndef MF_TEST_UNIT_FRONTEND_TESTCONFIG_H
#define MF_TEST_UNIT_FRONTEND_TESTCONFIG_H

#include "mf/Frontend/Config.h"
#include <map>

namespace mlir::mf {

/// One layer, d = 16, 2 heads, K = 4, tau = 4, 10 tokens, 8 positions. `changes` replaces or adds keys; "-" leaves a
/// key out.
inline std::string configText(const std::vector<std::pair<std::string, std::string>> &changes = {}) {
  std::map<std::string, std::string> keys = {
      {"model_type", "\"memoryformer\""}, {"hidden_size", "16"},     {"num_hidden_layers", "1"},
      {"num_attention_heads", "2"},       {"vocab_size", "10"},      {"max_position_embeddings", "8"},
      {"memory_num_tables", "4"},         {"memory_code_bits", "4"}, {"memory_ffn_extra_bits", "2"},
      {"memory_score", "\"magnitude\""},  {"rotary_pct", "0.25"},    {"intermediate_size", "24"}};
  for (const auto &[key, value] : changes)
    keys[key] = value;
  std::string text = "{";
  for (const auto &[key, value] : keys)
    if (value != "-")
      text += (text.size() > 1 ? ",\"" : "\"") + key + "\":" + value;
  return text + "}";
}

} // namespace mlir::mf

#endif // MF_TEST_UNIT_FRONTEND_TESTCONFIG_H
