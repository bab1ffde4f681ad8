// Launches to calls of the runtime: what is left of an entry point is the list of its launches.
#include "HostRuntime.h"
#include "mf/Codegen/GPU/CUDALaunches.h"
#include "mf/Codegen/GPU/Passes.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::mf {
#define GEN_PASS_DEF_GPULAUNCHONCUDAPASS
#include "mf/Codegen/GPU/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

static int64_t getWorkgroupBytes(gpu::LaunchFuncOp launch) {
  APInt bytes;
  Value memory = launch.getDynamicSharedMemorySize();
  return memory && matchPattern(memory, m_ConstantInt(&bytes)) ? bytes.getSExtValue() : 0;
}

SmallVector<CUDAKernel> mlir::mf::listCUDAKernels(ModuleOp module) {
  SmallVector<CUDAKernel> kernels;
  llvm::StringMap<size_t> numbers;
  for (auto kernelModule : module.getOps<gpu::GPUModuleOp>())
    for (auto kernel : kernelModule.getOps<gpu::GPUFuncOp>()) {
      numbers[kernel.getName()] = kernels.size();
      auto size = kernel.getKnownBlockSize();
      kernels.push_back({kernel.getName().str(), size ? (*size)[0] : 0, 0});
    }
  module.walk([&](gpu::LaunchFuncOp launch) {
    auto number = numbers.find(launch.getKernelName().getValue());
    if (number == numbers.end())
      return;
    int64_t &most = kernels[number->second].workgroupBytes;
    most = std::max(most, getWorkgroupBytes(launch));
  });
  return kernels;
}

int64_t mlir::mf::getCUDAParameterBytes(TypeRange types) {
  int64_t end = 0;
  for (Type type : types) {
    int64_t size = 8, count = 1;
    if (auto memref = dyn_cast<MemRefType>(type))
      count = 3 + 2 * memref.getRank();
    else if (type.isIntOrFloat())
      size = std::max<int64_t>(1, type.getIntOrFloatBitWidth() / 8);
    end = llvm::alignTo(end, size) + size * count;
  }
  return end;
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

/// The frame of the entry point around `op`; null after a message.
static Value getFrame(Operation *op) {
  auto function = op->getParentOfType<func::FuncOp>();
  if (function && function.getNumArguments() > 0 && isa<FrameType>(function.getArgument(0).getType()))
    return function.getArgument(0);
  op->emitOpError("expects to be in a function of a frame");
  return {};
}

static LogicalResult convertLaunch(HostRuntime &runtime, gpu::LaunchFuncOp launch, int64_t number) {
  Value frame = getFrame(launch);
  if (!frame)
    return failure();
  ImplicitLocOpBuilder b(launch.getLoc(), launch);
  int64_t bytes = getCUDAParameterBytes(launch.getKernelOperands().getTypes());
  SmallVector<Value> operands = {
      runtime.fromLLVM(b, runtime.getPointerType(), frame), arith::ConstantIntOp::create(b, number, 32),
      runtime.createArguments(b, launch.getKernelOperands()), arith::ConstantIntOp::create(b, bytes, 64)};
  gpu::KernelDim3 grid = launch.getGridSizeOperandValues();
  for (Value size : {grid.x, grid.y, grid.z})
    operands.push_back(arith::IndexCastOp::create(b, b.getI64Type(), size));
  operands.push_back(arith::ConstantIntOp::create(b, getWorkgroupBytes(launch), 32));
  runtime.call(b, "mf_rt_cuda_launch", Type(), operands);
  launch.erase();
  return success();
}

/// Fails on an op that would read or write the memory of the device on the host.
static LogicalResult verifyHostOp(Operation *op) {
  auto interface = dyn_cast<MemoryEffectOpInterface>(op);
  if (!interface || isa<gpu::LaunchFuncOp>(op))
    return success();
  SmallVector<MemoryEffects::EffectInstance> effects;
  interface.getEffects(effects);
  for (const MemoryEffects::EffectInstance &effect : effects)
    if (isa<MemoryEffects::Read, MemoryEffects::Write>(effect.getEffect()) && effect.getValue() &&
        isa<MemRefType>(effect.getValue().getType()))
      return op->emitOpError("runs on the host and expects no memory of the device: it belongs into a kernel");
  return success();
}

namespace {
struct GPULaunchOnCUDAPass : mf::impl::GPULaunchOnCUDAPassBase<GPULaunchOnCUDAPass> {
  void runOnOperation() override;
};
} // namespace

void GPULaunchOnCUDAPass::runOnOperation() {
  ModuleOp module = getOperation();
  HostRuntime runtime(module);
  llvm::StringMap<int64_t> numbers;
  for (auto [number, kernel] : llvm::enumerate(listCUDAKernels(module)))
    numbers[kernel.name] = number;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.walk([](Operation *op) { return WalkResult(verifyHostOp(op)); }).wasInterrupted())
      return signalPassFailure();
  SmallVector<gpu::LaunchFuncOp> launches;
  module.walk([&](gpu::LaunchFuncOp launch) { launches.push_back(launch); });
  for (gpu::LaunchFuncOp launch : launches)
    if (failed(convertLaunch(runtime, launch, numbers.lookup(launch.getKernelName()))))
      return signalPassFailure();
  for (auto kernels : llvm::make_early_inc_range(module.getOps<gpu::GPUModuleOp>()))
    kernels.erase();
  module->removeAttr(gpu::GPUDialect::getContainerModuleAttrName());
}
