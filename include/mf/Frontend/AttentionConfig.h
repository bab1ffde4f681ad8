// Which attention a model has.
#ifndef MF_FRONTEND_ATTENTIONCONFIG_H
#define MF_FRONTEND_ATTENTIONCONFIG_H

#include "mf/Dialect/MF/IR/RecurrentState.h"

namespace mlir::mf {

/// The attention of all blocks of a model. What a kind does not have keeps its default.
struct AttentionConfig {
  enum class Kind { Softmax, Linear, Performer, Cosformer, Linformer };

  Kind kind = Kind::Softmax;
  /// Whether a token sees nothing behind it. A model that is not causal has no sequence state: it takes whole
  /// sequences.
  bool causal = true;
  /// Tokens whose keys and values wait until they are added to the sums of linear attention together.
  int64_t chunk = 32;
  /// Performer: random features of a head, and what they approximate.
  int64_t features = 0;
  FavorKernel kernel = FavorKernel::Softmax;
  /// cosFormer: positions of a quarter turn.
  int64_t maxPositions = 0;
  /// Linformer: keys and values that a sequence is projected to.
  int64_t projectedLength = 0;

  /// Whether keys are mapped to features and summed.
  bool isLinear() const { return kind == Kind::Linear || kind == Kind::Performer || kind == Kind::Cosformer; }
  /// The feature map of a linear kind.
  FeatureMapAttrInterface getFeatureMap(MLIRContext *context) const;
  /// What the sequence state of a linear kind holds for one head.
  RecurrentState getState(MLIRContext *context, int64_t headSize) const;
};

} // namespace mlir::mf

#endif // MF_FRONTEND_ATTENTIONCONFIG_H
