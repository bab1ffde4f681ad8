// The kernels of a module, and what launches them.
#ifndef MF_LIB_CONVERSION_MFTOGPU_KERNELMODULE_H
#define MF_LIB_CONVERSION_MFTOGPU_KERNELMODULE_H

#include "mf/Codegen/GPU/KernelBuilder.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::mf {

/// How often a kernel runs at a time.
struct LaunchShape {
  SmallVector<Value, 3> grid; ///< x, y and z; those that are missing are 1
  int64_t threads;
  int64_t workgroupBytes = 0;
  int64_t cluster = 1;   ///< blocks along y that run together; they divide the grid's y
  int64_t registers = 0; ///< the most that a thread has; 0: the assembler chooses
};

/// Builds kernels into `gpu.module @kernels`, and launches at the insertion point of `b`.
class KernelModule {
public:
  explicit KernelModule(ModuleOp module) : b(module.getContext()), module(module) {}

  using BodyBuilder = function_ref<void(Operation *, GPUKernelBuilder &)>;
  using GroupBuilder = function_ref<void(ArrayRef<Operation *>, GPUKernelBuilder &)>;

  /// Launches the kernel of `op`, named after `family`: `build` gets the op on the kernel's arguments.
  void launch(Operation *op, StringRef family, const LaunchShape &shape, BodyBuilder build);
  /// The same for a kernel of several ops, in their order.
  void launchGroup(ArrayRef<Operation *> ops, StringRef family, const LaunchShape &shape, GroupBuilder build);
  /// Launches by `few` below `bound` tokens, by `many` from there on.
  void chooseByTokens(Location loc, Value tokens, int64_t bound, function_ref<void()> few, function_ref<void()> many);

  Value ceilDiv(Location loc, Value x, int64_t y);
  Value index(Location loc, int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }
  /// The first dimension of `memref`: tokens.
  Value getTokens(Location loc, Value memref) { return b.createOrFold<memref::DimOp>(loc, memref, 0); }
  int64_t getNumKernels() const { return kernels.size(); }

  OpBuilder b;

private:
  gpu::GPUModuleOp getKernels();
  /// Operands of a kernel, and for those of its ops, one op after the other, which of them they are.
  struct Operands {
    SmallVector<Value> values;
    SmallVector<size_t> places;
  };

  static Operands getOperands(ArrayRef<Operation *> ops);
  gpu::GPUFuncOp createKernel(ArrayRef<Operation *> ops, const Operands &operands, StringRef family,
                              const LaunchShape &shape, GroupBuilder build);

  ModuleOp module;
  gpu::GPUModuleOp kernelModule;
  /// By what a kernel depends on: family, attributes, types and operands of its ops.
  llvm::StringMap<gpu::GPUFuncOp> kernels;
};

/// The strategy of `op`, where it is of the family that its kernel needs; null after a message.
template <typename StrategyT> StrategyT getGPUStrategy(ComputeOpInterface op) {
  auto strategy = dyn_cast_or_null<StrategyT>(op.getStrategyAttr());
  if (!strategy)
    op.emitOpError("expects a strategy #mf.") << StrategyT::getMnemonic() << ", found " << op.getStrategyAttr();
  return strategy;
}

/// Launches the kernels of linear attention: of one sequence, and of a batch over their states.
LogicalResult lowerLinearAttention(KernelModule &kernels, LinearAttentionOp op);
LogicalResult lowerRecurrentAttention(KernelModule &kernels, RecurrentAttentionOp op);
/// Launches the kernels of an attention.
LogicalResult lowerAttention(KernelModule &kernels, ComputeOpInterface op);
/// Launches the kernels of a dense layer, of a quantised weight too.
LogicalResult lowerDense(KernelModule &kernels, LinearOp op);
/// Launches the kernels of a lookup in quantised tables.
LogicalResult lowerIntegerLookup(KernelModule &kernels, LookupOp op);
/// Launches the kernels of a dense layer of a quantised weight.
LogicalResult lowerIntegerLinear(KernelModule &kernels, LinearOp op);

} // namespace mlir::mf

#endif // MF_LIB_CONVERSION_MFTOGPU_KERNELMODULE_H
