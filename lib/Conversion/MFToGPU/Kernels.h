// The kernels of GPUs, a function per op: each builds the body of a kernel for one op on the kernel's own arguments.
#ifndef MF_LIB_CONVERSION_MFTOGPU_KERNELS_H
#define MF_LIB_CONVERSION_MFTOGPU_KERNELS_H

#include "FlashRows.h"
#include "mf/Codegen/GPU/KernelBuilder.h"
#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {

/// Elements that a thread of a copy takes, 16 bytes where rows are aligned, and how many such pieces a row (all
/// dimensions but the first) has. The first dimension alone is dynamic.
int64_t getCopyWidth(memref::CopyOp op);
int64_t getCopyPieces(memref::CopyOp op);
/// A thread per piece; the grid is (blocks of `threads` pieces).
void buildGPUCopy(memref::CopyOp op, int64_t threads, GPUKernelBuilder &k);

/// A warp per row; the grid is (row blocks).
void buildGPUActivation(ActivationOp op, GPURowsAttr strategy, GPUKernelBuilder &k);
void buildGPUAdd(AddOp op, GPURowsAttr strategy, GPUKernelBuilder &k);
void buildGPUEmbedding(EmbeddingOp op, GPURowsAttr strategy, GPUKernelBuilder &k);
void buildGPULayerNorm(LayerNormOp op, GPURowsAttr strategy, GPUKernelBuilder &k);
void buildGPUMapCodes(MapCodesOp op, GPURowsAttr strategy, GPUKernelBuilder &k);
void buildGPUQuantizeRows(QuantizeRowsOp op, GPURowsAttr strategy, GPUKernelBuilder &k);
void buildGPURMSNorm(RMSNormOp op, GPURowsAttr strategy, GPUKernelBuilder &k);
void buildGPURope(RopeOp op, GPURowsAttr strategy, GPUKernelBuilder &k);
void buildGPUMergeTopK(MergeTopKOp op, GPURowsAttr strategy, GPUKernelBuilder &k);
void buildGPUUpdateState(UpdateStateOp op, GPURowsAttr strategy, GPUKernelBuilder &k);

/// A warp per run of columns; the grid is (blocks of runs, tokens).
void buildGPUTopK(TopKOp op, GPURowsAttr strategy, GPUKernelBuilder &k);

/// A warp per token; the grid is (token blocks).
void buildGPUHash(HashOp op, GPUHashAttr strategy, GPUKernelBuilder &k);

/// Columns that a thread of a gather sums.
int64_t getGatherWidth(LookupOp op);

/// Calls build(set) for the table set of the block.
void forEachSet(LookupOp op, GPUKernelBuilder &k, function_ref<void(unsigned)> build);

/// The grid is (tokens, blocks of `threads` pieces of columns, table sets).
void buildGPURowGather(LookupOp op, int64_t threads, GPUKernelBuilder &k);

/// The grid is (column blocks, token blocks, table sets); see SliceShape.
void buildGPUTableTile(LookupOp op, GPUTableTileAttr strategy, GPUKernelBuilder &k);

/// Shape of a gather of quantised rows.
struct IntegerGather {
  IntegerGather(LookupOp op, int64_t threads);

  int64_t width;      ///< bytes of a piece
  int64_t lanes;      ///< threads with pieces of one row
  int64_t slices;     ///< of the tables
  int64_t parts;      ///< of a stored row, `lanes` pieces each
  int64_t columns;    ///< of a block
  int64_t strips = 1; ///< of the set with the most
  int64_t bytes;      ///< of workgroup memory
};

/// The grid is (tokens, strips * parts, table sets).
void buildGPUIntegerGather(LookupOp op, int64_t threads, GPUKernelBuilder &k);

/// The same of quantised tables.
void buildGPUIntegerTile(LookupOp op, GPUTableTileAttr strategy, GPUKernelBuilder &k);

/// Workgroup memory [warps, 32, rows] for the weights of a block of keys.
Value getFlashWeights(GPUKernelBuilder &k, int64_t warps, int64_t rows);

/// Attention over all keys; the grid is (warps of tokens / warps, parts of heads).
void buildGPUFlash(const AttentionOperands &operands, GPUFlashAttr strategy, GPUKernelBuilder &k);

/// What each block of keys gives, to scratch [tokens, heads, blocks, features of a value + 2]; the grid is (blocks of
/// keys / warps, parts of heads, tokens).
void buildGPUFlashBlocks(const AttentionOperands &operands, Value scratch, GPUFlashAttr strategy, GPUKernelBuilder &k);

/// The results from scratch with blocks of `blockKeys` keys; the grid is (heads / warps, tokens).
void buildGPUFlashMerge(const AttentionOperands &operands, Value scratch, int64_t warps, int64_t blockKeys,
                        GPUKernelBuilder &k);

/// The grid is (blocks of features, blocks of rows).
void buildGPUProjectSequence(ProjectSequenceOp op, GPULinearAttentionAttr strategy, GPUKernelBuilder &k);

/// Shapes of the kernels of an attention by products of matrices.
struct MatrixFlashShape {
  MatrixFlashShape(const AttentionOperands &operands, GPUMatrixFlashAttr strategy);

