// Configurations of models: config.json, and three that are known by name.
#ifndef MF_FRONTEND_CONFIG_H
#define MF_FRONTEND_CONFIG_H

#include "mf/Dialect/MF/IR/MFAttributes.h"
#include "mf/Frontend/Problems.h"
#include <optional>

namespace mlir::mf {

/// A MemoryFormer decoder; see the README of the reference data for the formulas. Every instance that `parseConfig`
/// returns is consistent, and the element counts of all its parameters fit into 60 bits.
struct ModelConfig {
  /// Width d of the hidden state.
  int64_t hiddenSize;
  int64_t numLayers;
  int64_t numHeads;
  int64_t vocabulary;
  int64_t maxPositions;
  /// Tables K of every memory layer.
  int64_t numTables;
  /// Bits tau of a code; K tau = d.
  int64_t codeBits;
  /// The second lookup of the feed-forward part has tau + extra bits.
  int64_t ffnExtraBits;
  double rotaryPct;
  double rotaryBase;
  /// Outside the root.
  double rmsNormEps;
  /// Inside the root.
  double layerNormEps;
  ScoreKind score;
  /// 1 for magnitude.
  double temperature;

  int64_t headDim() const { return hiddenSize / numHeads; }
  /// Leading features of each head that are rotated: even, 0 without rotary embedding.
  int64_t rotarySize() const { return static_cast<int64_t>(rotaryPct * static_cast<double>(headDim())); }
  int64_t ffnCodeBits() const { return codeBits + ffnExtraBits; }
  /// Width K (tau + extra) of the hidden vector of the feed-forward part.
  int64_t intermediateSize() const { return numTables * ffnCodeBits(); }
};

/// Reads the text of a config.json. Tells every key that is missing, has a value that is not supported, contradicts
/// another or is unknown; keys that cannot change what a decoder computes (dropout, torch_dtype, ...) are passed over.
/// `file` is the name for messages.
std::optional<ModelConfig> parseConfig(llvm::StringRef text, llvm::StringRef file, Problems &problems);

/// The text of the configuration `tiny`, `small` or `base` of the paper; nullopt for another name.
std::optional<std::string> namedConfigText(llvm::StringRef name);

} // namespace mlir::mf

#endif // MF_FRONTEND_CONFIG_H
