// The pass `convert-mf-to-vector`: finds the compute ops, checks what their kernels rely on, and has them built.
#include "Kernels.h"
#include "mf/Codegen/CPU/StripPasses.h"
#include "mf/Conversion/Passes.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::mf {
#define GEN_PASS_DEF_CONVERTMFTOVECTORPASS
#include "mf/Conversion/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

/// Features are loaded as vectors: they have to be adjacent, and their number known.
static LogicalResult checkMemRefs(Operation *op) {
  for (auto [position, operand] : llvm::enumerate(op->getOperands())) {
    auto type = dyn_cast<MemRefType>(operand.getType());
    if (!type)
      return op->emitOpError("operand #")
             << position << " is a tensor; kernels are built on memrefs, after bufferization";
    SmallVector<int64_t> strides;
    int64_t offset;
    if (failed(type.getStridesAndOffset(strides, offset)))
      return op->emitOpError("operand #") << position << " has type " << type << ", whose layout is not strided";
    if (strides.back() != 1 && type.getShape().back() != 1)
      return op->emitOpError("operand #")
             << position << " has type " << type << "; its innermost dimension must have stride 1";
  }
  return success();
}

static LogicalResult checkFeatures(Operation *op, Value value, ArrayRef<int64_t> dimensions) {
  auto type = cast<MemRefType>(value.getType());
  for (int64_t dimension : dimensions)
    if (type.isDynamicDim(dimension))
      return op->emitOpError("dimension ") << dimension << " of " << type << " must be static";
  return success();
}

/// The dimensions that kernels unroll or split into vectors.
static LogicalResult checkStaticDimensions(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([](HashOp op) { return checkFeatures(op, op.getCodesInit(), 1); })
      .Case([](LookupOp op) {
        for (auto [table, init] : llvm::zip(op.getTables(), op.getInits()))
          if (failed(checkFeatures(op, table, cast<MemRefType>(table.getType()).getRank() - 1)) ||
              (!isa_and_present<CPUStripsAttr>(op.getStrategyAttr()) && failed(checkFeatures(op, init, 1))))
            return failure();
        return checkFeatures(op, op.getCodes(), 1);
      })
      .Case<ActivationOp, AddOp, RMSNormOp, LayerNormOp, EmbeddingOp>(
          [](auto op) { return checkFeatures(op, op.getInit(), 1); })
      .Case([](RopeOp op) {
        if (failed(checkFeatures(op, op.getInit(), 2)) || failed(checkFeatures(op, op.getAngles(), {1, 2})))
          return failure();
        auto angles = cast<MemRefType>(op.getAngles().getType());
        auto [strides, offset] = angles.getStridesAndOffset();
        if (strides[1] != 2 && angles.getDimSize(1) != 1)
          return LogicalResult(op.emitOpError("angles of type ") << angles << "; a row must be contiguous");
        return success();
      })
      .Case([](LinearOp op) {
        auto type = cast<MemRefType>(op.getWeight().getType());
        if (op.isQuantized() && failed(checkFeatures(op, op.getX(), 1)))
          return failure();
        return checkFeatures(op, op.getWeight(), type.getRank() - 1);
      })
      .Case<AttentionOp, CachedAttentionOp>([](auto op) {
        return failed(checkFeatures(op, op.getQ(), 2)) ? failure() : checkFeatures(op, op.getInit(), 2);
      })
      .Case<LinearAttentionOp, RecurrentAttentionOp>([](auto op) {
        return failed(checkFeatures(op, op.getQ(), 2)) ? failure() : checkFeatures(op, op.getInit(), 2);
      })
      .Case([](ProjectSequenceOp op) { return checkFeatures(op, op.getInit(), 2); })
      .Case([](MapCodesOp op) { return checkFeatures(op, op.getMap(), 0); })
      .Case([](MergeTopKOp op) { return checkFeatures(op, op.getRunValues(), 1); })
      .Case([](QuantizeRowsOp op) { return checkFeatures(op, op.getX(), 1); })
      .Case([](UpdateStateOp op) { return checkFeatures(op, op.getX(), 2); })
      .Default([](Operation *) { return success(); });
}

