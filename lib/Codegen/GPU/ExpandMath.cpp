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

/// A constant of i32 or of a vector of it.
static Value createMask(OpBuilder &b, Location loc, Type type, uint32_t mask) {
  TypedAttr value = b.getI32IntegerAttr(static_cast<int32_t>(mask));
  if (auto vector = dyn_cast<VectorType>(type))
    value = DenseElementsAttr::get(vector, Attribute(value));
  return arith::ConstantOp::create(b, loc, value);
}

/// The magnitude of `x` with the sign of `sign`, without a sign where that is null, by bits: upstream's lowering takes
/// neither `math.absf` without libdevice nor LLVM's intrinsic, and no `math.copysign`.
static Value setSign(OpBuilder &b, Location loc, Value x, Value sign) {
  Type bits = b.getI32Type();
  if (auto vector = dyn_cast<VectorType>(x.getType()))
    bits = vector.clone(bits);
  auto select = [&](Value from, uint32_t mask) -> Value {
    return arith::AndIOp::create(b, loc, arith::BitcastOp::create(b, loc, bits, from), createMask(b, loc, bits, mask));
  };
  Value result = select(x, 0x7fffffff);
  if (sign)
    result = arith::OrIOp::create(b, loc, result, select(sign, 0x80000000));
  return arith::BitcastOp::create(b, loc, x.getType(), result);
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
    result = setSign(b, loc, abs.getOperand(), /*sign=*/Value());
  else if (auto copySign = dyn_cast<math::CopySignOp>(op))
    result = setSign(b, loc, copySign.getLhs(), copySign.getRhs());
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
