// The tensors of a checkpoint directory: one safetensors file, or shards with an index.
#ifndef MF_FRONTEND_CHECKPOINT_H
#define MF_FRONTEND_CHECKPOINT_H

#include "mf/Frontend/SafetensorsReader.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::mf {

/// All tensors of a checkpoint.
struct Checkpoint {
  struct Tensor {
    TensorRecord record;
    /// File that holds it.
    std::string file;
  };

  /// `model.safetensors` or the index: what is told where a tensor is missing.
  std::string path;
  llvm::StringMap<Tensor> tensors;
};

/// Reads `directory`/model.safetensors, or the shards that `directory`/model.safetensors.index.json names; having both
/// or neither is a problem. Index and shards must agree: every shard is a file of the directory, holds each tensor that
/// `weight_map` places there and no other, and `metadata.total_size`, where it is given, is the sum of all tensors'
/// bytes. Tells the problems of all files.
std::optional<Checkpoint> readCheckpoint(llvm::StringRef directory, Problems &problems);

} // namespace mlir::mf

#endif // MF_FRONTEND_CHECKPOINT_H
