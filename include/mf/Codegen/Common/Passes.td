// The passes of lib/Codegen/Common: tiling, entry points, workspace, kernels, and the contracts between them.
#ifndef MF_CODEGEN_COMMON_PASSES_TD
#define MF_CODEGEN_COMMON_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerEntryPointsPass : Pass<"mf-lower-entry-points", "::mlir::ModuleOp"> {
  let summary = "Public functions on tensors to functions of a frame";
  let description = [{
    In: public functions whose arguments and results are ranked tensors, parameters with an index. Out: functions
    `(!mf.frame)` with the attribute `mf.entry`, whose operands are memrefs of the frame.

    1. Operands are the arguments, then those results that are not the new value of a state (`mf.state` and the name of a
       state argument). Names are `mf.name`, else arg0, ..., result0, ...
    2. Symbolic dimensions are the names in `mf.dims`, in order of appearance. A dynamic dimension of an argument without
       names is a dimension of its own; one of a result must then be provably equal to one of an argument.
    3. Arguments become `mf.frame_operand` and `bufferization.to_tensor` (writable for states only), their `tensor.dim`
       `mf.frame_dim`; parameters become `mf.frame_parameter`. The declarations of parameters go.
    4. Results are written by `bufferization.materialize_in_destination`. The new value of a state is first pinned to the
       tensor of the old one, so that bufferisation sees both in one buffer and orders reads before the update.

    Does nothing to private functions and functions that take a frame. Fails on arguments that are not tensors, equal
    names, states without the argument's type, unknown extents of results and parameters without an index. Linear in the
    size of the functions. Test: test/Codegen/Common/lower-entry-points.mlir.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect", "::mlir::mf::MFDialect",
                           "::mlir::memref::MemRefDialect"];
}

