// Names, shapes and initial magnitudes of a model's parameters, as the implementation of its family has them.
#ifndef MF_FRONTEND_NAMES_H
#define MF_FRONTEND_NAMES_H

#include "mf/Frontend/Config.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir::mf {

/// Blocks of rows of a tensor, see #mf.row_blocks.
struct RowBlocks {
  int64_t first, rows, stride;
};

/// A parameter that a model needs.
struct ParameterSpec {
  enum class Kind { Embedding, Tables, Weight, Bias, Scale };

  /// "sequential.2.mlp.0.tables".
  std::string name;
  Kind kind;
  /// The tensor of the checkpoint that it is made of; several parameters may be made of one.
  std::string storedName;
  /// The tensor's shape: tables are one matrix [K * 2^tau, N].
  SmallVector<uint64_t> storedShape;
  /// The shape in the module: tables are [K, 2^tau, N], the same bytes.
  SmallVector<int64_t> shape;
  /// Standard deviation of an untrained element around 0; 0 for `Scale` (all ones) and for biases of norms.
  double deviation;
  /// The rows of the tensor that it has; none: all.
  std::optional<RowBlocks> rows;
};

/// All parameters of a checkpoint of `config`, in the order in which a token meets them.
std::vector<ParameterSpec> listParameters(const ModelConfig &config);

/// Name of a parameter of block `layer`: `suffix` is "mlp.0.tables" or the like.
std::string blockParameterName(const ModelConfig &config, int64_t layer, StringRef suffix);
std::string embeddingName(const ModelConfig &config);
/// What the names of the last norm's parameters begin with: "gpt_neox.final_layer_norm".
std::string finalNormName(const ModelConfig &config);
/// The weight of the head; where it is that of the embedding, a name that no checkpoint has.
std::string headName(const ModelConfig &config);
/// Name of the rotary angles, which no checkpoint holds.
std::string rotaryAnglesName();

/// Whether a checkpoint may hold a tensor `name` that the model does not need.
bool isIgnoredName(const ModelConfig &config, StringRef name);

} // namespace mlir::mf

#endif // MF_FRONTEND_NAMES_H
