// Nonlinear functions of each element, with the bias before and the factor behind them.
#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::mf;

/// z / (1 + exp(-t)). Where exp overflows, the quotient is a zero of the sign of z.
static Value buildLogisticProduct(KernelBuilder &kb, Value z, Value minusT, int64_t width) {
  return kb.div(z, kb.add(kb.exp(minusT), kb.constant(1.0f, width)));
}

/// (1 + tanh(t)) / 2 is the logistic function at 2 t.
static Value buildGELUTanh(KernelBuilder &kb, Value z, int64_t width) {
  constexpr float minusTwoRoots = -1.5957691216f; // -2 sqrt(2 / pi)
  constexpr float cubic = 0.044715f;
  Value inner = kb.mulAdd(kb.mul(z, z), kb.constant(cubic, width), kb.constant(1.0f, width));
  return buildLogisticProduct(kb, z, kb.mul(kb.mul(z, kb.constant(minusTwoRoots, width)), inner), width);
}

static Value buildGELU(KernelBuilder &kb, Value z, int64_t width) {
  Value erf = kb.erf(kb.mul(z, kb.constant(0.70710678118f, width)));
  return kb.mul(kb.mul(z, kb.constant(0.5f, width)), kb.add(erf, kb.constant(1.0f, width)));
}

static Value buildFunction(KernelBuilder &kb, ActivationKind kind, Value z, int64_t width) {
  switch (kind) {
  case ActivationKind::GELU:
    return buildGELU(kb, z, width);
  case ActivationKind::GELUTanh:
    return buildGELUTanh(kb, z, width);
  case ActivationKind::SiLU:
    return buildLogisticProduct(kb, z, kb.mul(z, kb.constant(-1.0f, width)), width);
  }
  llvm_unreachable("no other activation");
}

void mf::lowerActivation(ActivationOp op, CPURowsAttr strategy) {
  KernelBuilder kb(op, strategy.getLanes());
  int64_t size = cast<MemRefType>(op.getInit().getType()).getDimSize(1);
  kb.loopOver(kb.dim(op.getInit(), 0), [&](Value token) {
    kb.forEachPiece(size, [&](Value offset, int64_t width) {
      Value z = kb.load(op.getX(), {token, offset}, width);
      if (op.getBias())
        z = kb.add(z, kb.load(op.getBias(), offset, width));
      Value y = buildFunction(kb, op.getKind(), z, width);
      if (op.getFactor())
        y = kb.mul(y, kb.load(op.getFactor(), {token, offset}, width));
      kb.store(y, op.getInit(), {token, offset});
    });
  });
}
