// Math ops of kernels to what NVPTX rounds correctly.
#include "mf/Codegen/GPU/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace mlir::mf {
#define GEN_PASS_DEF_GPUEXPANDMATHPASS
#include "mf/Codegen/GPU/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

/// |x| of an f32, by its bits: upstream's lowering takes neither `math.absf` without libdevice nor LLVM's intrinsic.
static Value clearSign(OpBuilder &b, Location loc, Value x) {
  Value bits = arith::BitcastOp::create(b, loc, b.getI32Type(), x);
  Value mask = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(0x7fffffff));
  return arith::BitcastOp::create(b, loc, x.getType(), arith::AndIOp::create(b, loc, bits, mask));
}

static void expand(Operation *op) {
  OpBuilder b(op);
  Location loc = op->getLoc();
  Value result;
  if (auto sqrt = dyn_cast<math::SqrtOp>(op))
    result = LLVM::CallIntrinsicOp::create(b, loc, sqrt.getType(), b.getStringAttr("llvm.nvvm.sqrt.rn.f"),
                                           sqrt->getOperands())
                 ->getResult(0);
  else if (auto abs = dyn_cast<math::AbsFOp>(op))
    result = clearSign(b, loc, abs.getOperand());
  else if (auto fma = dyn_cast<math::FmaOp>(op))
    result = LLVM::FMAOp::create(b, loc, fma.getType(), fma.getA(), fma.getB(), fma.getC());
  if (!result)
    return;
  op->replaceAllUsesWith(ValueRange(result));
  op->erase();
}

namespace {
struct GPUExpandMathPass : public mf::impl::GPUExpandMathPassBase<GPUExpandMathPass> {
  void runOnOperation() override { getOperation().walk(expand); }
};
} // namespace
