// What follows for every compute op from its being in destination-passing style: effects, speculation, result shapes
// and the folding of memref casts.
#include "mf/Dialect/MF/IR/MFComputeOp.h"
#include "mf/Dialect/MF/IR/MFDialect.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::mf;

#include "mf/Dialect/MF/IR/MFOpInterfaces.cpp.inc"

LogicalResult mf::detail::foldMemRefCasts(Operation *op) {
  bool folded = false;
  for (OpOperand &operand : op->getOpOperands()) {
    auto castOp = operand.get().getDefiningOp<memref::CastOp>();
    // Only a cast that forgets: the other direction is information that the op's type would lose.
    if (!castOp || !memref::CastOp::canFoldIntoConsumerOp(castOp))
      continue;
    operand.set(castOp.getSource());
    folded = true;
  }
  return success(folded);
}

void mf::detail::getEffects(DestinationStyleOpInterface op,
                            SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    // What the kernel may use is of no interest before or after.
    if (auto lookup = dyn_cast<LookupOp>(op.getOperation());
        lookup && llvm::is_contained(lookup.getScratch(), operand.get())) {
      effects.emplace_back(MemoryEffects::Write::get(), &operand, /*stage=*/0, /*effectOnFullRegion=*/false,
                           SideEffects::DefaultResource::get());
      continue;
    }
    // Destinations are written and not read, also by mf.update_state, which leaves most of its one as it is.
    if (op.isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand, /*stage=*/1, /*effectOnFullRegion=*/false,
                           SideEffects::DefaultResource::get());
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand, /*stage=*/0, /*effectOnFullRegion=*/false,
                           SideEffects::DefaultResource::get());
  }
}

Speculation::Speculatability mf::detail::getSpeculatability(DestinationStyleOpInterface op) {
  return op.hasPureTensorSemantics() ? Speculation::Speculatable : Speculation::NotSpeculatable;
}

LogicalResult mf::detail::reifyResultShapes(DestinationStyleOpInterface op, OpBuilder &b,
                                            ReifiedRankedShapedTypeDims &shapes) {
  for (OpResult result : op->getResults())
    shapes.push_back(tensor::getMixedSizes(b, op.getLoc(), op.getTiedOpOperand(result)->get()));
  return success();
}
