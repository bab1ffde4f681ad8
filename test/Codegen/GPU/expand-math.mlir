// RUN: mf-opt %s --pass-pipeline="builtin.module(gpu.module(mf-gpu-expand-math))" | FileCheck %s

// A rounded root, a sign that is cleared and a fused product; other math is left to others.
// CHECK-LABEL: gpu.func @kernel(
// CHECK-SAME: %[[X:.*]]: f32, %[[Y:.*]]: memref<4xf32>
// CHECK: %[[ROOT:.*]] = llvm.call_intrinsic "llvm.nvvm.sqrt.rn.f"(%[[X]]) : (f32) -> f32
// CHECK: %[[BITS:.*]] = arith.bitcast %[[ROOT]] : f32 to i32
// CHECK: %[[CLEARED:.*]] = arith.andi %[[BITS]], %c2147483647_i32
// CHECK: %[[ABS:.*]] = arith.bitcast %[[CLEARED]] : i32 to f32
// CHECK: %[[FMA:.*]] = llvm.intr.fma(%[[ABS]], %[[X]], %[[ROOT]])
// CHECK: %[[EXP:.*]] = math.exp %[[FMA]]
// CHECK: memref.store %[[EXP]], %[[Y]]
gpu.module @kernels {
  gpu.func @kernel(%x: f32, %y: memref<4xf32>) kernel {
    %i = arith.constant 0 : index
    %root = math.sqrt %x : f32
    %abs = math.absf %root : f32
    %fma = math.fma %abs, %x, %root : f32
    %exp = math.exp %fma : f32
    memref.store %exp, %y[%i] : memref<4xf32>
    gpu.return
  }
}

// Outside of kernels nothing changes.
// CHECK-LABEL: func.func @host(
// CHECK: math.sqrt
func.func @host(%x: f32) -> f32 {
  %root = math.sqrt %x : f32
  return %root : f32
}
