// The names of a model's parameters. The published MemoryFormer code flattens a model of L blocks into layers: 0
// embedding, 1 a transpose, 2 .. L + 1 blocks, L + 2 a transpose, L + 3 final norm, L + 4 head. The other names are
// those of Hugging Face.
#include "mf/Frontend/Names.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;
using namespace mlir::mf;
using llvm::Twine;

static std::string sequentialName(int64_t layer, StringRef suffix) {
  return ("sequential." + Twine(layer) + "." + suffix).str();
}

std::string mlir::mf::blockParameterName(const ModelConfig &config, int64_t layer, StringRef suffix) {
  switch (config.family) {
  case ModelFamily::MemoryFormer:
    return sequentialName(layer + 2, suffix);
  case ModelFamily::GPTNeoX:
    return ("gpt_neox.layers." + Twine(layer) + "." + suffix).str();
  case ModelFamily::Llama:
    return ("model.layers." + Twine(layer) + "." + suffix).str();
  }
  llvm_unreachable("no other family");
}

std::string mlir::mf::embeddingName(const ModelConfig &config) {
  switch (config.family) {
  case ModelFamily::MemoryFormer:
    return sequentialName(0, "word_embeddings.weight");
  case ModelFamily::GPTNeoX:
    return "gpt_neox.embed_in.weight";
  case ModelFamily::Llama:
    return "model.embed_tokens.weight";
  }
  llvm_unreachable("no other family");
}

std::string mlir::mf::finalNormName(const ModelConfig &config) {
  switch (config.family) {
  case ModelFamily::MemoryFormer:
    return sequentialName(config.numLayers + 3, "norm");
  case ModelFamily::GPTNeoX:
    return "gpt_neox.final_layer_norm";
  case ModelFamily::Llama:
    return "model.norm";
  }
  llvm_unreachable("no other family");
}

std::string mlir::mf::headName(const ModelConfig &config) {
  switch (config.family) {
  case ModelFamily::MemoryFormer:
    return sequentialName(config.numLayers + 4, "final_linear.weight");
  case ModelFamily::GPTNeoX:
    return "embed_out.weight";
  case ModelFamily::Llama:
    return "lm_head.weight";
  }
  llvm_unreachable("no other family");
}

std::string mlir::mf::rotaryAnglesName() { return "rope.angles"; }

// Buffers that older versions of the implementations wrote: angles, which are computed from the configuration, and
// causal masks.
bool mlir::mf::isIgnoredName(const ModelConfig &config, StringRef name) {
  if (name.ends_with(".rotary_emb.inv_freq"))
    return true;
  if (config.family == ModelFamily::GPTNeoX && (name.ends_with(".attention.bias") || name.ends_with(".masked_bias")))
    return true;
  return config.tiedEmbedding && name == headName(config);
}
