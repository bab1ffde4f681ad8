// The passes of lib/Codegen/GPU.
#ifndef MF_CODEGEN_GPU_PASSES_TD
#define MF_CODEGEN_GPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def GPUAddScratchPass : Pass<"mf-gpu-add-scratch", "::mlir::ModuleOp"> {
  let summary = "Memory for what kernels leave to each other";
  let description = [{
    After bufferisation, gives each `mf.cached_attention` whose `#mf.gpu_flash` splits caches an allocation
    [tokens, heads, blocks of keys, features of a value + 2] of f32, for as many tokens as are split at most; and
    each `mf.linear_attention` one with the state of each head. It does nothing to ops that have scratch.

    Linear in the size of the module. Test: test/Codegen/GPU/add-scratch.mlir.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def GPUExpandCopiesPass : Pass<"mf-gpu-expand-copies", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Bulk copies and their barriers to the NVVM dialect";
  let description = [{
    `mf.bulk_copy`, `mf.mbarrier_init`, `mf.mbarrier_expect` and `mf.mbarrier_wait` become ops of the NVVM dialect on the
    addresses of their memrefs. Barriers are fenced where they are initialised, so that other blocks of a cluster see them.

    Fails on no op. Linear in the size of the kernels. Test: test/Codegen/GPU/expand-copies.mlir.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect"];
}

def GPUExpandMathPass : Pass<"mf-gpu-expand-math", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Math ops of kernels to what NVPTX rounds correctly";
  let description = [{
    `math.sqrt` of f32 becomes the intrinsic that rounds to nearest: upstream's lowering of it gives an approximation.
    `math.absf` and `math.copysign` of f32 become operations on bits: upstream would call libdevice. `math.fma` becomes LLVM's intrinsic.

    Fails on no op. Linear in the size of the kernels. Test: test/Codegen/GPU/expand-math.mlir.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect"];
}

def GPUGroupRowsPass : Pass<"mf-gpu-group-rows", "::mlir::ModuleOp"> {
  let summary = "Ops that go row by row into groups, one kernel each";
  let description = [{
    After bufferisation and before the workspace is planned: ops whose strategies give a warp to each token
    (`#mf.gpu_rows` but for `mf.top_k`, `#mf.gpu_hash`) and that follow each other, for the same tokens and with as many
    warps in a block, go into one `scf.execute_region`. `convert-mf-to-gpu` makes one kernel of a group: what an op writes
    of a token, the same warp reads for the next op. As one op to the plan of the workspace, a group has buffers that do not
    overlap: a warp may be ahead of others.

    1. Ops between that touch no memory come before the group; any other op ends it.
    2. An `mf.embedding`, which may read rows of other tokens, can only be the first of a group.

    Does nothing to an op that stands alone. Linear in the size of the module. Test: test/Codegen/GPU/group-rows.mlir.
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect"];
  let statistics = [Statistic<"numGroups", "groups", "Groups of several ops">];
}

def GPULaunchOnCUDAPass : Pass<"mf-gpu-launch-on-cuda", "::mlir::ModuleOp"> {
  let summary = "Launches to calls of the runtime's side of CUDA";
  let description = [{
    Takes what `mf-verify-gpu-kernel-contract` accepts. A `gpu.launch_func` becomes a call of `mf_rt_cuda_launch` with the
    frame of its entry point, the kernel's number (its place among the kernels of the module), and the kernel's parameters
    in memory, laid out as PTX lays them out: a memref is two pointers, an offset, its sizes and its strides. Kernels go:
    they are compiled apart, to PTX.

    Fails on a launch outside of a function of a frame, and on an op of such a function that reads or writes a memref: it
    would run on the host, and the memory is the device's. Linear in the size of the module.
    Test: test/Codegen/GPU/launch-on-cuda.mlir, launch-on-cuda-invalid.mlir.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect"];
}

def GPURunOnHostPass : Pass<"mf-gpu-run-on-host", "::mlir::ModuleOp"> {
  let summary = "Kernels to functions for threads of the host";
  let description = [{
    Takes what `mf-verify-gpu-kernel-contract` accepts. Each `gpu.func` becomes a private function of its arguments and of
    a thread of lib/Runtime/GPUHost, each op as the table of mf/Codegen/GPU/KernelOps.h says; a constant describes the
    kernel to the runtime, and a `gpu.launch_func` is a call of `mf_rt_gpu_launch` with the frame of its entry point. With
    `checked`, kernels also tell the runtime of each access to memory and of each region that they execute.

    Fails on a launch outside of a function of a frame, and on forms of ops that the host has no meaning for. Linear in the
    size of the kernels. Test: test/Codegen/GPU/run-on-host.mlir, run-on-host-invalid.mlir, every-op.mlir.
  }];
  let options = [Option<"checked", "checked", "bool", "false", "tell the runtime what it can check and count">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
                           "::mlir::memref::MemRefDialect"];
}

def GPUSelectStrategiesPass : Pass<"mf-gpu-select-strategies", "::mlir::ModuleOp"> {
  let summary = "A GPU as target, and a strategy for each op";
  let description = [{
    Sets the module's `mf.gpu_target`, unless it is there, and gives each compute op without a strategy one for it.

    Fails on an unknown architecture and on an op that has no kernel for GPUs. Linear in the size of the module.
    Test: test/Codegen/GPU/select-strategies.mlir, select-strategies-invalid.mlir.
  }];
  let options = [Option<"arch", "arch", "std::string", "\"sm_80\"", "sm_80 or sm_90a, where the module has no target">];
  let dependentDialects = ["::mlir::mf::MFDialect"];
}

def GPUVerifyKernelContractPass : Pass<"mf-verify-gpu-kernel-contract", "::mlir::ModuleOp"> {
  let summary = "Checks what whoever runs kernels relies on after `mf-gpu-pipeline`";
  let description = [{
    Fails on an op in a `gpu.func` that is not in the table of mf/Codegen/GPU/KernelOps.h, on a kernel whose block size is
    not known to be whole warps of one dimension, on clusters and bulk copies that the target does not have, on a
    `gpu.launch_func` that asks for more workgroup memory than `mf.gpu_target` has, and on compute ops outside of kernels.
    Changes nothing.
    Test: test/Codegen/GPU/verify-gpu-kernel-contract.mlir.
  }];
}

#endif // MF_CODEGEN_GPU_PASSES_TD
