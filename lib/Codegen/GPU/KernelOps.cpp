// The ops that a kernel of a GPU may hold.
#include "mf/Codegen/GPU/KernelOps.h"

using namespace mlir;

static constexpr llvm::StringLiteral kernelOps[] = {
    "arith.addf",       "arith.addi",     "arith.andi",     "arith.bitcast",         "arith.cmpf",
    "arith.cmpi",       "arith.constant", "arith.divf",     "arith.divui",           "arith.extf",
    "arith.extui",      "arith.index_cast", "arith.index_castui", "arith.minui",     "arith.mulf",
    "arith.muli",       "arith.negf", "arith.remui",    "arith.select",   "arith.shli",            "arith.shrui",
    "arith.subf",       "arith.subi",     "arith.trunci",   "gpu.barrier",           "gpu.block_id",
    "gpu.return",       "gpu.shuffle",    "gpu.thread_id",  "math.absf",             "math.fma",
    "math.sqrt",        "memref.dim",     "memref.get_global", "memref.load",        "memref.store",
    "memref.view",      "nvgpu.device_async_copy", "nvvm.cp.async.commit.group", "nvvm.cp.async.wait.group",
    "nvvm.vote.sync",   "scf.for",        "scf.if",         "scf.yield",             "vector.broadcast",
    "vector.extract",   "vector.load",    "vector.store"};

llvm::ArrayRef<llvm::StringLiteral> mf::getGPUKernelOps() { return kernelOps; }
