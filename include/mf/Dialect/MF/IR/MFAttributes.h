// Attributes of the dialect `mf` and their interfaces.
#ifndef MF_DIALECT_MF_IR_MFATTRIBUTES_H
#define MF_DIALECT_MF_IR_MFATTRIBUTES_H

#include "mf/Dialect/MF/IR/FeatureBuilder.h"
#include "mlir/IR/Attributes.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"

namespace mlir::mf {

/// Keys that lie side by side in a cache with a layout (`#mf.cache_layout`): a whole number of vectors of every target,
/// so that one layout serves all variants of a library.
inline constexpr int64_t kCacheKeys = 16;

/// Elements of bf16 whose products a target's dot product adds up: they are adjacent in caches that are made for it.
inline constexpr int64_t kCachePair = 2;

/// Threads of a warp of a GPU.
inline constexpr int64_t kWarpThreads = 32;

/// Results of a thread of a tile of a dense layer (`#mf.gpu_dense_tile`).
inline constexpr int64_t kDenseThreadRows = 4, kDenseThreadColumns = 8;

} // namespace mlir::mf

#include "mf/Dialect/MF/IR/MFEnums.h.inc"

#include "mf/Dialect/MF/IR/MFAttrInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "mf/Dialect/MF/IR/MFAttributes.h.inc"

#endif // MF_DIALECT_MF_IR_MFATTRIBUTES_H