/// Calls `lower` with the strategy, where the op has one of the family that it needs.
template <typename Strategy, typename Op> static LogicalResult lowerWith(Op op, void (*lower)(Op, Strategy)) {
  if (!op.getStrategyAttr())
    return op.emitOpError("has no strategy; run mf-cpu-select-strategies, or write one of the kind mf.")
           << Strategy::getMnemonic();
  auto strategy = dyn_cast<Strategy>(op.getStrategyAttr());
  if (!strategy)
    return op.emitOpError("has the strategy ")
           << op.getStrategyAttr() << "; its kernel needs one of the kind mf." << Strategy::getMnemonic();
  lower(op, strategy);
  op.erase();
  return success();
}

/// The scratch of a lookup in strips is what mf-cpu-add-scratch makes.
static LogicalResult checkScratch(LookupOp op) {
  auto strategy = cast<CPUStripsAttr>(op.getStrategyAttr());
  StripPasses passes(op, strategy);
  auto hasShape = [](Value scratch, ArrayRef<int64_t> shape, Type element) {
    auto type = cast<MemRefType>(scratch.getType());
    return type.getElementType() == element && llvm::equal(type.getShape(), shape);
  };
  int64_t tokens = cast<MemRefType>(op.getCodes().getType()).getDimSize(0);
  OpBuilder b(op);
  if (op.getScratch().empty() ||
      !hasShape(op.getScratch().front(), {passes.count, tokens, passes.columns}, b.getI32Type()))
    return op.emitOpError("has no scratch of ")
           << passes.count << " passes of " << passes.columns << " columns; run mf-cpu-add-scratch";
  ValueRange copies = op.getScratch().drop_front();
  if (copies.empty())
    return success();
  int64_t tables = strategy.getTables();
  SmallVector<Value> copied{op.getCodes()};
  if (op.isQuantized())
    copied.push_back(op.getScores());
  if (copies.size() != copied.size())
    return op.emitOpError("expects scratch for the copies of ")
           << (op.isQuantized() ? "codes and scores" : "codes") << ", found " << copies.size() << " buffers";
  for (auto [copy, source] : llvm::zip_equal(copies, copied))
    if (!hasShape(copy, {llvm::divideCeilSigned(op.getNumTables(), tables), tokens, tables},
                  getElementTypeOrSelf(source)))
      return op.emitOpError("expects scratch of codes to be [blocks, tokens, ")
             << tables << "], found " << copy.getType();
  return success();
}

/// Strips have a kernel that needs scratch; the other one reads any layout but pairs.
static LogicalResult lowerLookupOp(LookupOp op) {
  TableLayoutAttr layout = op.getLayoutAttr();
  if (!isa_and_present<CPUStripsAttr>(op.getStrategyAttr())) {
    if (layout && layout.getColumnsPerByte() == 2)
      return op.emitOpError("has tables of two columns per byte; their kernel needs a strategy of the kind mf.")
             << CPUStripsAttr::getMnemonic();
    return lowerWith(op, lowerLookup);
  }
  if (!layout || layout.isIdentity())
    return op.emitOpError("has the strategy ") << op.getStrategyAttr() << ", which needs tables in strips";
  int64_t bytes = cast<MemRefType>(op.getTables().front().getType()).getDimSize(3);
  if (op.isQuantized() && bytes % 16 != 0)
    return op.emitOpError("has strips of ") << bytes << " bytes; their kernel needs a multiple of 16";
  return failed(checkScratch(op)) ? failure() : lowerWith(op, lowerLookupStrips);
}

