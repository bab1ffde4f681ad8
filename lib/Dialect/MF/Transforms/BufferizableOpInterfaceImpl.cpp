// Bufferisation of the compute ops: results live in the buffers of the destinations.
#include "mf/Dialect/MF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace mlir::mf;

/// The op on memrefs.
static LogicalResult bufferizeComputeOp(RewriterBase &rewriter, DestinationStyleOpInterface op,
                                        const BufferizationOptions &options, BufferizationState &state) {
  if (op.hasPureBufferSemantics())
    return success();
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  SmallVector<Value> buffers;
  for (Value operand : op->getOperands()) {
    FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
    if (failed(buffer))
      return failure();
    buffers.push_back(*buffer);
  }
  mlir::clone(rewriter, op, /*newResultTypes=*/TypeRange(), buffers);
  SmallVector<Value> results;
  for (OpResult result : op->getResults())
    results.push_back(buffers[op.getTiedOpOperand(result)->getOperandNumber()]);
  replaceOpWithBufferizedValues(rewriter, op, results);
  return success();
}

namespace {
template <typename OpT>
struct ComputeOpModel : public DstBufferizableOpInterfaceExternalModel<ComputeOpModel<OpT>, OpT> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand, const AnalysisState &) const {
    auto dpsOp = cast<DestinationStyleOpInterface>(op);
    if (!dpsOp.isDpsInit(&operand))
      return true;
    unsigned number = operand.getOperandNumber() - dpsOp.getDpsInitOperand(0)->getOperandNumber();
    return cast<ComputeOpInterface>(op).keepsDestination(number);
  }

  bool bufferizesToElementwiseAccess(Operation *op, const AnalysisState &, ArrayRef<OpOperand *>) const {
    // An element of the result may overwrite the element that it was made of.
    return isa<ActivationOp, AddOp>(op);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter, const BufferizationOptions &options,
                          BufferizationState &state) const {
    return bufferizeComputeOp(rewriter, cast<DestinationStyleOpInterface>(op), options, state);
  }
};
} // namespace

template <typename... OpTs> static void attachModels(MLIRContext *context) {
  (OpTs::template attachInterface<ComputeOpModel<OpTs>>(*context), ...);
}

void mlir::mf::registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, MFDialect *) {
    attachModels<ActivationOp, AddOp, AttentionOp, CachedAttentionOp, EmbeddingOp, HashOp, LayerNormOp,
                 LinearAttentionOp, LinearOp, LookupOp, MapCodesOp, MergeTopKOp, ProjectSequenceOp, QuantizeRowsOp,
                 RMSNormOp, RecurrentAttentionOp, RopeOp, TopKOp, UpdateStateOp>(context);
    // Copies that conflicts ask for.
    context->loadDialect<BufferizationDialect>();
  });
}
