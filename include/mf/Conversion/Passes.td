// The passes of lib/Conversion.
#ifndef MF_CONVERSION_PASSES_TD
#define MF_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertMFToGPUPass : Pass<"convert-mf-to-gpu", "::mlir::ModuleOp"> {
  let summary = "Compute ops on memrefs to launches of kernels for GPUs, as their strategies say";
  let description = [{
    In: functions with compute ops of `mf` on memrefs, each with a strategy of a GPU. Out: a `gpu.launch_func` in the place
    of each (two in an `scf.if` for a lookup with `#mf.gpu_table_tile`, which gathers few tokens; one for all ops of an
    `scf.execute_region`, in which `mf-gpu-group-rows` puts ops that go row by row), and the kernels in one
    `gpu.module @kernels`. A kernel takes the op's operands; equal ops launch one kernel. Grids depend on the number of
    tokens alone.

    Fails on an op without a strategy of its family, without a kernel for GPUs, on tensors, and where a dimension other
    than the tokens is dynamic. Linear in the size of the module. Test: test/Conversion/MFToGPU/.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::nvgpu::NVGPUDialect", "::mlir::NVVM::NVVMDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
  let statistics = [Statistic<"numKernels", "kernels", "Kernels that were built">];
}

def ConvertMFToLLVMPass : Pass<"convert-mf-to-llvm", "::mlir::ModuleOp"> {
  let summary = "Frames, parallel loops and everything below them to the LLVM dialect";
  let description = [{
    In: functions of arith, cf, func, math, memref, ub and 1-D vector ops, with the ops of `mf` that read the frame of a
    call and with `mf.parallel_for`. Out: the LLVM dialect alone, in one conversion, so that no cast is left between the
    two kinds of types.

    1. A frame is a pointer to `mf_rt_frame` (mf/Runtime/Plan.h), its fields are invariant loads. Operands, parameters and
       workspace become descriptors of compact memrefs; parameters and workspace are known to be aligned to 64 bytes.
    2. `mf.parallel_for` stores its captures, in the form that the kernel takes them in, in a structure on the stack of
       the caller (allocated in its entry block, alive during the call only) and calls
       `mf_rt_parallel_for(frame, thunk, closure, count)`. The thunk, one internal function
       `(ptr closure, i64 begin, i64 end, i64 worker)` a kernel, loads the captures again and calls the kernel, which is
       marked to be inlined there.

    Test: test/Conversion/MFToLLVM/.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def ConvertMFToVectorPass : Pass<"convert-mf-to-vector", "::mlir::func::FuncOp"> {
  let summary = "Compute ops on memrefs to loops over vectors, as their strategies say";
  let description = [{
    In: compute ops of `mf` on memrefs, each with a strategy. Out: arith, math, memref, scf and vector ops.

    - Features are cut into vectors of the strategy's lanes, the rest into narrower powers of two, down to scalars: every
      width is correct. Token dimensions are loops, also over nothing.
    - Products that are summed are fused (`math.fma`) where the module's `mf.target` has `fma`, except in the hash, whose
      bits are the same in every variant. No other freedom is taken: there are no fast-math flags.
    - A row of a result is computed by the same operations in the same order wherever the row stands in its tile.

    Fails where an op has no strategy or one of another family, and where the innermost dimension of a memref is not
    contiguous. Test: test/Conversion/MFToVector/.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def ExpandAttentionPass : Pass<"mf-expand-attention", "::mlir::func::FuncOp"> {
  let summary = "Linear attention as linalg ops, in one of its three forms";
  let description = [{
    In: `mf.linear_attention` on tensors. Out: a parallel loop over heads with linalg, tensor and scf ops, in the form that
    the op has (`mf-convert-attention-form`) or in the one that `form` names. The three are equal but for rounding:

    1. `quadratic`: the masked product of all queries and keys, [T, S] per head, times the values.
    2. `chunked`: a loop over chunks of the op's size: the masked product inside of a chunk, and sums of phi(k) v^T over
       the chunks before.
    3. `recurrent`: the same with chunks of one token.

    Without `causal`, the last two take all keys into the sums first. Of exponential features, all forms keep weights
    relative to the maximum that a token has seen, so nothing comes from behind it.

    The code is for reading, for experiments and as a reference: the chunked and the recurrent form of
    `mf.linear_attention` have kernels. With `without-kernel`, only the quadratic ones are expanded, as a compilation does.
    Does nothing where there is no such op. Fails on an unknown form, on memrefs and on a projection with a layout. The
    quadratic form needs memory for [T, S] per worker. Test: test/Conversion/MFToLinalg/expand-attention.mlir; the forms
    run in test/Integration/test_attention_forms.py.
  }];
  let options = [
    Option<"form", "form", "std::string", "\"keep\"", "keep (the op's own), quadratic, chunked or recurrent">,
    Option<"withoutKernel", "without-kernel", "bool", "false", "Only ops whose form has no kernel">,
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
}

def LowerMemRefCopiesPass : Pass<"mf-lower-memref-copies", "::mlir::func::FuncOp"> {
  let summary = "Copies of strided memrefs to loops";
  let description = [{
    Copies between memrefs of identity layout stay: they become `memcpy`. All others become loops over their elements,
    because upstream's lowering would call a function of MLIR's runtime. Test:
    test/Conversion/MFToLLVM/lower-memref-copies.mlir.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def VerifyCPUContractPass : Pass<"mf-verify-cpu-contract", "::mlir::ModuleOp"> {
  let summary = "Checks what code generation relies on after `mf-cpu-pipeline`";
  let description = [{
    Fails on an op that is not of the LLVM dialect, and on a function without a body that is neither
    `mf_rt_parallel_for` nor one of `memcpy`, `memmove` and `memset`: a library links nothing else. Test:
    test/Conversion/MFToLLVM/verify-cpu-contract.mlir.
  }];
}

#endif // MF_CONVERSION_PASSES_TD
