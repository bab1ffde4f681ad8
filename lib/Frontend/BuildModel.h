// Building the module of a model. Private to lib/Frontend.
#ifndef MF_LIB_FRONTEND_BUILDMODEL_H
#define MF_LIB_FRONTEND_BUILDMODEL_H

#include "mf/Dialect/MF/IR/MFOps.h"
#include "mf/Frontend/Config.h"
#include "mf/Frontend/Names.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::mf {

/// A parameter as the module declares it.
struct ModelParameter {
  std::string name;
  RankedTensorType type;
  SourceAttrInterface source;
  /// The file it comes from; the configuration where there is none.
  std::string file;
};

/// Everything a module is built from.
struct ModelDescription {
  /// A C identifier.
  std::string name;
  /// Compact text of the configuration.
  std::string configText;
  /// The configuration's file or name, for locations.
  std::string configFile;
  ModelConfig config;
  std::vector<ModelParameter> parameters;
};

OwningOpRef<ModuleOp> buildModel(MLIRContext *context, const ModelDescription &model);

/// Builds the ops of `step`. Activations are [tokens, features] and f32 everywhere.
class StepBuilder {
public:
  StepBuilder(ImplicitLocOpBuilder &builder, const ModelDescription &model);

  /// The function `step`: embedding, blocks, and the head for the tokens that `rows` names.
  void buildFunction();

private:
  struct Hash {
    Value codes, scores;
  };

  /// Arguments and results, with their attributes.
  struct Operand {
    RankedTensorType type;
    DictionaryAttr attributes;
  };

  // BuildModel.cpp: the function and what is around the blocks.
  Operand makeOperand(StringRef name, RankedTensorType type, ArrayRef<StringRef> dims, bool isState);
  SmallVector<Operand> makeArguments();
  Value buildHead(Value x, Value rows);
  std::pair<Value, Value> buildBest(Value logits, Value count);

  // BuildBlock.cpp: memory blocks, and attention. A block replaces its layer's caches by the updated ones.
  Value buildMemoryBlock(Value x, Value &keys, Value &values);
  Value buildMemoryAttention(Value x, Value &keys, Value &values);
  Value buildMemoryFeedForward(Value x);
  Hash hash(Value x, int64_t bits);
  /// A lookup in the memory layer `prefix`, "mlp.0" or the like, of the block.
  Value lookup(StringRef prefix, Hash hash);
  /// Attention of the queries, keys and values of all heads, [tokens, features] each.
  Value attend(Value query, Value key, Value value, Value &keys, Value &values);
  Value rotate(Value heads);
  Value updateState(Value heads, Value state);
  Value splitHeads(Value x, int64_t heads);
  Value mergeHeads(Value heads);

  // BuildDenseBlock.cpp: dense blocks of GPT-NeoX and Llama.
  Value buildDenseBlock(Value x, Value &keys, Value &values);
  Value buildDenseAttention(Value x, Value &keys, Value &values);
  /// The hidden vector of the feed-forward part.
  Value buildHidden(Value x);
  /// The norm `name`, "input_layernorm" or the like, of the block.
  Value denseNorm(Value x, StringRef name);
  /// The dense layer `name` of the block, without and with its bias.
  Value multiply(Value x, StringRef name);
  Value project(Value x, StringRef name, bool hasBias);
  /// Value() without a bias.
  Value biasOf(StringRef name, bool hasBias);

  // All.
  Value parameter(const Twine &name);
  /// A parameter of the block.
  Value blockParameter(const Twine &suffix) { return parameter(blockParameterName(config, layer, suffix.str())); }
  Value add(Value a, Value b);
  Value linear(Value x, Value weight, Value count);
  /// The norms of the family's dense blocks: LayerNorm with `prefix`.weight and .bias, or RMSNorm with `prefix`.weight.
  Value familyNorm(Value x, const Twine &prefix, Value count);
  /// A destination [count, extents...].
  Value empty(Value count, ArrayRef<int64_t> extents, Type elementType);
  Value empty(ArrayRef<int64_t> extents) { return empty(tokenCount, extents, builder.getF32Type()); }
  Value embedding(Value ids, Value table, Value count);
  Value rmsNorm(Value x, const Twine &scale, Value count);

  ImplicitLocOpBuilder &builder;
  const ModelDescription &model;
  const ModelConfig &config;
  llvm::StringMap<RankedTensorType> parameterTypes;
  /// The block that is built.
  int64_t layer = 0;
  /// Number of tokens of this call.
  Value tokenCount;
  Value slots, positions;
  /// Null without rotary embedding.
  Value angles;
};

} // namespace mlir::mf

#endif // MF_LIB_FRONTEND_BUILDMODEL_H
