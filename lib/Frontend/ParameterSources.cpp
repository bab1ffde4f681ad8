// Sources of parameters: tensors of a checkpoint, pseudo-random numbers, rotary angles.
#include "ParameterSources.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/xxhash.h"
#include <cmath>

using namespace mlir;
using namespace mlir::mf;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Checkpoints
//===----------------------------------------------------------------------===//

/// Null for a type that no op reads.
static Type getElementType(MLIRContext *context, StringRef dtype) {
  if (dtype == "F32")
    return Float32Type::get(context);
  if (dtype == "F16")
    return Float16Type::get(context);
  if (dtype == "BF16")
    return BFloat16Type::get(context);
  return {};
}

static void tellUnusedTensors(const ModelConfig &config, ArrayRef<ParameterSpec> specs, const Checkpoint &checkpoint,
                              Problems &problems) {
  llvm::StringSet<> needed;
  for (const ParameterSpec &spec : specs)
    needed.insert(spec.storedName);
  std::vector<StringRef> unused;
  for (StringRef name : checkpoint.tensors.keys())
    if (!needed.contains(name) && !isIgnoredName(config, name))
      unused.push_back(name);
  llvm::sort(unused);
  for (StringRef name : unused) {
    const Checkpoint::Tensor &tensor = checkpoint.tensors.find(name)->second;
    problems.add(tensor.file, name, "only parameters of the model that config.json describes",
                 tensor.record.describe());
  }
}

/// The part of a tensor that is the parameter.
static SourceAttrInterface takeRows(SourceAttrInterface tensor, const ParameterSpec &spec) {
  if (!spec.rows)
    return tensor;
  return RowBlocksAttr::get(tensor.getContext(), tensor, spec.rows->first, spec.rows->rows, spec.rows->stride);
}

std::vector<ModelParameter> mlir::mf::findParameters(MLIRContext *context, const ModelConfig &config,
                                                     ArrayRef<ParameterSpec> specs, const Checkpoint &checkpoint,
                                                     Problems &problems) {
  std::vector<ModelParameter> parameters;
  llvm::StringSet<> seen;
  for (const ParameterSpec &spec : specs) {
    // What is wrong with a tensor is told once, whatever is made of it.
    bool isFirst = seen.insert(spec.storedName).second;
    auto tell = [&](StringRef file, const Twine &expected, const Twine &found) {
      if (isFirst)
        problems.add(file, spec.storedName, expected, found);
    };
    auto found = checkpoint.tensors.find(spec.storedName);
    if (found == checkpoint.tensors.end()) {
      tell(checkpoint.path, "a tensor " + describeShape(spec.storedShape), "none");
      continue;
    }
    const auto &[record, file] = found->second;
    if (ArrayRef<uint64_t>(record.shape) != ArrayRef<uint64_t>(spec.storedShape))
      tell(file, "shape " + describeShape(spec.storedShape), describeShape(record.shape));
    Type elementType = getElementType(context, record.dtype);
    if (!elementType) {
      tell(file, "dtype F32, F16 or BF16", record.dtype);
      continue;
    }
    auto tensor = TensorFileAttr::get(context, file, record.offset, elementType);
    parameters.push_back({spec.name, RankedTensorType::get(spec.shape, elementType), takeRows(tensor, spec), file});
  }
  tellUnusedTensors(config, specs, checkpoint, problems);
  return parameters;
}

//===----------------------------------------------------------------------===//
// Made parameters
//===----------------------------------------------------------------------===//

static SourceAttrInterface makeRandomSource(const ParameterSpec &spec, uint64_t seed, Builder &builder) {
  MLIRContext *context = builder.getContext();
  if (spec.deviation == 0)
    return FillAttr::get(context, builder.getF64FloatAttr(spec.kind == ParameterSpec::Kind::Scale ? 1 : 0));
  // Half of the range, so that the number is the same whether it is read as signed or not.
  // Parameters that are made of one whole tensor are equal.
  StringRef name = spec.rows ? spec.name : spec.storedName;
  uint64_t mixed = llvm::xxh3_64bits((Twine(seed) + ":" + name).str()) >> 1;
  // A uniform number in [-scale, scale) has the deviation scale / sqrt(3).
  return RandomAttr::get(context, mixed, builder.getF64FloatAttr(spec.deviation * std::sqrt(3.0)));
}

std::vector<ModelParameter> mlir::mf::makeRandomParameters(ArrayRef<ParameterSpec> specs, uint64_t seed,
                                                           Type elementType, StringRef file) {
  Builder builder(elementType.getContext());
  std::vector<ModelParameter> parameters;
  for (const ParameterSpec &spec : specs) {
    Type stored = spec.shape.size() > 1 ? elementType : builder.getF32Type();
    parameters.push_back(
        {spec.name, RankedTensorType::get(spec.shape, stored), makeRandomSource(spec, seed, builder), file.str()});
  }
  return parameters;
}

ModelParameter mlir::mf::makeRotaryAngles(MLIRContext *context, const ModelConfig &config, StringRef file) {
  auto type = RankedTensorType::get({config.maxPositions, config.rotarySize() / 2, 2}, Float32Type::get(context));
  auto base = FloatAttr::get(Float64Type::get(context), config.rotaryBase);
  return {rotaryAnglesName(), type, RotaryAnglesAttr::get(context, base), file.str()};
}
