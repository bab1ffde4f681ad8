// Where the elements of a model's parameters come from. Private to lib/Frontend.
#ifndef MF_LIB_FRONTEND_PARAMETERSOURCES_H
#define MF_LIB_FRONTEND_PARAMETERSOURCES_H

#include "BuildModel.h"
#include "mf/Frontend/Checkpoint.h"
#include "mf/Frontend/Names.h"

namespace mlir::mf {

/// The parameters as the checkpoint stores them. Tells every tensor that is missing, has another shape or an element
/// type other than F32, F16 and BF16, or belongs to no parameter.
std::vector<ModelParameter> findParameters(MLIRContext *context, const ModelConfig &config,
                                           ArrayRef<ParameterSpec> specs, const Checkpoint &checkpoint,
                                           Problems &problems);

/// Parameters of an untrained model: uniform with the deviation of each, from a seed made of `seed` and its name.
/// Matrices and tables have `elementType`, vectors f32. `file` is where the configuration comes from.
std::vector<ModelParameter> makeRandomParameters(ArrayRef<ParameterSpec> specs, uint64_t seed, Type elementType,
                                                 StringRef file);

/// The angles of all positions, [max_positions, r / 2, 2] of f32.
ModelParameter makeRotaryAngles(MLIRContext *context, const ModelConfig &config, StringRef file);

} // namespace mlir::mf

#endif // MF_LIB_FRONTEND_PARAMETERSOURCES_H
