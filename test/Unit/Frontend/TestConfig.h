// A small valid configuration that tests change.
#ifndef MF_TEST_UNIT_FRONTEND_TESTCONFIG_H
#define MF_TEST_UNIT_FRONTEND_TESTCONFIG_H

#include "mf/Frontend/Config.h"
#include <map>

namespace mlir::mf {

using ConfigKeys = std::vector<std::pair<std::string, std::string>>;

/// JSON of `keys` with `changes`.
inline std::string printConfig(std::map<std::string, std::string> keys, const ConfigKeys &changes) {
  for (const auto &[key, value] : changes)
    keys[key] = value;
  std::string text = "{";
  for (const auto &[key, value] : keys)
    if (value != "-")
      text += (text.size() > 1 ? ",\"" : "\"") + key + "\":" + value;
  return text + "}";
}

/// One layer, d = 16, 2 heads, K = 4, tau = 4, 10 tokens, 8 positions. `changes` replaces or adds keys; "-" leaves a
/// key out.
inline std::string configText(const ConfigKeys &changes = {}) {
  std::map<std::string, std::string> keys = {
      {"model_type", "\"memoryformer\""}, {"hidden_size", "16"},     {"num_hidden_layers", "1"},
      {"num_attention_heads", "2"},       {"vocab_size", "10"},      {"max_position_embeddings", "8"},
      {"memory_num_tables", "4"},         {"memory_code_bits", "4"}, {"memory_ffn_extra_bits", "2"},
      {"memory_score", "\"magnitude\""},  {"rotary_pct", "0.25"},    {"intermediate_size", "24"}};
  return printConfig(keys, changes);
}

/// One layer of GPT-NeoX, d = 16, 2 heads, 10 tokens, 8 positions.
inline std::string neoXText(const ConfigKeys &changes = {}) {
  return printConfig({{"model_type", "\"gpt_neox\""},
                      {"hidden_size", "16"},
                      {"num_hidden_layers", "1"},
                      {"num_attention_heads", "2"},
                      {"vocab_size", "10"},
                      {"max_position_embeddings", "8"},
                      {"intermediate_size", "64"}},
                     changes);
}

/// One layer of Llama, d = 16, 4 heads of which 2 have keys, 10 tokens, 8 positions.
inline std::string llamaText(const ConfigKeys &changes = {}) {
  return printConfig({{"model_type", "\"llama\""},
                      {"hidden_size", "16"},
                      {"num_hidden_layers", "1"},
                      {"num_attention_heads", "4"},
                      {"num_key_value_heads", "2"},
                      {"vocab_size", "10"},
                      {"max_position_embeddings", "8"},
                      {"intermediate_size", "40"}},
                     changes);
}

} // namespace mlir::mf

#endif // MF_TEST_UNIT_FRONTEND_TESTCONFIG_H