/// Integers are read four features at a time, pairs of them eight.
static LogicalResult lowerLinearOp(LinearOp op) {
  if (op.getPruningAttr() && !op.getLayoutAttr())
    return op.emitOpError("has pruned features; their kernel needs panels of ")
           << op.getPruningAttr().getColumns() << " columns, found no layout";
  if (!op.isQuantized())
    return lowerWith(op, lowerLinear);
  PanelLayoutAttr layout = op.getLayoutAttr();
  if (!layout || layout.getInterleave() != 4 || layout.getColumns() % 16 != 0)
    return op.emitOpError("has a quantised weight; its kernel needs panels of a multiple of 16 columns that interleave "
                          "4 features, found ")
           << layout;
  auto gemm = dyn_cast_if_present<CPUPanelGemmAttr>(op.getStrategyAttr());
  if (gemm && layout.getColumns() % gemm.getLanes() != 0)
    return op.emitOpError("has panels of ")
           << layout.getColumns() << " columns; its kernel needs a multiple of the strategy's " << gemm.getLanes()
           << " lanes";
  int64_t features = cast<MemRefType>(op.getX().getType()).getDimSize(1);
  int64_t groups = cast<MemRefType>(op.getWeightScales().getType()).getDimSize(1);
  int64_t block = 4 * layout.getFeaturesPerByte();
  if (groups > 1 && features / groups % block != 0)
    return op.emitOpError("has groups of ")
           << features / groups << " features; its kernel needs multiples of " << block;
  return lowerWith(op, lowerLinear);
}

static LogicalResult lowerLinearAttentionOp(LinearAttentionOp op) {
  if (op.getForm() == AttentionForm::Quadratic)
    return op.emitOpError("has the form quadratic, which has no kernel; run mf-expand-attention or "
                          "mf-convert-attention-form");
  if (!op.getScratch())
    return op.emitOpError("has no scratch of ") << op.getStateLayout().getSize() << " elements; run mf-cpu-add-scratch";
  return lowerWith(op, lowerLinearAttention);
}

static LogicalResult lowerOp(Operation *op) {
  if (failed(checkMemRefs(op)) || failed(checkStaticDimensions(op)))
    return failure();
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([](ActivationOp op) { return lowerWith(op, lowerActivation); })
      .Case([](AddOp op) { return lowerWith(op, lowerAdd); })
      .Case([](AttentionOp op) { return lowerWith(op, lowerAttention); })
      .Case([](CachedAttentionOp op) { return lowerWith(op, lowerCachedAttention); })
      .Case([](EmbeddingOp op) { return lowerWith(op, lowerEmbedding); })
      .Case([](HashOp op) { return lowerWith(op, lowerHash); })
      .Case([](LayerNormOp op) { return lowerWith(op, lowerLayerNorm); })
      .Case([](LinearAttentionOp op) { return lowerLinearAttentionOp(op); })
      .Case([](LinearOp op) { return lowerLinearOp(op); })
      .Case([](LookupOp op) { return lowerLookupOp(op); })
      .Case([](MapCodesOp op) { return lowerWith(op, lowerMapCodes); })
      .Case([](MergeTopKOp op) { return lowerWith(op, lowerMergeTopK); })
      .Case([](ProjectSequenceOp op) { return lowerWith(op, lowerProjectSequence); })
      .Case([](QuantizeRowsOp op) { return lowerWith(op, lowerQuantizeRows); })
      .Case([](RecurrentAttentionOp op) { return lowerWith(op, lowerRecurrentAttention); })
      .Case([](RMSNormOp op) { return lowerWith(op, lowerRMSNorm); })
      .Case([](RopeOp op) { return lowerWith(op, lowerRope); })
      .Case([](TopKOp op) { return lowerWith(op, lowerTopK); })
      .Case([](UpdateStateOp op) { return lowerWith(op, lowerUpdateState); })
      .Default([](Operation *op) { return op->emitOpError("has no kernel for CPUs"); });
}

namespace {
struct ConvertMFToVectorPass : mf::impl::ConvertMFToVectorPassBase<ConvertMFToVectorPass> {
  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation().walk([&](DestinationStyleOpInterface op) {
      if (isa_and_present<MFDialect>(op->getDialect()))
        ops.push_back(op);
    });
    for (Operation *op : ops)
      if (failed(lowerOp(op)))
        return signalPassFailure();
  }
};
} // namespace
