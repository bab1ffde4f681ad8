// Kernels to functions for threads of the host: each op as the table of KernelOps.h says, each launch a call.
#include "KernelRewriter.h"
#include "mf/Codegen/CPU/VectorMath.h"
#include "mf/Codegen/GPU/KernelBuilder.h"
#include "mf/Codegen/GPU/KernelOps.h"
#include "mf/Codegen/GPU/Passes.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::mf {
#define GEN_PASS_DEF_GPURUNONHOSTPASS
#include "mf/Codegen/GPU/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

KernelRewriter::KernelRewriter(HostRuntime &runtime, gpu::GPUFuncOp kernel, bool checked)
    : runtime(runtime), kernel(kernel) {
  description.name = kernel.getName().str();
  description.threads = (*kernel.getKnownBlockSize())[0];
  description.checked = checked;
  if (auto cluster = kernel.getKnownClusterSize())
    description.cluster = (*cluster)[1];
}

//===----------------------------------------------------------------------===//
// What is told of and counted
//===----------------------------------------------------------------------===//

int32_t KernelRewriter::addSite(Operation *op, const HostAccess *access) {
  HostSite site;
  llvm::raw_string_ostream os(site.text);
  os << "op " << numbers.lookup(op) << ", '" << op->getName() << "',";
  if (auto location = op->getLoc()->findInstanceOf<FileLineColLoc>())
    os << " of " << location.getFilename().getValue() << ":" << location.getLine() << ":" << location.getColumn()
       << ",";
  if (access) {
    site.bytes = access->elements * access->getElementBytes();
    site.alignment = access->getAlignment();
    site.flags = access->getFlags();
  }
  description.sites.push_back(site);
  return description.sites.size() - 1;
}

/// Each index against its dimension.
void KernelRewriter::checkIndices(ImplicitLocOpBuilder &b, int32_t site, const HostAccess &access) {
  auto toI64 = [&](Value value) { return arith::IndexCastOp::create(b, b.getI64Type(), value); };
  for (auto [dimension, index] : llvm::enumerate(access.indices)) {
    Value extent = memref::DimOp::create(b, access.memref, dimension), count;
    if (dimension + 1 == access.indices.size() && access.countedElements)
      count = toI64(access.countedElements);
    else
      count =
          arith::ConstantIntOp::create(b, dimension + 1 == access.indices.size() ? access.elements : int64_t(1), 64);
    call(b, "mf_rt_gpu_check_index", {integer(b, site), integer(b, dimension), toI64(index), toI64(extent), count});
  }
}

/// The indices, then the address.
void KernelRewriter::tell(ImplicitLocOpBuilder &b, int32_t site, const HostAccess &access) {
  checkIndices(b, site, access);
  call(b, "mf_rt_gpu_access", {integer(b, site), createAddress(b, access)});
}

/// Elements of what an arithmetic op computes; conversions and comparisons have as many as their operands.
static int64_t countElements(Operation *op) {
  if (op->getNumResults() == 0)
    return 1;
  auto vector = dyn_cast<VectorType>(op->getResult(0).getType());
  return vector ? vector.getNumElements() : 1;
}

static bool isArithmetic(mf_rt_gpu_kind kind) {
  return kind == MF_RT_GPU_FLOAT || kind == MF_RT_GPU_FUSED || kind == MF_RT_GPU_INTEGER ||
         kind == MF_RT_GPU_CONVERSION || kind == MF_RT_GPU_CHOICE;
}

