// RUN: mf-opt %s --mf-gpu-launch-on-cuda | FileCheck %s --implicit-check-not=gpu.

// Kernels are numbered in their order; parameters lie as in PTX: a memref of rank 2 is 7 words, then an index and an f32.
// CHECK: llvm.func @mf_rt_cuda_launch(!llvm.ptr, i32, !llvm.ptr, i64, i64, i64, i64, i32)
// CHECK-LABEL: func.func @entry
// CHECK-DAG: %[[SECOND:.*]] = arith.constant 1 : i32
// CHECK-DAG: %[[BYTES:.*]] = arith.constant 68 : i64
// CHECK: llvm.call @mf_rt_cuda_launch(%{{.*}}, %[[SECOND]], %{{.*}}, %[[BYTES]], %{{.*}}, %{{.*}}, %{{.*}}, %c1024_i32{{.*}})
// CHECK: return
module attributes {gpu.container_module, mf.gpu_target = #mf.gpu_target<arch = "sm_80", workgroup_bytes = 1024>} {
  func.func @entry(%frame: !mf.frame) {
    %n = mf.frame_dim %frame[0] : index
    %x = mf.frame_operand %frame[0] (%n) : memref<?x8xf32>
    %bytes = arith.constant 1024 : i32
    %f = arith.constant 1.0 : f32
    gpu.launch_func @k::@second blocks in (%n, %n, %n) threads in (%n, %n, %n) dynamic_shared_memory_size %bytes
        args(%x : memref<?x8xf32>, %n : index, %f : f32)
    return
  }
  gpu.module @k {
    gpu.func @first() kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
      gpu.return
    }
    gpu.func @second(%x: memref<?x8xf32>, %n: index, %f: f32) kernel
        attributes {known_block_size = array<i32: 64, 1, 1>} {
      gpu.return
    }
  }
}
