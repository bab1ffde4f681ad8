// The keys `attention` and `causal` of config.json.
#include "mf/Frontend/AttentionConfig.h"
#include "KeyReader.h"
#include "mf/Frontend/StrictJSON.h"

using namespace mlir;
using namespace mlir::mf;
namespace json = llvm::json;
using llvm::Twine;

static constexpr int64_t kMaxChunk = 1024;
static constexpr int64_t kMaxFeatures = 1 << 16;

FeatureMapAttrInterface AttentionConfig::getFeatureMap(MLIRContext *context) const {
  switch (kind) {
  case Kind::Linear:
    return EluFeaturesAttr::get(context);
  case Kind::Performer:
    return FavorFeaturesAttr::get(context, kernel);
  case Kind::Cosformer:
    return CosformerFeaturesAttr::get(context, maxPositions);
  case Kind::Softmax:
  case Kind::Linformer:
    return {};
  }
  llvm_unreachable("no other kind");
}

RecurrentState AttentionConfig::getState(MLIRContext *context, int64_t headSize) const {
  return RecurrentState::get(getFeatureMap(context), headSize, features, headSize, chunk);
}

/// The keys of the object `attention`, whose kind is known.
static void readKind(KeyReader &keys, const ModelConfig &config, AttentionConfig &attention) {
  using Kind = AttentionConfig::Kind;
  if (attention.isLinear())
    attention.chunk = keys.integer("chunk", 1, kMaxChunk, attention.chunk);
  if (attention.kind == Kind::Performer) {
    attention.features = keys.integer("features", 1, kMaxFeatures);
    attention.kernel = static_cast<FavorKernel>(keys.choice("kernel", {"softmax", "relu"}, 0));
  }
  if (attention.kind == Kind::Linformer)
    attention.projectedLength = keys.integer("projected_length", 1, kMaxRows);
  if (attention.kind == Kind::Cosformer) {
    attention.maxPositions = keys.integer("max_positions", 1, kMaxRows / 4, config.maxPositions);
    // Behind them, weights would be negative.
    if (keys.areValid({"max_positions"}) && attention.maxPositions < config.maxPositions)
      keys.problem("max_positions", "at least max_position_embeddings = " + Twine(config.maxPositions),
                   Twine(attention.maxPositions));
  }
}

void mlir::mf::readAttention(KeyReader &keys, ModelConfig &config) {
  AttentionConfig &attention = config.attention;
  attention.causal = keys.boolean("causal", true);
  const json::Value *value = keys.get("attention");
  if (!value)
    return;
  const json::Object *object = value->getAsObject();
  if (!object)
    return keys.problem("attention", "an object with a key kind", describeJSON(*value));
  KeyReader nested = keys.nested(*object, "attention");
  attention.kind = static_cast<AttentionConfig::Kind>(
      nested.choice("kind", {"softmax", "linear", "performer", "cosformer", "linformer"}));
  readKind(nested, config, attention);
  if (attention.kind == AttentionConfig::Kind::Linformer && attention.causal)
    nested.problem("kind",
                   "a kind that can be causal, or \"causal\": false: a Linformer's keys and values are mixtures of all "
                   "positions of a sequence, so every token would see those behind it",
                   "\"linformer\" in a causal model");
  if (attention.isLinear() && config.numKeyValueHeads != config.numHeads)
    nested.problem("kind", "\"softmax\" or \"linformer\" with fewer key-value heads than heads",
                   "a linear kind with " + Twine(config.numKeyValueHeads) + " of " + Twine(config.numHeads));
  nested.checkUnknown();
}