void KernelRewriter::countRegion(Block &block) {
  HostRegion counts = {};
  // A loop branches once an iteration.
  if (isa<LoopLikeOpInterface>(block.getParentOp()))
    ++counts[MF_RT_GPU_BRANCH];
  for (Operation &op : block) {
    const GPUKernelOp *permitted = findGPUKernelOp(op.getName().getStringRef());
    if (permitted && permitted->kind != MF_RT_GPU_KIND_COUNT && !isa<LoopLikeOpInterface>(op))
      counts[permitted->kind] += isArithmetic(permitted->kind) ? countElements(&op) : 1;
  }
  description.regions.push_back(counts);
  ImplicitLocOpBuilder b = ImplicitLocOpBuilder::atBlockBegin(kernel.getLoc(), &block);
  call(b, "mf_rt_gpu_enter", integer(b, description.regions.size() - 1));
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// The sum of four products of bytes.
static Value buildDot4(ImplicitLocOpBuilder &b, NVVM::DotAccumulate4WayOp op) {
  auto type = VectorType::get(4, b.getI32Type());
  auto widen = [&](Value bytes, NVVM::DotAccumulateType sign) -> Value {
    if (sign == NVVM::DotAccumulateType::SIGNED)
      return arith::ExtSIOp::create(b, type, bytes);
    return arith::ExtUIOp::create(b, type, bytes);
  };
  Value products = arith::MulIOp::create(b, widen(op.getA(), op.getAType()), widen(op.getB(), op.getBType()));
  return vector::ReductionOp::create(b, vector::CombiningKind::ADD, products, op.getC());
}

LogicalResult KernelRewriter::rewriteInline(Operation *op) {
  ImplicitLocOpBuilder b(op->getLoc(), op);
  auto loadIndex = [&](int64_t offset) {
    return arith::IndexCastOp::create(b, b.getIndexType(), runtime.loadField(b, b.getI64Type(), thread, offset));
  };
  Value result =
      llvm::TypeSwitch<Operation *, Value>(op)
          .Case([&](gpu::ThreadIdOp op) -> Value {
            // Blocks have one dimension.
            if (op.getDimension() != gpu::Dimension::x)
              return arith::ConstantIndexOp::create(b, 0);
            return loadIndex(offsetof(mf_rt_gpu_thread, thread));
          })
          .Case([&](gpu::BlockIdOp op) -> Value {
            return loadIndex(offsetof(mf_rt_gpu_thread, block) + 8 * static_cast<int64_t>(op.getDimension()));
          })
          .Case([&](arith::TruncFOp op) -> Value {
            Type element = getElementTypeOrSelf(op.getType());
            if (element.isF32())
              return arith::TruncFOp::create(b, op.getType(), op.getIn());
            // Processors without an instruction for bf16 would call a library.
            return buildRoundFromF32(b, b.getLoc(), op.getIn(), element, /*halfConversions=*/true);
          })
          .Case([&](NVVM::DotAccumulate4WayOp op) -> Value { return buildDot4(b, op); })
          .Case([&](memref::GetGlobalOp op) -> Value {
            // Views of it keep the memory space until all accesses are known.
            if (op.getName() != kWorkgroupMemory)
              return {};
            Value memory =
                runtime.loadField(b, runtime.getPointerType(), thread, offsetof(mf_rt_gpu_thread, workgroup));
            return runtime.createMemRef(b, op.getType(), memory);
          })
          .Default([](Operation *) { return Value(); });
  if (isa<gpu::ReturnOp>(op))
    func::ReturnOp::create(b);
  else if (!result)
    return op->emitOpError("has no meaning on the host");
  else
    op->replaceAllUsesWith(ValueRange(result));
  return success();
}

LogicalResult KernelRewriter::rewrite(Operation *op) {
  const GPUKernelOp *permitted = findGPUKernelOp(op->getName().getStringRef());
  if (!permitted)
    return op->emitOpError("is not among the ops that a kernel may hold");
  switch (permitted->host) {
  case HostMeaning::Same:
    return success();
  case HostMeaning::Access:
    if (description.checked) {
      ImplicitLocOpBuilder b(op->getLoc(), op);
      HostAccess access = describeAccess(op);
      if (!access.memref)
        return op->emitOpError("is an access to memory that the host does not know");
      tell(b, addSite(op, &access), access);
    }
    return success();
  case HostMeaning::Inline:
    if (failed(rewriteInline(op)))
      return failure();
    break;
  case HostMeaning::Wait:
    description.waits = true;
    [[fallthrough]];
  case HostMeaning::Call:
    if (failed(rewriteCall(op)))
      return failure();
    break;
  }
  op->erase();
  return success();
}

/// Workgroup memory is memory of the host.
static void dropMemorySpaces(func::FuncOp function) {
  AttrTypeReplacer replacer;
  replacer.addReplacement(
      [](MemRefType type) { return MemRefType::get(type.getShape(), type.getElementType(), type.getLayout()); });
  replacer.recursivelyReplaceElementsIn(function, /*replaceAttrs=*/true, /*replaceLocs=*/false, /*replaceTypes=*/true);
}

LogicalResult KernelRewriter::run(ImplicitLocOpBuilder &b, StringRef symbol) {
  auto types = llvm::to_vector(kernel.getArgumentTypes());
  SmallVector<Type> hostTypes(types);
  hostTypes.push_back(runtime.getPointerType());
  auto function = func::FuncOp::create(b, symbol, b.getFunctionType(hostTypes, {}));
  function.setPrivate();
  SmallVector<Operation *> ops;
  SmallVector<Block *> blocks;
  kernel.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    numbers[op] = ops.size();
    ops.push_back(op);
  });
  kernel.getBody().walk([&](Block *block) { blocks.push_back(block); });
  function.getBody().takeBody(kernel.getBody());
  thread = function.getBody().front().addArgument(runtime.getPointerType(), kernel.getLoc());
  if (description.checked)
    for (Block *block : blocks)
      countRegion(*block);
  for (Operation *op : ops)
    if (failed(rewrite(op)))
      return failure();
  dropMemorySpaces(function);
  runtime.defineKernel(description, symbol, types, kernel.getLoc());
  return success();
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

