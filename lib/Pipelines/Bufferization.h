// What the pipelines of all targets do to get from tensors to memrefs.
#ifndef MF_LIB_PIPELINES_BUFFERIZATION_H
#define MF_LIB_PIPELINES_BUFFERIZATION_H

#include "mlir/Pass/PassManager.h"

namespace mlir::mf {

/// Entry points get frames, and tensors become memrefs that are computed in place.
void addBufferization(OpPassManager &passManager);

} // namespace mlir::mf

#endif // MF_LIB_PIPELINES_BUFFERIZATION_H