def OutlineKernelsPass : Pass<"mf-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "Parallel loops to kernels";
  let description = [{
    In: `scf.forall` on memrefs in functions that take a frame. Out: for each a private function
    `@<function>_kernel_<i>(%begin, %end, %worker: index, captures...)` with a sequential loop over [begin, end) of the
    linearised iterations (the last loop runs fastest), and an `mf.parallel_for` over it.

    1. Parallel loops inside of the loop become sequential ones.
    2. Constants are cloned into the kernel. Everything else from outside is captured, in order of its first use, so that
       equal loops of equal layers give equal functions, which `mf-share-kernels` shares.
    3. `mf.worker_index` is replaced by the argument.

    Does nothing where there is no parallel loop. Fails on loops with results (they are not bufferised) and in functions
    without a frame. Linear in the size of the module. Test: test/Codegen/Common/outline-kernels.mlir.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect", "::mlir::mf::MFDialect", "::mlir::scf::SCFDialect"];
  let statistics = [Statistic<"numKernels", "kernels", "Parallel loops that became kernels">];
}

def PlanWorkspacePass : Pass<"mf-plan-workspace", "::mlir::ModuleOp"> {
  let summary = "Allocations to places in the workspace of the call";
  let description = [{
    In: bufferised functions of a frame. Out: every `memref.alloc` is a `memref.view` of one `mf.frame_workspace`, and
    for each such function `@f` there is `@f.workspace(%frame) -> i64`, the bytes it uses, from dimensions and workers
    alone. The size never shrinks when a dimension grows. Places are aligned to 64 bytes.

    1. A buffer lives from the first to the last op of its block that reads or writes it or a view of it.
    2. Buffers of the function whose lives do not overlap share a place, preferably one whose size is the same multiple
       of the same dimensions; a place has the largest size of its buffers.
    3. Buffers of a parallel loop have places in the scratch of the worker that runs the iteration: those with constant
       upper bounds first fit, the others behind them as in 2. All loops of a function share the scratch.

    Does nothing to functions that take no frame. A function that allocates nothing needs 0 bytes. Fails on a size that is
    no growing function of dimensions, and on a buffer that leaves the
    sequential loop that it is allocated in. Quadratic in the number of allocations of a function.
    Test: test/Codegen/Common/plan-workspace.mlir.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect", "::mlir::memref::MemRefDialect", "::mlir::mf::MFDialect"];
  let statistics = [Statistic<"numBuffers", "buffers", "Allocations that got a place in the workspace">,
                    Statistic<"numPlaces", "places", "Places that they share">];
}

def ShareKernelsPass : Pass<"mf-share-kernels", "::mlir::ModuleOp"> {
  let summary = "One kernel for equal parallel loops";
  let description = [{
    In: private kernels and the `mf.parallel_for` ops that run them. Out: of kernels with equal types and bodies the first
    is kept and runs for all. Public functions, which the library looks up by name, stay as they are, equal or not.

    Does nothing where no two kernels are equal. Never fails. Linear in the size of the module, but for kernels of equal
    hashes. Test: test/Codegen/Common/share-kernels.mlir.
  }];
  let statistics = [Statistic<"numShared", "shared-kernels", "Kernels that an equal one replaced">];
}

def TileAndFusePass : Pass<"mf-tile-and-fuse", "::mlir::func::FuncOp"> {
  let summary = "Compute ops to parallel loops, row-wise neighbours to one loop over tokens";
  let description = [{
    In: compute ops on tensors with strategies. Out: the ops on tiles, in `scf.forall`.

    1. Ops of one token tile (above 0) and one token extent that follow each other become one loop over token tiles.
       Elementwise linalg ops of that extent and reshapes that keep the token dimension apart are taken along. An op that
       is none of these and uses a result closes the loop; so does an op that needs more than the tile of a result.
    2. A result that is used outside of the loop is inserted into its destination tile by tile; all others exist as
       tiles only. Reshapes are repeated outside where their results are used there.
    3. The other compute ops are loops of their own: attention over (head, query tile), so that a worker keeps a head's
       keys and values; a dense layer over (panel, row tile), so that a panel is read once; an update of state over
       heads. The last one named runs fastest.

    Arguments that share a name in `mf.dims` have equal extents. Does nothing to other ops and inside of parallel loops.
    Fails on an op without a strategy and where an op cannot be cut. Quadratic in the length of a loop's body.
    Test: test/Codegen/Common/tile-and-fuse.mlir.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::mf::MFDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
  let statistics = [Statistic<"numTokenLoops", "token-loops", "Loops over token tiles">,
                    Statistic<"numFusedOps", "fused-ops", "Compute ops in them">];
}

def VerifyBufferizeContractPass : Pass<"mf-verify-bufferize-contract", "::mlir::ModuleOp"> {
  let summary = "Checks what kernels rely on after `mf-bufferize-pipeline`";
  let description = [{
    Fails on a value of tensor type, on an allocation, and on a public function that is neither an entry point
    (`(!mf.frame)` with `mf.entry`) nor a workspace function (`(!mf.frame) -> i64`). Changes nothing.
    Test: test/Codegen/Common/verify-bufferize-contract.mlir.
  }];
}

def VerifyStrategyContractPass : Pass<"mf-verify-strategy-contract", "::mlir::ModuleOp"> {
  let summary = "Checks what tiling relies on after `mf-strategy-pipeline`";
  let description = [{
    Fails on a compute op without a strategy, with the strategy of another family of kernels, and on a module without a
    target. Changes nothing. Test: test/Codegen/Common/verify-strategy-contract.mlir.
  }];
}

def VerifyTileContractPass : Pass<"mf-verify-tile-contract", "::mlir::ModuleOp"> {
  let summary = "Checks what bufferisation relies on after `mf-tile-pipeline`";
  let description = [{
    Fails on a compute op outside of parallel loops, unless the extents of its loops are static: loops of one iteration
    are inlined. Changes nothing. Test: test/Codegen/Common/verify-tile-contract.mlir.
  }];
}

#endif // MF_CODEGEN_COMMON_PASSES_TD
