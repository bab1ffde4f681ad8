// Kernels of products of matrices: which are launched, and what they are made of.
// RUN: mf-opt %s --convert-mf-to-gpu --cse --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @attention
//       CHECK: %[[FEW:.*]] = arith.cmpi ult, %{{.*}}, %c16
//       CHECK: scf.if %[[FEW]]
//       CHECK: gpu.launch_func @kernels::@attention_matrix_blocks_0 {{.*}} dynamic_shared_memory_size %c65536_i32
//       CHECK: gpu.launch_func @kernels::@attention_merge_1
//       CHECK: else
//       CHECK: gpu.launch_func @kernels::@attention_matrices_2 {{.*}} dynamic_shared_memory_size %c32768_i32
func.func @attention(%q: memref<?x8x64xf32>, %k: memref<?x2x?x64xf16>, %v: memref<?x2x?x64xf16>, %s: memref<?xi32>,
                     %scratch: memref<?x8x?x66xf32>) {
  mf.cached_attention scale(0.125) strategy(#mf.gpu_matrix_flash<warps = 4, keys = 64, split_tokens = 16, registers = 168>)
      ins(%q, %k, %v, %s, %s : memref<?x8x64xf32>, memref<?x2x?x64xf16>, memref<?x2x?x64xf16>, memref<?xi32>, memref<?xi32>)
      outs(%q : memref<?x8x64xf32>) scratch(%scratch : memref<?x8x?x66xf32>)
  return
}
// A warp waits for its own copies.
// CHECK-LABEL: gpu.func @attention_matrix_blocks_0
//  CHECK-SAME: nvvm.maxnreg = 168
//       CHECK: nvgpu.device_async_copy {{.*}}, 8 {bypassL1}
//       CHECK: nvvm.cp.async.wait.group 0
//   CHECK-NOT: gpu.barrier
//       CHECK: nvvm.bar.warp.sync
//       CHECK: nvgpu.ldmatrix {{.*}} {numTiles = 4 : i32, transpose = false}
//       CHECK: nvvm.mma.sync {{.*}} shape = #nvvm.shape<m = 16, n = 8, k = 16>
// CHECK-LABEL: gpu.func @attention_merge_1
//   CHECK-NOT: mma
// The next block of keys is on its way while this one is read: 8 tiles of keys by 4 of features.
// CHECK-LABEL: gpu.func @attention_matrices_2
//  CHECK-SAME: known_block_size = array<i32: 128, 1, 1>
//       CHECK: memref.view {{.*}} to memref<2x64x64xf16, #gpu.address_space<workgroup>>
//       CHECK: nvgpu.device_async_copy
//       CHECK: nvvm.cp.async.commit.group
//       CHECK: scf.for
//       CHECK: nvgpu.device_async_copy
//       CHECK: nvvm.cp.async.wait.group 1
//  CHECK-NEXT: gpu.barrier
//       CHECK: arith.xori
//       CHECK: nvgpu.ldmatrix {{.*}} transpose = false
//       CHECK: nvvm.mma.sync
//       CHECK: nvgpu.ldmatrix {{.*}} transpose = true
//       CHECK: nvvm.mma.sync
//       CHECK: gpu.barrier

// -----

// With a layout, keys lie in columns.
// CHECK-LABEL: gpu.func @attention_matrices_0
//   CHECK-NOT: transpose = false
//       CHECK: multiplicandAPtxType = #nvvm.mma_type<bf16>
//   CHECK-NOT: transpose = false
func.func @columns(%q: memref<?x8x64xf32>, %k: memref<?x2x?x64xbf16>, %v: memref<?x2x?x64xbf16>, %s: memref<?xi32>) {
  mf.cached_attention scale(0.125) layout(<keys = 16>)
      strategy(#mf.gpu_matrix_flash<warps = 4, keys = 64, split_tokens = 0, registers = 168>)
      ins(%q, %k, %v, %s, %s : memref<?x8x64xf32>, memref<?x2x?x64xbf16>, memref<?x2x?x64xbf16>, memref<?xi32>, memref<?xi32>)
      outs(%q : memref<?x8x64xf32>)
  return
}

// -----

// CHECK-LABEL: func.func @linear
//       CHECK: gpu.launch_func @kernels::@linear_stream_0
//       CHECK: gpu.launch_func @kernels::@linear_matrices_1 {{.*}} threads in (%c256{{.*}} dynamic_shared_memory_size %c49152_i32
func.func @linear(%x: memref<?x512xf32>, %w: memref<7x512x16xf16>, %y: memref<?x100xf32>) {
  mf.linear layout(<columns = 16>) strategy(#mf.gpu_matrix_dense<rows = 128, columns = 128, features = 32, warp_rows = 64,
      warp_columns = 32, stages = 3, registers = 168, slice = 64, stream_tokens = 8>)
      ins(%x, %w : memref<?x512xf32>, memref<7x512x16xf16>) outs(%y : memref<?x100xf32>)
  return
}
// One barrier a step; 2 x 16 features, 4 x 4 products each.
// CHECK-LABEL: gpu.func @linear_matrices_1
//  CHECK-SAME: nvvm.maxnreg = 168
//       CHECK: memref.view {{.*}} to memref<3x128x32xf16, #gpu.address_space<workgroup>>
//       CHECK: memref.view {{.*}} to memref<3x32x128xf16, #gpu.address_space<workgroup>>
//       CHECK: scf.for %{{.*}} = %c0 to %c16 step %c1 iter_args
//       CHECK: nvvm.cp.async.wait.group 1
//  CHECK-NEXT: gpu.barrier
//       CHECK: nvgpu.device_async_copy
//       CHECK: nvgpu.ldmatrix {{.*}} transpose = false
//       CHECK: nvgpu.ldmatrix {{.*}} transpose = true
// CHECK-COUNT-32: nvvm.mma.sync
//   CHECK-NOT: nvvm.mma.sync
//   CHECK-NOT: gpu.barrier
//       CHECK: arith.truncf {{.*}} : vector<8xf32> to vector<8xf16>
//       CHECK: vector.store {{.*}} : memref<3x128x32xf16, #gpu.address_space<workgroup>>
