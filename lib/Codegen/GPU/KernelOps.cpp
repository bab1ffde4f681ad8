// The table of the ops that a kernel of a GPU may hold.
#include "mf/Codegen/GPU/KernelOps.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::mf;

static constexpr auto kNotCounted = MF_RT_GPU_KIND_COUNT;

/// An op that concerns one thread and no memory.
static constexpr GPUKernelOp same(llvm::StringLiteral name, mf_rt_gpu_kind kind = kNotCounted,
                                  PTXMeaning ptx = PTXMeaning::Converted) {
  return {name, ptx, HostMeaning::Same, kind};
}

// clang-format off
static constexpr GPUKernelOp kernelOps[] = {
    same("arith.addf", MF_RT_GPU_FLOAT),
    same("arith.addi", MF_RT_GPU_INTEGER),
    same("arith.andi", MF_RT_GPU_INTEGER),
    same("arith.bitcast"),
    same("arith.cmpf", MF_RT_GPU_FLOAT),
    same("arith.cmpi", MF_RT_GPU_INTEGER),
    same("arith.constant"),
    same("arith.divf", MF_RT_GPU_FLOAT),
    same("arith.divui", MF_RT_GPU_INTEGER),
    same("arith.extf", MF_RT_GPU_CONVERSION),
    same("arith.extsi", MF_RT_GPU_CONVERSION),
    same("arith.extui", MF_RT_GPU_CONVERSION),
    same("arith.fptosi", MF_RT_GPU_CONVERSION),
    same("arith.index_cast", MF_RT_GPU_CONVERSION),
    same("arith.index_castui", MF_RT_GPU_CONVERSION),
    same("arith.minui", MF_RT_GPU_INTEGER),
    same("arith.mulf", MF_RT_GPU_FLOAT),
    same("arith.muli", MF_RT_GPU_INTEGER),
    same("arith.negf", MF_RT_GPU_FLOAT),
    same("arith.ori", MF_RT_GPU_INTEGER),
    same("arith.remui", MF_RT_GPU_INTEGER),
    same("arith.select", MF_RT_GPU_CHOICE),
    same("arith.shli", MF_RT_GPU_INTEGER),
    same("arith.shrui", MF_RT_GPU_INTEGER),
    same("arith.sitofp", MF_RT_GPU_CONVERSION),
    same("arith.subf", MF_RT_GPU_FLOAT),
    same("arith.subi", MF_RT_GPU_INTEGER),
    {"arith.truncf", PTXMeaning::Converted, HostMeaning::Inline, MF_RT_GPU_CONVERSION},
    same("arith.trunci", MF_RT_GPU_CONVERSION),
    same("arith.xori", MF_RT_GPU_INTEGER),
    {"gpu.barrier", PTXMeaning::Converted, HostMeaning::Wait, MF_RT_GPU_BARRIER},
    {"gpu.block_id", PTXMeaning::Converted, HostMeaning::Inline, kNotCounted},
    {"gpu.return", PTXMeaning::Converted, HostMeaning::Inline, kNotCounted},
    {"gpu.shuffle", PTXMeaning::Converted, HostMeaning::Wait, MF_RT_GPU_SHUFFLE},
    {"gpu.thread_id", PTXMeaning::Converted, HostMeaning::Inline, kNotCounted},
    same("llvm.extractvalue", kNotCounted, PTXMeaning::Translated),
    same("math.absf", MF_RT_GPU_FLOAT, PTXMeaning::Expanded),
    same("math.copysign", MF_RT_GPU_FLOAT, PTXMeaning::Expanded),
    same("math.fma", MF_RT_GPU_FUSED, PTXMeaning::Expanded),
    same("math.sqrt", MF_RT_GPU_FLOAT, PTXMeaning::Expanded),
    same("memref.collapse_shape"),
    same("memref.dim"),
    {"memref.get_global", PTXMeaning::Converted, HostMeaning::Inline, kNotCounted},
    {"memref.load", PTXMeaning::Converted, HostMeaning::Access, MF_RT_GPU_LOAD},
    {"memref.store", PTXMeaning::Converted, HostMeaning::Access, MF_RT_GPU_STORE},
    same("memref.view"),
    {"mf.bulk_copy", PTXMeaning::Expanded, HostMeaning::Call, MF_RT_GPU_COPY},
    {"mf.mbarrier_expect", PTXMeaning::Expanded, HostMeaning::Call, kNotCounted},
    {"mf.mbarrier_init", PTXMeaning::Expanded, HostMeaning::Call, kNotCounted},
    {"mf.mbarrier_wait", PTXMeaning::Expanded, HostMeaning::Wait, MF_RT_GPU_BARRIER},
    {"nvgpu.device_async_copy", PTXMeaning::Converted, HostMeaning::Call, MF_RT_GPU_COPY},
    {"nvgpu.ldmatrix", PTXMeaning::Converted, HostMeaning::Wait, MF_RT_GPU_MATRIX_LOAD},
    {"nvgpu.mma.sync", PTXMeaning::Converted, HostMeaning::Wait, MF_RT_GPU_MATRIX_PRODUCT},
    {"nvvm.bar.warp.sync", PTXMeaning::Translated, HostMeaning::Wait, MF_RT_GPU_BARRIER},
    {"nvvm.cluster.arrive", PTXMeaning::Translated, HostMeaning::Call, kNotCounted},
    {"nvvm.cluster.wait", PTXMeaning::Translated, HostMeaning::Wait, MF_RT_GPU_BARRIER},
    {"nvvm.cp.async.commit.group", PTXMeaning::Translated, HostMeaning::Call, kNotCounted},
    {"nvvm.cp.async.wait.group", PTXMeaning::Translated, HostMeaning::Call, kNotCounted},
    {"nvvm.dot.accumulate.4way", PTXMeaning::Translated, HostMeaning::Inline, MF_RT_GPU_INTEGER},
    {"nvvm.mma.sync", PTXMeaning::Translated, HostMeaning::Wait, MF_RT_GPU_MATRIX_PRODUCT},
    {"nvvm.vote.sync", PTXMeaning::Translated, HostMeaning::Wait, MF_RT_GPU_VOTE},
    same("scf.for", MF_RT_GPU_BRANCH),
    same("scf.if", MF_RT_GPU_BRANCH),
    same("scf.yield"),
    same("vector.bitcast"),
    same("vector.broadcast"),
    same("vector.extract"),
    same("vector.from_elements"),
    same("vector.insert"),
    {"vector.load", PTXMeaning::Converted, HostMeaning::Access, MF_RT_GPU_LOAD},
    same("vector.shuffle"),
    {"vector.store", PTXMeaning::Converted, HostMeaning::Access, MF_RT_GPU_STORE},
};
// clang-format on

llvm::ArrayRef<GPUKernelOp> mf::getGPUKernelOps() { return kernelOps; }

const GPUKernelOp *mf::findGPUKernelOp(llvm::StringRef name) {
  const auto *found = llvm::lower_bound(
      kernelOps, name, [](const GPUKernelOp &op, llvm::StringRef name) { return llvm::StringRef(op.name) < name; });
  return found != std::end(kernelOps) && llvm::StringRef(found->name) == name ? found : nullptr;
}
