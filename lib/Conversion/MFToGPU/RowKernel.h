// Kernels that go row by row: a warp per row, whose lanes take pieces in turn.
#ifndef MF_LIB_CONVERSION_MFTOGPU_ROWKERNEL_H
#define MF_LIB_CONVERSION_MFTOGPU_ROWKERNEL_H

#include "mf/Codegen/GPU/KernelBuilder.h"
#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {

/// One row of a kernel.
struct KernelRow {
  GPUKernelBuilder &k;
  Value token;
  Value lane;
  int64_t size;
  /// Elements of a piece.
  int64_t width;

  /// body(column) for the lane's pieces.
  void forEachPiece(function_ref<void(Value)> body) const {
    k.loop(k.mul(lane, width), k.index(size), k.index(kWarpThreads * width), body);
  }
  /// The lane's pieces put together: accumulate(value, column) adds a piece to what is `initial` first.
  Value accumulate(Value initial, function_ref<Value(Value, Value)> accumulate) const {
    return k
        .loop(k.mul(lane, width), k.index(size), k.index(kWarpThreads * width), initial,
              [&](Value column, ValueRange values) { return SmallVector<Value>{accumulate(values.front(), column)}; })
        .front();
  }
  /// The sum of the row, in every lane: per lane, then of the warp.
  Value sum(function_ref<Value(Value, Value)> add) const {
    return k.warpSum(k.addElements(accumulate(k.constant(0.0f, width), add), width));
  }
};

/// Calls body(row) for the row of each warp, where there is one. The size of a row is that of `init`. `memrefs` are
/// read or written in pieces.
void forEachRow(GPUKernelBuilder &k, GPURowsAttr strategy, Value init, ValueRange memrefs,
                function_ref<void(const KernelRow &)> body);

} // namespace mlir::mf

#endif // MF_LIB_CONVERSION_MFTOGPU_ROWKERNEL_H
