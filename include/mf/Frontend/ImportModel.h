// From a checkpoint or a configuration to a module.
#ifndef MF_FRONTEND_IMPORTMODEL_H
#define MF_FRONTEND_IMPORTMODEL_H

#include "mf/Frontend/Problems.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <optional>

namespace mlir::mf {

/// What to import, and how.
struct ImportOptions {
  enum class ElementType { F32, F16, BF16 };

  /// A directory with config.json and the tensors of a checkpoint (`readCheckpoint`). With `randomSeed` also a
  /// directory with config.json alone, a configuration file, or the name of a configuration (`getConfigNames`); where
  /// a file or directory has such a name, it is taken.
  std::string model;
  /// Name of the model, a C identifier. Empty: made from the last part of `model`.
  std::string name;
  /// Where set, no tensors are read: parameters are pseudo-random, of the magnitudes that the published implementation
  /// starts from, and depend on the seed and their name only. Scales of norms are 1 and biases of norms 0.
  std::optional<uint64_t> randomSeed;
  /// Element type of pseudo-random matrices and tables; vectors are always f32.
  ElementType randomElementType = ElementType::F32;
  /// Where not empty, replaces `layer_kinds` of the configuration: one word, "memory" or "dense", for all layers, or
  /// one for each.
  std::vector<std::string> layerKinds = {};
};

/// Builds the module of a model: its `mf.parameter`s, named as in the checkpoint, and the function `step`. The module
/// is verified. Parameters keep the element type they are stored with; the paths of `#mf.tensor_file` are absolute.
///
/// On failure `problems` has everything that is wrong with configuration and checkpoint, and nothing was printed.
/// Loads the dialects it needs into `context`.
FailureOr<OwningOpRef<ModuleOp>> importModel(MLIRContext *context, const ImportOptions &options, Problems &problems);

/// `text` with every character that a C identifier may not have replaced by '_', and "m" before a leading digit;
/// "model" for an empty text.
std::string makeIdentifier(StringRef text);

} // namespace mlir::mf

#endif // MF_FRONTEND_IMPORTMODEL_H
