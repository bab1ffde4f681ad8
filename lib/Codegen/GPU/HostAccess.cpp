// Accesses of kernels to memory.
#include "HostAccess.h"
#include "mf/Runtime/GPUHost.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::mf;

int64_t HostAccess::getElementBytes() const {
  return std::max<int64_t>(1, getElementTypeOrSelf(memref.getType()).getIntOrFloatBitWidth() / 8);
}

int32_t HostAccess::getFlags() const {
  bool isWorkgroup =
      gpu::GPUDialect::isWorkgroupMemoryAddressSpace(cast<MemRefType>(memref.getType()).getMemorySpace());
  return (writes ? MF_RT_GPU_WRITES : 0) | (isWorkgroup ? MF_RT_GPU_WORKGROUP : 0) | (delayed ? MF_RT_GPU_DELAYED : 0);
}

HostAccess mf::describeAccess(Operation *op) {
  auto make = [](Value memref, ValueRange indices, int64_t elements, std::optional<uint64_t> alignment, bool writes) {
    return HostAccess{memref, indices, elements, Value(), static_cast<int64_t>(alignment.value_or(0)), writes};
  };
  return llvm::TypeSwitch<Operation *, HostAccess>(op)
      .Case([&](memref::LoadOp op) { return make(op.getMemRef(), op.getIndices(), 1, op.getAlignment(), false); })
      .Case([&](memref::StoreOp op) { return make(op.getMemRef(), op.getIndices(), 1, op.getAlignment(), true); })
      .Case([&](vector::LoadOp op) {
        return make(op.getBase(), op.getIndices(), op.getVectorType().getNumElements(), op.getAlignment(), false);
      })
      .Case([&](vector::StoreOp op) {
        return make(op.getBase(), op.getIndices(), op.getVectorType().getNumElements(), op.getAlignment(), true);
      })
      .Default([](Operation *) { return HostAccess(); });
}

Value mf::createAddress(ImplicitLocOpBuilder &b, const HostAccess &access) {
  auto metadata = memref::ExtractStridedMetadataOp::create(b, access.memref);
  Value element = metadata.getOffset();
  for (auto [index, stride] : llvm::zip_equal(access.indices, metadata.getStrides()))
    element = arith::AddIOp::create(b, element, arith::MulIOp::create(b, index, stride));
  Value offset = arith::MulIOp::create(b, element, arith::ConstantIndexOp::create(b, access.getElementBytes()));
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(b, access.memref);
  return arith::IndexCastOp::create(b, b.getI64Type(), arith::AddIOp::create(b, base, offset));
}