namespace {
struct GPURunOnHostPass : mf::impl::GPURunOnHostPassBase<GPURunOnHostPass> {
  using GPURunOnHostPassBase::GPURunOnHostPassBase;
  void runOnOperation() override;
};
} // namespace

static std::string getHostName(StringRef module, StringRef kernel) { return (module + "." + kernel).str(); }

static LogicalResult convertLaunch(HostRuntime &runtime, gpu::LaunchFuncOp launch) {
  ImplicitLocOpBuilder b(launch.getLoc(), launch);
  auto function = launch->getParentOfType<func::FuncOp>();
  if (!function || function.getNumArguments() == 0 || !isa<FrameType>(function.getArgument(0).getType()))
    return launch.emitOpError("expects to be in a function of a frame");
  std::string name = getHostName(launch.getKernelModuleName(), launch.getKernelName());
  SmallVector<Value> operands = {runtime.fromLLVM(b, runtime.getPointerType(), function.getArgument(0)),
                                 runtime.getKernel(b, name), runtime.createArguments(b, launch.getKernelOperands())};
  gpu::KernelDim3 grid = launch.getGridSizeOperandValues();
  for (Value size : {grid.x, grid.y, grid.z})
    operands.push_back(arith::IndexCastOp::create(b, b.getI64Type(), size));
  operands.push_back(launch.getDynamicSharedMemorySize());
  runtime.call(b, "mf_rt_gpu_launch", Type(), operands);
  launch.erase();
  return success();
}

void GPURunOnHostPass::runOnOperation() {
  ModuleOp module = getOperation();
  HostRuntime runtime(module);
  SmallVector<gpu::LaunchFuncOp> launches;
  module.walk([&](gpu::LaunchFuncOp launch) { launches.push_back(launch); });
  for (gpu::LaunchFuncOp launch : launches)
    if (failed(convertLaunch(runtime, launch)))
      return signalPassFailure();
  for (auto kernels : llvm::make_early_inc_range(module.getOps<gpu::GPUModuleOp>())) {
    for (auto kernel : kernels.getOps<gpu::GPUFuncOp>()) {
      ImplicitLocOpBuilder b = ImplicitLocOpBuilder::atBlockEnd(kernel.getLoc(), module.getBody());
      if (failed(KernelRewriter(runtime, kernel, checked).run(b, getHostName(kernels.getName(), kernel.getName()))))
        return signalPassFailure();
    }
    kernels.erase();
  }
  module->removeAttr(gpu::GPUDialect::getContainerModuleAttrName());
}
