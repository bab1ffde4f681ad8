// The kernels of GPUs, a function per op: each builds the body of a kernel for one op on the kernel's own arguments.
#ifndef MF_LIB_CONVERSION_MFTOGPU_KERNELS_H
#define MF_LIB_CONVERSION_MFTOGPU_KERNELS_H

#include "mf/Codegen/GPU/KernelBuilder.h"
#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {

/// A warp per row; the grid is (row blocks).
void buildGPUAdd(AddOp op, GPURowsAttr strategy, GPUKernelBuilder &k);
void buildGPUEmbedding(EmbeddingOp op, GPURowsAttr strategy, GPUKernelBuilder &k);
void buildGPULayerNorm(LayerNormOp op, GPURowsAttr strategy, GPUKernelBuilder &k);
void buildGPURMSNorm(RMSNormOp op, GPURowsAttr strategy, GPUKernelBuilder &k);
void buildGPURope(RopeOp op, GPURowsAttr strategy, GPUKernelBuilder &k);

/// A warp per token; the grid is (token blocks).
void buildGPUHash(HashOp op, GPUHashAttr strategy, GPUKernelBuilder &k);

/// Columns that a thread of a gather sums.
int64_t getGatherWidth(LookupOp op);

/// The grid is (tokens, blocks of `threads` pieces of columns, table sets).
void buildGPURowGather(LookupOp op, int64_t threads, GPUKernelBuilder &k);

/// Shape of a kernel with table slices.
struct TableTile {
  TableTile(LookupOp op, GPUTableTileAttr strategy);

  int64_t columns; ///< of a strip
  int64_t width;   ///< columns of a thread
  int64_t lanes;   ///< threads of a row
  int64_t groups;  ///< tokens at a time
  int64_t tokens;  ///< of a block
  int64_t bytes;   ///< of workgroup memory
  int64_t parts;   ///< slices of a table
};

/// The grid is (strips, token blocks, table sets).
void buildGPUTableTile(LookupOp op, GPUTableTileAttr strategy, GPUKernelBuilder &k);

} // namespace mlir::mf

#endif // MF_LIB_CONVERSION_MFTOGPU_KERNELS_H
