// The passes of lib/Codegen/CPU.
#ifndef MF_CODEGEN_CPU_PASSES_TD
#define MF_CODEGEN_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def CPUAddScratchPass : Pass<"mf-cpu-add-scratch", "::mlir::ModuleOp"> {
  let summary = "Give kernels memory for sums that wait, and lookups for their codes";
  let description = [{
    The kernel of a lookup with the strategy `#mf.cpu_strips` adds one block of tables after the other to the sums of all
    tokens. Each such lookup on memrefs without `scratch` gets it: allocations before the op, for `mf-plan-workspace` to
    place; in a parallel loop, each worker has its own. They are [tokens, columns of a strip] for the sums and, where
    there are several blocks, [blocks, tokens, tables of a block] for codes and for scores that are integers: a block
    that reads its codes from [tokens, K] takes in a cache line for a few of its bytes.

    Each `mf.linear_attention` gets memory for the state of one head.

    The pass cannot fail. Test: `test/Codegen/CPU/add-scratch.mlir`.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
  let statistics = [Statistic<"numScratches", "num-scratches", "Number of ops that got scratch">];
}

def CPUSelectStrategiesPass : Pass<"mf-cpu-select-strategies", "::mlir::ModuleOp"> {
  let summary = "Gives every compute op a strategy for the module's target";
  let description = [{
    In: compute ops, a module with `mf.target`. Out: each has a strategy.

    1. A strategy that is there stays: one written by hand wins.
    2. Otherwise the first rule of the module's `mf.strategies`, an array of `#mf.strategy_rule`, that holds for the op
       and the target's variant gives it. `mf-compile --strategy=FILE` puts a file's rules there.
    3. Otherwise a function of lib/Codegen/Strategy chooses from the op and the target.

    Fails on a module with compute ops that lack a strategy, but no target, and where a rule asks for a size that ops of
    its kind do not have. Linear in the size of the module, times the number of rules.
    Test: test/Codegen/CPU/select-strategies.mlir, strategy-rules.mlir; a test per kernel family in
    test/Codegen/Strategy.
  }];
  let dependentDialects = ["::mlir::mf::MFDialect"];
  let statistics = [Statistic<"numSelected", "selected", "Ops that got a strategy">,
                    Statistic<"numRuled", "ruled", "Ops among them that a rule gave it to">];
}

def CPUSetTargetPass : Pass<"mf-cpu-set-target", "::mlir::ModuleOp"> {
  let summary = "Describes the CPU that a module is compiled for";
  let description = [{
    Sets the module's `mf.target` to the description of a CPU: a default variant, a CPU that LLVM knows or `native`. Its
    features are reduced to those that a library can check when it is loaded.

    Does nothing where there is a target. Fails on unknown CPUs and architectures. Test: test/Codegen/CPU/set-target.mlir.
  }];
  let options = [Option<"triple", "triple", "std::string", "\"x86_64-unknown-linux-gnu\"", "LLVM triple">,
                 Option<"cpu", "cpu", "std::string", "",
                        "Default variant, LLVM CPU or native; empty: the best default variant of the architecture">];
  let dependentDialects = ["::mlir::mf::MFDialect"];
}

#endif // MF_CODEGEN_CPU_PASSES_TD
