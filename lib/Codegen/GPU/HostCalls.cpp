// Ops of kernels that are calls of lib/Runtime/GPUHost: copies, barriers, what goes between lanes, products of
// matrices.
#include "KernelRewriter.h"
#include "mf/Dialect/MF/IR/MFAttributes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Copies, barriers and lanes
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

/// A run of adjacent elements, from the first to the last one.
void KernelRewriter::checkRun(ImplicitLocOpBuilder &b, int32_t site, const HostAccess &access) {
  auto type = cast<MemRefType>(access.memref.getType());
  HostAccess first{access.memref, access.indices};
  checkIndices(b, site, first);
  auto metadata = memref::ExtractStridedMetadataOp::create(b, access.memref);
  Value last = arith::ConstantIndexOp::create(b, access.elements - 1);
  for (auto [index, stride] : llvm::zip_equal(access.indices, metadata.getStrides()))
    last = arith::AddIOp::create(b, last, arith::MulIOp::create(b, index, stride));
  last = arith::DivUIOp::create(b, last, metadata.getStrides().front());
  auto toI64 = [&](Value value) { return arith::IndexCastOp::create(b, b.getI64Type(), value); };
  Value extent = memref::DimOp::create(b, access.memref, 0);
  if (type.getRank() > 0)
    call(b, "mf_rt_gpu_check_index",
         {integer(b, site), integer(b, 0), toI64(last), toI64(extent), arith::ConstantIntOp::create(b, 1, 64)});
}

void KernelRewriter::copyBulk(BulkCopyOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  int64_t elements = op.getElements();
  HostAccess to{op.getDestination(), op.getDestinationIndices(), elements, Value(), 16, /*writes=*/true, true};
  HostAccess from{op.getSource(), op.getSourceIndices(), elements, Value(), 16, /*writes=*/false, true};
  Value number = op.getBarrier();
  HostAccess barrier{op.getBarriers(), number};
  int32_t site = addSite(op, &to);
  if (description.checked) {
    checkRun(b, site, to);
    checkRun(b, site, from);
    checkIndices(b, site, barrier);
  }
  call(b, "mf_rt_gpu_bulk_copy",
       {integer(b, site), createAddress(b, to), createAddress(b, from), integer(b, op.getBytes()),
        createAddress(b, barrier), integer(b, op.getMulticast().value_or(0))});
}

void KernelRewriter::useBarrier(Operation *op, StringRef symbol, Value memref, Value index, Value operand) {
  ImplicitLocOpBuilder b(op->getLoc(), op);
  HostAccess access{memref, index};
  int32_t site = addSite(op, &access);
  if (description.checked)
    checkIndices(b, site, access);
  call(b, symbol, {integer(b, site), createAddress(b, access), operand});
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

/// Whether the product is one that the runtime has, of 16 x 8 x `depth` elements.
static bool isHostShape(int64_t m, int64_t n, int64_t k, int64_t depth) { return m == 16 && n == 8 && k == depth; }

/// What the runtime calls the elements of a product.
static std::optional<int32_t> getHostElement(std::optional<NVVM::MMATypes> types) {
  if (!types)
    return std::nullopt;
  switch (*types) {
  case NVVM::MMATypes::f16:
    return MF_RT_GPU_F16;
  case NVVM::MMATypes::bf16:
    return MF_RT_GPU_BF16;
  case NVVM::MMATypes::tf32:
    return MF_RT_GPU_TF32;
  default:
    return std::nullopt;
  }
}

LogicalResult KernelRewriter::multiplyMatrices(nvgpu::MmaSyncOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  std::array<int64_t, 3> shape = op.getMmaShapeAsArray();
  Type element = op.getMatrixA().getType().getElementType();
  auto type = cast<VectorType>(op.getRes().getType());
  if (!isHostShape(shape[0], shape[1], shape[2], /*depth=*/16) || !element.isF16() || !type.getElementType().isF32() ||
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
  std::optional<int32_t> element = getHostElement(types);
  if (!element || !isHostShape(shape.getM(), shape.getN(), shape.getK(), *element == MF_RT_GPU_TF32 ? 8 : 16) ||
      !isRow || !hasSums)
    return op.emitOpError("runs on the host as m16n8k16 of f16 or bf16, or m16n8k8 of tf32, with f32 sums only");
  Value d = runtime.allocate(b, result);
  call(b, "mf_rt_gpu_multiply_matrices",
       {integer(b, addSite(op)), integer(b, *element), runtime.createArguments(b, op.getOperandA()),
        runtime.createArguments(b, op.getOperandB()), runtime.createArguments(b, op.getOperandC()), d});
  op.replaceAllUsesWith(runtime.load(b, result, d));
  return success();
}

//===----------------------------------------------------------------------===//
// All of them
//===----------------------------------------------------------------------===//

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
      .Case([&](BulkCopyOp op) {
        copyBulk(op);
        return success();
      })
      .Case([&](MBarrierInitOp op) {
        ImplicitLocOpBuilder b(op.getLoc(), op);
        useBarrier(op, "mf_rt_gpu_mbarrier_init", op.getBarriers(), op.getBarrier(), integer(b, op.getCount()));
        return success();
      })
      .Case([&](MBarrierExpectOp op) {
        ImplicitLocOpBuilder b(op.getLoc(), op);
        useBarrier(op, "mf_rt_gpu_mbarrier_expect", op.getBarriers(), op.getBarrier(), integer(b, op.getBytes()));
        return success();
      })
      .Case([&](MBarrierWaitOp op) {
        useBarrier(op, "mf_rt_gpu_mbarrier_wait", op.getBarriers(), op.getBarrier(), op.getParity());
        return success();
      })
      .Case<NVVM::ClusterArriveOp, NVVM::ClusterWaitOp>([&](auto op) {
        ImplicitLocOpBuilder b(op.getLoc(), op);
        bool arrives = isa<NVVM::ClusterArriveOp>(op.getOperation());
        call(b, arrives ? "mf_rt_gpu_cluster_arrive" : "mf_rt_gpu_cluster_wait", integer(b, addSite(op)));
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
