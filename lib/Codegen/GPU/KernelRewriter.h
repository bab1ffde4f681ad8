// A kernel becomes a function of a thread of the host, op by op.
#ifndef MF_LIB_CODEGEN_GPU_KERNELREWRITER_H
#define MF_LIB_CODEGEN_GPU_KERNELREWRITER_H

#include "HostAccess.h"
#include "HostRuntime.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"

namespace mlir::mf {

/// Rewrites the body of one kernel.
class KernelRewriter {
public:
  KernelRewriter(HostRuntime &runtime, gpu::GPUFuncOp kernel, bool checked);

  /// Turns the kernel into the function `symbol`, and describes it.
  LogicalResult run(ImplicitLocOpBuilder &b, StringRef symbol);

private:
  int32_t addSite(Operation *op, const HostAccess *access = nullptr);
  void checkIndices(ImplicitLocOpBuilder &b, int32_t site, const HostAccess &access);
  void tell(ImplicitLocOpBuilder &b, int32_t site, const HostAccess &access);
  void countRegion(Block &block);
  LogicalResult rewrite(Operation *op);
  LogicalResult rewriteInline(Operation *op);
  LogicalResult rewriteCall(Operation *op);

  void copy(nvgpu::DeviceAsyncCopyOp op);
  void barrier(gpu::BarrierOp op);
  void copyBulk(BulkCopyOp op);
  void checkRun(ImplicitLocOpBuilder &b, int32_t site, const HostAccess &access);
  void useBarrier(Operation *op, StringRef symbol, Value memref, Value index, Value operand);
  LogicalResult shuffle(gpu::ShuffleOp op);
  LogicalResult vote(NVVM::VoteSyncOp op);
  LogicalResult loadMatrices(nvgpu::LdMatrixOp op);
  LogicalResult multiplyMatrices(nvgpu::MmaSyncOp op);
  LogicalResult multiplyMatrices(NVVM::MmaOp op);

  Value integer(ImplicitLocOpBuilder &b, int64_t value) { return arith::ConstantIntOp::create(b, value, 32); }
  void call(ImplicitLocOpBuilder &b, StringRef symbol, ValueRange operands);
  Value callForWord(ImplicitLocOpBuilder &b, StringRef symbol, ValueRange operands);

  HostRuntime &runtime;
  gpu::GPUFuncOp kernel;
  HostKernel description;
  Value thread;
  llvm::DenseMap<Operation *, int64_t> numbers; ///< of ops, in the order of the text
};

} // namespace mlir::mf

#endif // MF_LIB_CODEGEN_GPU_KERNELREWRITER_H
