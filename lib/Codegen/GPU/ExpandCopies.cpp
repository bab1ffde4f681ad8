// Bulk copies and their barriers, on memrefs, to what the NVVM dialect has on pointers.
#include "HostAccess.h"
#include "mf/Codegen/GPU/Passes.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::mf {
#define GEN_PASS_DEF_GPUEXPANDCOPIESPASS
#include "mf/Codegen/GPU/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

static Value integer(ImplicitLocOpBuilder &b, int64_t value, unsigned bits) {
  return LLVM::ConstantOp::create(b, b.getIntegerType(bits), b.getIntegerAttr(b.getIntegerType(bits), value));
}

/// The address of an element, as a pointer of NVVM's memory space.
static Value createPointer(ImplicitLocOpBuilder &b, Value memref, ValueRange indices, NVVM::NVVMMemorySpace space) {
  Value address = createAddress(b, HostAccess{memref, indices});
  auto generic = LLVM::LLVMPointerType::get(b.getContext());
  auto type = LLVM::LLVMPointerType::get(b.getContext(), static_cast<unsigned>(space));
  // Memory of the device has generic addresses, workgroup memory its own.
  if (space != NVVM::NVVMMemorySpace::Global)
    return LLVM::IntToPtrOp::create(b, type, address);
  return LLVM::AddrSpaceCastOp::create(b, type, LLVM::IntToPtrOp::create(b, generic, address));
}

static Value createShared(ImplicitLocOpBuilder &b, Value memref, ValueRange indices) {
  return createPointer(b, memref, indices, NVVM::NVVMMemorySpace::Shared);
}

static void expandCopy(ImplicitLocOpBuilder &b, BulkCopyOp op) {
  auto cluster =
      LLVM::LLVMPointerType::get(b.getContext(), static_cast<unsigned>(NVVM::NVVMMemorySpace::SharedCluster));
  Value to = createShared(b, op.getDestination(), op.getDestinationIndices());
  to = LLVM::AddrSpaceCastOp::create(b, cluster, to);
  Value from = createPointer(b, op.getSource(), op.getSourceIndices(), NVVM::NVVMMemorySpace::Global);
  Value barrier = createShared(b, op.getBarriers(), op.getBarrier()), mask;
  if (op.getMulticast())
    mask = integer(b, *op.getMulticast(), 16);
  NVVM::CpAsyncBulkGlobalToSharedClusterOp::create(b, to, from, barrier, integer(b, op.getBytes(), 32), mask,
                                                   /*l2CacheHint=*/Value());
}

static void expand(Operation *op) {
  ImplicitLocOpBuilder b(op->getLoc(), op);
  bool isExpanded =
      llvm::TypeSwitch<Operation *, bool>(op)
          .Case([&](BulkCopyOp op) {
            expandCopy(b, op);
            return true;
          })
          .Case([&](MBarrierInitOp op) {
            Value count = integer(b, op.getCount(), 32);
            NVVM::MBarrierInitOp::create(b, createShared(b, op.getBarriers(), op.getBarrier()), count,
                                         /*predicate=*/Value());
            // Other blocks, and copies, are to see it.
            NVVM::FenceMbarrierInitOp::create(b);
            return true;
          })
          .Case([&](MBarrierExpectOp op) {
            Value bytes = integer(b, op.getBytes(), 32);
            NVVM::MBarrierArriveExpectTxOp::create(b, Type(), createShared(b, op.getBarriers(), op.getBarrier()), bytes,
                                                   NVVM::MemScopeKind::CTA, /*relaxed=*/false, /*predicate=*/Value());
            return true;
          })
          .Case([&](MBarrierWaitOp op) {
            // A hint, after which the loop of the instruction asks again.
            constexpr int64_t nanoseconds = 10000;
            NVVM::MBarrierTryWaitParityOp::create(b, createShared(b, op.getBarriers(), op.getBarrier()), op.getParity(),
                                                  integer(b, nanoseconds, 32));
            return true;
          })
          .Default(false);
  if (isExpanded)
    op->erase();
}

namespace {
struct GPUExpandCopiesPass : public mf::impl::GPUExpandCopiesPassBase<GPUExpandCopiesPass> {
  void runOnOperation() override { getOperation().walk(expand); }
};
} // namespace
