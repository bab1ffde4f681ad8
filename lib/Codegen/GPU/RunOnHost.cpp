// Kernels to functions for threads of the host: each op as the table of KernelOps.h says, each launch a call.
#include "HostAccess.h"
#include "HostRuntime.h"
#include "mf/Codegen/GPU/KernelBuilder.h"
#include "mf/Codegen/GPU/KernelOps.h"
#include "mf/Codegen/GPU/Passes.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::mf {
#define GEN_PASS_DEF_GPURUNONHOSTPASS
#include "mf/Codegen/GPU/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

namespace {
/// Rewrites the body of one kernel.
class KernelRewriter {
public:
  KernelRewriter(HostRuntime &runtime, gpu::GPUFuncOp kernel, bool checked);

  /// Turns the kernel into the function `symbol`, and describes it.
  LogicalResult run(ImplicitLocOpBuilder &b, StringRef symbol);

private:
  int32_t addSite(Operation *op, const HostAccess *access = nullptr);
  void tell(ImplicitLocOpBuilder &b, int32_t site, const HostAccess &access);
  void countRegion(Block &block);
  LogicalResult rewrite(Operation *op);
  LogicalResult rewriteInline(Operation *op);
  LogicalResult rewriteCall(Operation *op);

  void copy(nvgpu::DeviceAsyncCopyOp op);
  void barrier(gpu::BarrierOp op);
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
} // namespace

KernelRewriter::KernelRewriter(HostRuntime &runtime, gpu::GPUFuncOp kernel, bool checked)
    : runtime(runtime), kernel(kernel) {
  description.name = kernel.getName().str();
  description.threads = (*kernel.getKnownBlockSize())[0];
  description.checked = checked;
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

/// Each index against its dimension, then the address.
void KernelRewriter::tell(ImplicitLocOpBuilder &b, int32_t site, const HostAccess &access) {
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
// Calls
//===----------------------------------------------------------------------===//

void KernelRewriter::call(ImplicitLocOpBuilder &b, StringRef symbol, ValueRange operands) {
  SmallVector<Value> all{thread};
  llvm::append_range(all, operands);
  runtime.call(b, symbol, Type(), all);
}

Value KernelRewriter::callForWord(ImplicitLocOpBuilder &b, StringRef symbol, ValueRange operands) {
  SmallVector<Value> all{thread};
  llvm::append_range(all, operands);
  return runtime.call(b, symbol, b.getI32Type(), all);
}

void KernelRewriter::copy(nvgpu::DeviceAsyncCopyOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  int64_t elements = op.getDstElements().getZExtValue();
  HostAccess to{op.getDst(), op.getDstIndices(), elements, Value(), 0, /*writes=*/true, /*delayed=*/true};
  HostAccess from{op.getSrc(), op.getSrcIndices(), elements, op.getSrcElements(), 0, false, /*delayed=*/true};
  int64_t bytes = elements * to.getElementBytes();
  to.alignment = from.alignment = bytes;
  if (description.checked) {
    tell(b, addSite(op, &to), to);
    tell(b, addSite(op, &from), from);
  }
  Value fromBytes = integer(b, bytes);
  if (Value counted = op.getSrcElements())
    fromBytes = arith::IndexCastOp::create(
        b, b.getI32Type(), arith::MulIOp::create(b, counted, arith::ConstantIndexOp::create(b, to.getElementBytes())));
  call(b, "mf_rt_gpu_copy", {createAddress(b, to), createAddress(b, from), integer(b, bytes), fromBytes});
}

void KernelRewriter::barrier(gpu::BarrierOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  call(b, "mf_rt_gpu_barrier", integer(b, addSite(op)));
}

static int32_t getHostMode(gpu::ShuffleMode mode) {
  switch (mode) {
  case gpu::ShuffleMode::IDX:
    return MF_RT_GPU_SHUFFLE_INDEX;
  case gpu::ShuffleMode::XOR:
    return MF_RT_GPU_SHUFFLE_XOR;
  case gpu::ShuffleMode::UP:
    return MF_RT_GPU_SHUFFLE_UP;
  case gpu::ShuffleMode::DOWN:
    return MF_RT_GPU_SHUFFLE_DOWN;
  }
}

/// Words of 32 bits travel, in the whole warp: upstream's lowering of other widths is no segments.
LogicalResult KernelRewriter::shuffle(gpu::ShuffleOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  Type type = op.getValue().getType();
  APInt width;
  if (!matchPattern(op.getWidth(), m_ConstantInt(&width)) || width != kWarpThreads || !type.isIntOrFloat() ||
      type.getIntOrFloatBitWidth() != 32 || !op.getValid().use_empty())
    return op.emitOpError("runs on the host with values of 32 bits and a width of 32 only, and without its second "
                          "result");
  Value bits = op.getValue();
  if (isa<FloatType>(type))
    bits = arith::BitcastOp::create(b, b.getI32Type(), bits);
  Value result = callForWord(b, "mf_rt_gpu_shuffle",
                             {integer(b, addSite(op)), bits, op.getOffset(), integer(b, getHostMode(op.getMode()))});
  if (isa<FloatType>(type))
    result = arith::BitcastOp::create(b, type, result);
  op.getShuffleResult().replaceAllUsesWith(result);
  return success();
}

LogicalResult KernelRewriter::vote(NVVM::VoteSyncOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  if (op.getKind() != NVVM::VoteSyncKind::ballot)
    return op.emitOpError("runs on the host as a ballot only");
  Value predicate = arith::ExtUIOp::create(b, b.getI32Type(), op.getPred());
  op.replaceAllUsesWith(callForWord(b, "mf_rt_gpu_ballot", {integer(b, addSite(op)), op.getMask(), predicate}));
  return success();
}

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

LogicalResult KernelRewriter::loadMatrices(nvgpu::LdMatrixOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  auto type = cast<VectorType>(op.getRes().getType());
  if (type.getRank() != 2 || type.getDimSize(1) * type.getElementTypeBitWidth() != 32)
    return op.emitOpError("runs on the host with words of 32 bits only");
  HostAccess row{op.getSrcMemref(), op.getIndices(), 128 / type.getElementTypeBitWidth(), Value(), /*alignment=*/16};
  int32_t site = addSite(op, &row);
  Value out = runtime.allocate(b, type);
  call(b, "mf_rt_gpu_load_matrices",
       {integer(b, site), createAddress(b, row), integer(b, op.getNumTiles()), integer(b, op.getTranspose()), out});
  op.getRes().replaceAllUsesWith(runtime.load(b, type, out));
  return success();
}

/// Whether the product is one that the runtime has, of 16 x 8 x 16 elements.
static bool isHostShape(int64_t m, int64_t n, int64_t k) { return m == 16 && n == 8 && k == 16; }

LogicalResult KernelRewriter::multiplyMatrices(nvgpu::MmaSyncOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  std::array<int64_t, 3> shape = op.getMmaShapeAsArray();
  Type element = op.getMatrixA().getType().getElementType();
  auto type = cast<VectorType>(op.getRes().getType());
  if (!isHostShape(shape[0], shape[1], shape[2]) || !element.isF16() || !type.getElementType().isF32() ||
      op->hasAttr("sparsitySelector"))
    return op.emitOpError("runs on the host as m16n8k16 of f16 with f32 sums only");
  Value d = runtime.allocate(b, type);
  call(b, "mf_rt_gpu_multiply_matrices",
       {integer(b, addSite(op)), integer(b, MF_RT_GPU_F16), runtime.spill(b, op.getMatrixA()),
        runtime.spill(b, op.getMatrixB()), runtime.spill(b, op.getMatrixC()), d});
  op.getRes().replaceAllUsesWith(runtime.load(b, type, d));
  return success();
}

LogicalResult KernelRewriter::multiplyMatrices(NVVM::MmaOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  auto shape = op.getShape();
  auto types = op.getMultiplicandAPtxType();
  auto result = dyn_cast<LLVM::LLVMStructType>(op.getType());
  bool isRow = op.getLayoutA() == NVVM::MMALayout::row && op.getLayoutB() == NVVM::MMALayout::col;
  bool hasSums =
      result && result.getBody().size() == 4 && llvm::all_of(result.getBody(), [](Type type) { return type.isF32(); });
  bool isBfloat = types == NVVM::MMATypes::bf16;
  if (!isHostShape(shape.getM(), shape.getN(), shape.getK()) || !isRow || !hasSums ||
      (!isBfloat && types != NVVM::MMATypes::f16))
    return op.emitOpError("runs on the host as m16n8k16 of f16 or bf16 with f32 sums only");
  Value d = runtime.allocate(b, result);
  call(b, "mf_rt_gpu_multiply_matrices",
       {integer(b, addSite(op)), integer(b, isBfloat ? MF_RT_GPU_BF16 : MF_RT_GPU_F16),
        runtime.createArguments(b, op.getOperandA()), runtime.createArguments(b, op.getOperandB()),
        runtime.createArguments(b, op.getOperandC()), d});
  op.replaceAllUsesWith(runtime.load(b, result, d));
  return success();
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

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

LogicalResult KernelRewriter::rewriteCall(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](nvgpu::DeviceAsyncCopyOp op) {
        if (!op.getAsyncToken().use_empty())
          return LogicalResult(op.emitOpError("expects its groups to be closed by nvvm.cp.async.commit.group"));
        copy(op);
        return success();
      })
      .Case([&](NVVM::CpAsyncCommitGroupOp op) {
        ImplicitLocOpBuilder b(op.getLoc(), op);
        call(b, "mf_rt_gpu_close_copies", {});
        return success();
      })
      .Case([&](NVVM::CpAsyncWaitGroupOp op) {
        ImplicitLocOpBuilder b(op.getLoc(), op);
        call(b, "mf_rt_gpu_await_copies", integer(b, op.getN()));
        return success();
      })
      .Case([&](gpu::BarrierOp op) {
        barrier(op);
        return success();
      })
      .Case([&](NVVM::SyncWarpOp op) {
        ImplicitLocOpBuilder b(op.getLoc(), op);
        call(b, "mf_rt_gpu_warp_barrier", {integer(b, addSite(op)), op.getMask()});
        return success();
      })
      .Case([&](gpu::ShuffleOp op) { return shuffle(op); })
      .Case([&](NVVM::VoteSyncOp op) { return vote(op); })
      .Case([&](nvgpu::LdMatrixOp op) { return loadMatrices(op); })
      .Case([&](nvgpu::MmaSyncOp op) { return multiplyMatrices(op); })
      .Case([&](NVVM::MmaOp op) { return multiplyMatrices(op); })
      .Default([](Operation *op) { return op->emitOpError("has no call on the host"); });
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
