// Ops of kernels for GPUs: their verifiers.
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

using namespace mlir;
using namespace mlir::mf;

#define GET_OP_CLASSES
#include "mf/Dialect/MF/IR/MFKernelOps.cpp.inc"

static LogicalResult verifyWorkgroup(Operation *op, Value memref, StringRef what) {
  auto type = cast<MemRefType>(memref.getType());
  if (gpu::GPUDialect::isWorkgroupMemoryAddressSpace(type.getMemorySpace()))
    return success();
  return op->emitOpError("expects ") << what << " to be workgroup memory, found " << type;
}

int64_t BulkCopyOp::getBytes() {
  return getElements() * cast<MemRefType>(getSource().getType()).getElementTypeBitWidth() / 8;
}

LogicalResult BulkCopyOp::verify() {
  // bulk_copy_c1
  auto source = cast<MemRefType>(getSource().getType()), destination = cast<MemRefType>(getDestination().getType());
  if (!source.getLayout().isIdentity() || !destination.getLayout().isIdentity() ||
      source.getElementType() != destination.getElementType() || !source.getElementType().isIntOrFloat())
    return emitOpError("expects compact memrefs of one element type, found ") << source << " and " << destination;
  if (failed(verifyWorkgroup(*this, getDestination(), "the destination")) ||
      failed(verifyWorkgroup(*this, getBarriers(), "barriers")))
    return failure();
  // bulk_copy_c2
  if (static_cast<int64_t>(getSourceIndices().size()) != source.getRank() ||
      static_cast<int64_t>(getDestinationIndices().size()) != destination.getRank())
    return emitOpError("expects an index for each dimension of ") << source << " and " << destination;
  // bulk_copy_c3
  if (getElements() < 1 || getBytes() % 16 != 0)
    return emitOpError("expects a multiple of 16 bytes, found ") << getElements() << " elements of " << source;
  // bulk_copy_c4
  if (std::optional<uint32_t> mask = getMulticast(); mask && (*mask == 0 || *mask > 0xffff))
    return emitOpError("expects a mask of up to 16 blocks, found ") << *mask;
  return success();
}

LogicalResult MBarrierInitOp::verify() { return verifyWorkgroup(*this, getBarriers(), "barriers"); }
LogicalResult MBarrierExpectOp::verify() { return verifyWorkgroup(*this, getBarriers(), "barriers"); }
LogicalResult MBarrierWaitOp::verify() { return verifyWorkgroup(*this, getBarriers(), "barriers"); }
