// The kernels of `convert-mf-to-vector`, a file per family. Each builds the code of an op on memrefs before the op.
#ifndef MF_CONVERSION_MFTOVECTOR_KERNELS_H
#define MF_CONVERSION_MFTOVECTOR_KERNELS_H

#include "mf/Codegen/CPU/KernelBuilder.h"
#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {

/// Rows [begin, end) go in tiles of `count`.
struct RowRange {
  int64_t count;
  Value begin, end;
};

/// `total` rows in tiles of `most` as far as they go, then in narrower ones down to single rows.
SmallVector<RowRange> splitRows(KernelBuilder &kb, Value total, int64_t most);

void lowerActivation(ActivationOp op, CPURowsAttr strategy);
void lowerAdd(AddOp op, CPURowsAttr strategy);
void lowerAttention(AttentionOp op, CPUFlashAttr strategy);
void lowerCachedAttention(CachedAttentionOp op, CPUFlashAttr strategy);
void lowerEmbedding(EmbeddingOp op, CPURowsAttr strategy);
void lowerHash(HashOp op, CPUHashAttr strategy);
void lowerLayerNorm(LayerNormOp op, CPURowsAttr strategy);
void lowerLinear(LinearOp op, CPUPanelGemmAttr strategy);
/// For a weight without a layout.
void lowerLinearOnRows(LinearOp op, CPUPanelGemmAttr strategy);
/// Quantised weights, in panels that interleave 4 features.
void lowerLinearOfIntegers(LinearOp op, CPUPanelGemmAttr strategy);
void lowerLinearAttention(LinearAttentionOp op, CPULinearAttentionAttr strategy);
void lowerLookup(LookupOp op, CPURowGatherAttr strategy);
void lowerLookupStrips(LookupOp op, CPUStripsAttr strategy);
void lowerMapCodes(MapCodesOp op, CPURowsAttr strategy);
void lowerMergeTopK(MergeTopKOp op, CPURowsAttr strategy);
void lowerProjectSequence(ProjectSequenceOp op, CPULinearAttentionAttr strategy);
void lowerQuantizeRows(QuantizeRowsOp op, CPURowsAttr strategy);
void lowerRecurrentAttention(RecurrentAttentionOp op, CPULinearAttentionAttr strategy);
void lowerRMSNorm(RMSNormOp op, CPURowsAttr strategy);
void lowerRope(RopeOp op, CPURowsAttr strategy);
void lowerTopK(TopKOp op, CPURowsAttr strategy);
void lowerUpdateState(UpdateStateOp op, CPURowsAttr strategy);

} // namespace mlir::mf

#endif // MF_CONVERSION_MFTOVECTOR_KERNELS_H
