// mf-expand-attention: linear attention written out as linalg ops, in one of its three equal forms. A chunk is the
// masked product of its queries and keys plus the sums of the chunks before: the quadratic form is one chunk without
// sums, the recurrent one has chunks of one token.
#include "HeadExpansion.h"
#include "mf/Conversion/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::mf {
#define GEN_PASS_DEF_EXPANDATTENTIONPASS
#include "mf/Conversion/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

/// [T, 1, d] of [T, H, d] as [T, d].
static Value sliceHead(ImplicitLocOpBuilder &b, Value x, Value head) {
  auto type = cast<RankedTensorType>(x.getType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), x);
  sizes[1] = b.getIndexAttr(1);
  SmallVector<OpFoldResult> offsets = {b.getIndexAttr(0), head, b.getIndexAttr(0)};
  return tensor::ExtractSliceOp::create(b,
                                        RankedTensorType::get({type.getDimSize(0), type.getDimSize(2)}, b.getF32Type()),
                                        x, offsets, sizes, SmallVector<OpFoldResult>(3, b.getIndexAttr(1)));
}

/// A parallel loop over heads.
static void expand(LinearAttentionOp op, int64_t chunk) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  SmallVector<OpFoldResult> heads = {tensor::getMixedSize(b, op.getLoc(), op.getQ(), 1)};
  auto loop = scf::ForallOp::create(b, heads, ValueRange(op.getInit()), /*mapping=*/std::nullopt);
  b.setInsertionPointToStart(loop.getBody());
  Value head = loop.getInductionVar(0), init = loop.getRegionIterArgs().front();
  Value result = HeadExpansion(b, op).build(sliceHead(b, op.getQ(), head), sliceHead(b, op.getK(), head),
                                            sliceHead(b, op.getV(), head), chunk);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, op.getLoc(), op.getInit());
  sizes[1] = b.getIndexAttr(1);
  SmallVector<OpFoldResult> offsets = {b.getIndexAttr(0), head, b.getIndexAttr(0)};
  b.setInsertionPointToStart(loop.getTerminator().getBody());
  tensor::ParallelInsertSliceOp::create(b, result, init, offsets, sizes,
                                        SmallVector<OpFoldResult>(3, b.getIndexAttr(1)));
  op->replaceAllUsesWith(loop.getResults());
  op.erase();
}

namespace {
struct ExpandAttentionPass : public mf::impl::ExpandAttentionPassBase<ExpandAttentionPass> {
  using ExpandAttentionPassBase::ExpandAttentionPassBase;

  void runOnOperation() override;
};
} // namespace

void ExpandAttentionPass::runOnOperation() {
  std::optional<AttentionForm> wanted = symbolizeAttentionForm(form);
  if (form != "keep" && !wanted) {
    getOperation().emitError("mf-expand-attention: expects form to be keep, quadratic, chunked or recurrent, found ")
        << form.getValue();
    return signalPassFailure();
  }
  SmallVector<LinearAttentionOp> ops;
  getOperation().walk([&](LinearAttentionOp op) {
    if (!withoutKernel || op.getForm() == AttentionForm::Quadratic)
      ops.push_back(op);
  });
  for (LinearAttentionOp op : ops) {
    if (!op.hasPureTensorSemantics() || op.getLayoutAttr()) {
      op.emitOpError("cannot be expanded: expects tensors, and a projection without a layout");
      return signalPassFailure();
    }
    if (wanted)
      op.setForm(*wanted);
    expand(op, op.getForm() == AttentionForm::Quadratic ? 0 : op.getSumChunk());
  }
}