  FlashShape tile;    ///< of a block that sees all keys
  FlashShape split;   ///< of a warp that sees one block of keys
  int64_t tileBytes;  ///< of workgroup memory
  int64_t splitBytes; ///< of workgroup memory
};

/// Attention over all keys; the grid is (blocks of tokens, parts of heads).
void buildGPUMatrixFlash(const AttentionOperands &operands, GPUMatrixFlashAttr strategy, GPUKernelBuilder &k);

/// As `buildGPUFlashBlocks`.
void buildGPUMatrixFlashBlocks(const AttentionOperands &operands, Value scratch, GPUMatrixFlashAttr strategy,
                               GPUKernelBuilder &k);

/// Shape of a dense layer's kernel with tiles, in f32 arithmetic.
struct DenseTileShape {
  DenseTileShape(LinearOp op, GPUDenseTileAttr strategy);

  int64_t features; ///< of x
  int64_t threads;
  int64_t xBytes; ///< of its tiles of x in workgroup memory
  int64_t bytes;  ///< of all of it
};

/// Shape of a dense layer's kernel that streams weights.
struct DenseStreamShape {
  /// A thread sums `slice` features at a time.
  DenseStreamShape(LinearOp op, int64_t slice);

  int64_t features; ///< of x
  int64_t slice;
  int64_t slices; ///< of features
  int64_t width;  ///< adjacent columns of the weight that a thread loads
  int64_t lanes;  ///< threads of a slice
  int64_t groups; ///< slices at a time
  int64_t bytes;  ///< of workgroup memory
};

/// Tokens and columns of a block of the kernel that streams weights.
inline constexpr int64_t kStreamTokens = 4, kStreamColumns = 32;

/// The grid is (columns / tile, tokens / tile).
void buildGPUDenseTile(LinearOp op, GPUDenseTileAttr strategy, GPUKernelBuilder &k);

/// The grid is (columns / 32, tokens / 4).
void buildGPUDenseStream(LinearOp op, int64_t slice, GPUKernelBuilder &k);

/// Shape of a dense layer's kernel of products of matrices.
struct MatrixDenseShape {
  explicit MatrixDenseShape(GPUMatrixDenseAttr strategy);

  int64_t threads;
  int64_t bytes; ///< of workgroup memory
};

/// Shape of the kernel that streams weights to products of matrices.
struct MatrixStreamShape {
  /// A warp sums `slice` features at a time.
  MatrixStreamShape(LinearOp op, int64_t slice);

  int64_t features; ///< of x
  int64_t slices;   ///< of features
  int64_t warps;
  int64_t bytes; ///< of workgroup memory
};

/// Tokens and columns of a block of that kernel.
inline constexpr int64_t kMatrixStreamTokens = 16, kMatrixStreamColumns = 64;

/// The grid is (columns / 64, tokens / 16).
void buildGPUMatrixStream(LinearOp op, int64_t slice, GPUKernelBuilder &k);

/// The grid is (tokens / tile, columns / tile): blocks of one time share columns of the weight.
void buildGPUMatrixDense(LinearOp op, GPUMatrixDenseAttr strategy, GPUKernelBuilder &k);

/// Shape of the kernels of a dense layer of integers.
struct IntegerDenseShape {
  IntegerDenseShape(LinearOp op, GPUIntegerDenseAttr strategy);

  int64_t halves;        ///< features of a byte
  int64_t panelColumns;  ///< a multiple of 4
  int64_t features;      ///< of x
  int64_t groups;        ///< of features
  int64_t blockFeatures; ///< of a column whose bytes are a word
  int64_t blocks;        ///< of features, of a column
  int64_t tileThreads;   ///< of the kernel with tiles
  int64_t stepFeatures;  ///< that a tile has at once
  int64_t steps;         ///< of a tile
  int64_t xBytes;        ///< of its tiles of x in workgroup memory
  int64_t tileBytes;     ///< of all of it
  int64_t streamThreads; ///< of the kernel that streams weights
  int64_t lanes;         ///< threads with columns of one panel
  int64_t slices;        ///< of a block
  int64_t splits;        ///< parts of a group

  /// Of workgroup memory, for the sums of the kernel that streams weights, and for all that it has there.
  int64_t getPartBytes(int64_t numTokens) const { return slices * numTokens * panelColumns * 4; }
  int64_t getStreamBytes(LinearOp op, int64_t numTokens) const;
  /// Whether that kernel reads x through workgroup memory.
  bool copiesX(LinearOp op, int64_t numTokens) const;
  int64_t getGroupFeatures() const { return features / groups; }
  /// Groups that end in a step; 0 where a group takes several steps.
  int64_t getStepGroups() const { return stepFeatures / getGroupFeatures(); }
};

/// The grid is (columns / tile, tokens / tile).
void buildGPUIntegerDenseTile(LinearOp op, GPUIntegerDenseAttr strategy, GPUKernelBuilder &k);

/// The grid is (panels, tokens / numTokens).
void buildGPUIntegerDenseStream(LinearOp op, GPUIntegerDenseAttr strategy, int64_t numTokens, GPUKernelBuilder &k);

} // namespace mlir::mf

#endif // MF_LIB_CONVERSION_MFTOGPU_KERNELS_H
