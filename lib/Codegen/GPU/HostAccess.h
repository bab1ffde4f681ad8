// Accesses of kernels to memory, and the code that tells lib/Runtime/GPUHost of them.
#ifndef MF_LIB_CODEGEN_GPU_HOSTACCESS_H
#define MF_LIB_CODEGEN_GPU_HOSTACCESS_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::mf {

/// An access of one thread: `elements` from `indices` on, in the last dimension.
struct HostAccess {
  Value memref;
  ValueRange indices;
  int64_t elements = 1;
  Value countedElements; ///< how many of them are read, where that is known at run time only; else null
  int64_t alignment = 0; ///< in bytes; 0: that of an element
  bool writes = false;
  bool delayed = false;

  int64_t getElementBytes() const;
  int64_t getAlignment() const { return alignment ? alignment : getElementBytes(); }
  /// Bits of mf_rt_gpu_site::flags.
  int32_t getFlags() const;
};

/// The access of a memref.load, memref.store, vector.load or vector.store; one without a memref for other ops.
HostAccess describeAccess(Operation *op);

/// The address, as i64.
Value createAddress(ImplicitLocOpBuilder &b, const HostAccess &access);

} // namespace mlir::mf

#endif // MF_LIB_CODEGEN_GPU_HOSTACCESS_H
