// Configurations of models: config.json, and some that are known by name.
#ifndef MF_FRONTEND_CONFIG_H
#define MF_FRONTEND_CONFIG_H

#include "mf/Dialect/MF/IR/MFAttributes.h"
#include "mf/Frontend/Problems.h"
#include <optional>

namespace mlir::mf {

/// Whose names and defaults a configuration and its checkpoint have, and how its dense blocks are made.
enum class ModelFamily {
  /// The published MemoryFormer; dense blocks are those of GPT-NeoX.
  MemoryFormer,
  /// GPT-NeoX and Pythia: LayerNorm, biases, partial rotary embedding, two projections in the feed-forward part.
  GPTNeoX,
  /// Llama: RMSNorm, grouped heads, rotary embedding of whole heads, a gated feed-forward part.
  Llama,
};

/// How the fully connected layers of a block are computed.
enum class LayerKind { Memory, Dense };

/// What the dense blocks of a model have.
struct DenseBlocks {
  /// Width of the hidden vector of the feed-forward part.
  int64_t intermediateSize = 0;
  ActivationKind activation = ActivationKind::GELU;
  /// Whether attention and feed-forward part read the same input.
  bool parallelResidual = false;
  /// Whether the projections of the attention, and of the feed-forward part, have biases.
  bool attentionBias = true, mlpBias = true;
  /// Inside the root.
  double normEps = 1e-5;
};

/// A decoder; see the README of the reference data for the formulas. Every instance that `parseConfig` returns is
/// consistent, and the element counts of all its parameters fit into 60 bits. What only memory layers have is 0 where
/// no layer is one.
struct ModelConfig {
  ModelFamily family = ModelFamily::MemoryFormer;
  /// One for each layer.
  SmallVector<LayerKind> layerKinds;
  /// Width d of the hidden state.
  int64_t hiddenSize = 0;
  int64_t numLayers = 0;
  int64_t numHeads = 0;
  /// Heads of keys and values; a divisor of numHeads.
  int64_t numKeyValueHeads = 0;
  /// Features of a head.
  int64_t headSize = 0;
  int64_t vocabulary = 0;
  int64_t maxPositions = 0;
  /// Whether the head has the weights of the embedding.
  bool tiedEmbedding = false;
  /// Tables K of every memory layer.
  int64_t numTables = 0;
  /// Bits tau of a code; K tau = d.
  int64_t codeBits = 0;
  /// The second lookup of the feed-forward part has tau + extra bits.
  int64_t ffnExtraBits = 0;
  double rotaryPct = 0;
  double rotaryBase = 10000;
  /// Of memory blocks and, in a MemoryFormer, of the last norm; outside the root.
  double rmsNormEps = 1e-8;
  /// Of the norm inside the feed-forward part of a memory block; inside the root.
  double layerNormEps = 1e-5;
  ScoreKind score = ScoreKind::Magnitude;
  /// 1 for magnitude.
  double temperature = 1;
  DenseBlocks dense;

  int64_t headDim() const { return headSize; }
  /// Leading features of each head that are rotated: even, 0 without rotary embedding.
  int64_t rotarySize() const { return static_cast<int64_t>(rotaryPct * static_cast<double>(headDim())); }
  int64_t ffnCodeBits() const { return codeBits + ffnExtraBits; }
  /// Width K (tau + extra) of the hidden vector of a memory block's feed-forward part.
  int64_t intermediateSize() const { return numTables * ffnCodeBits(); }
  bool hasLayer(LayerKind kind) const { return llvm::is_contained(layerKinds, kind); }
};

/// Reads the text of a config.json. Tells every key that is missing, has a value that is not supported, contradicts
/// another or is unknown; keys that cannot change what a decoder computes (dropout, torch_dtype, ...) are passed over.
/// `file` is the name for messages.
std::optional<ModelConfig> parseConfig(llvm::StringRef text, llvm::StringRef file, Problems &problems);

/// `text`, which must be a JSON object, with `kinds` as its `layer_kinds`: a word where there is one kind, a list where
/// there are more.
std::string replaceLayerKinds(llvm::StringRef text, ArrayRef<std::string> kinds);

/// The names that `namedConfigText` knows.
SmallVector<StringRef> getConfigNames();

/// The text of the configuration `tiny`, `small` or `base` of the MemoryFormer paper, or of `pythia-70m`, `pythia-160m`
/// or `pythia-410m`; nullopt for another name.
std::optional<std::string> namedConfigText(llvm::StringRef name);

} // namespace mlir::mf

#endif // MF_FRONTEND_CONFIG_H
