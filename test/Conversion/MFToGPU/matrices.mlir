// Kernels of products of matrices: which are launched, and what they are made of.
// RUN: mf-opt %s --convert-mf-to-gpu --cse --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @attention
//       CHECK: %[[FEW:.*]] = arith.cmpi ult, %{{.*}}, %c16
//       CHECK: scf.if %[[FEW]]
//       CHECK: gpu.launch_func @kernels::@attention_matrix_blocks_0 {{.*}} dynamic_shared_memory_size %c67584_i32
//       CHECK: gpu.launch_func @kernels::@attention_merge_1
//       CHECK: else
//       CHECK: gpu.launch_func @kernels::@attention_matrices_2 {{.*}} dynamic_shared_memory_size %c40960_i32
func.func @attention(%q: memref<?x8x64xf32>, %k: memref<?x2x?x64xf16>, %v: memref<?x2x?x64xf16>, %s: memref<?xi32>,
                     %scratch: memref<?x8x?x66xf32>) {
  mf.cached_attention scale(0.125) strategy(#mf.gpu_matrix_flash<warps = 4, keys = 64, split_tokens = 16>)
      ins(%q, %k, %v, %s, %s : memref<?x8x64xf32>, memref<?x2x?x64xf16>, memref<?x2x?x64xf16>, memref<?xi32>, memref<?xi32>)
      outs(%q : memref<?x8x64xf32>) scratch(%scratch : memref<?x8x?x66xf32>)
  return
}
// All warps read the queries of a block, which are rounded once; a warp waits for its own copies, of keys that are seen.
// CHECK-LABEL: gpu.func @attention_matrix_blocks_0
//  CHECK-SAME: nvvm.maxnreg = 255
//       CHECK: arith.truncf {{.*}} : vector<8xf32> to vector<8xf16>
//       CHECK: gpu.barrier
//       CHECK: nvgpu.device_async_copy {{.*}}, 8, %{{.*}} {bypassL1}
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

// With a layout, keys lie in columns: of what is loaded, queries alone are not transposed.
// CHECK-LABEL: gpu.func @attention_matrices_0
//       CHECK: nvgpu.ldmatrix {{.*}} memref<1x64x64xbf16, #gpu.address_space<workgroup>>
//       CHECK: nvgpu.ldmatrix {{.*}} transpose = true} : memref<2x64x64xbf16
//   CHECK-NOT: transpose = false} : memref<2x64x64xbf16
//       CHECK: multiplicandAPtxType = #nvvm.mma_type<bf16>
//   CHECK-NOT: transpose = false} : memref<2x64x64xbf16
func.func @columns(%q: memref<?x8x64xf32>, %k: memref<?x2x?x64xbf16>, %v: memref<?x2x?x64xbf16>, %s: memref<?xi32>) {
  mf.cached_attention scale(0.125) layout(<keys = 16>)
      strategy(#mf.gpu_matrix_flash<warps = 4, keys = 64, split_tokens = 0>)
      ins(%q, %k, %v, %s, %s : memref<?x8x64xf32>, memref<?x2x?x64xbf16>, memref<?x2x?x64xbf16>, memref<?xi32>, memref<?xi32>)
      outs(%q : memref<?x8x64xf32>)
  return
}

// -----

// Pairs are words of products as they lie: 32 rows of 64 keys, or of 64 features, and 32 bytes that are not used.
// CHECK-LABEL: gpu.func @attention_matrices_0
// CHECK-COUNT-2: memref.view {{.*}} to memref<2x32x144xbf16, #gpu.address_space<workgroup>>
//       CHECK: nvgpu.ldmatrix {{.*}} memref<1x64x64xbf16, #gpu.address_space<workgroup>>
//   CHECK-NOT: nvgpu.ldmatrix {{.*}} memref<2x32x144xbf16
//       CHECK: vector.load {{.*}} {alignment = 4 : i64} : memref<2x32x144xbf16, #gpu.address_space<workgroup>>, vector<2xbf16>
//       CHECK: nvvm.mma.sync
func.func @pairs(%q: memref<?x8x64xf32>, %k: memref<?x2x?x64xbf16>, %v: memref<?x2x?x64xbf16>, %s: memref<?xi32>) {
  mf.cached_attention scale(0.125) layout(<keys = 16, features = 2>) values_layout(<keys = 2>)
      strategy(#mf.gpu_matrix_flash<warps = 4, keys = 64, split_tokens = 0>)
      ins(%q, %k, %v, %s, %s : memref<?x8x64xf32>, memref<?x2x?x64xbf16>, memref<?x2x?x64xbf16>, memref<?xi32>, memref<?xi32>)
      outs(%q : memref<?x8x64xf32>)
  return
}

// -----

// CHECK-LABEL: func.func @linear
//       CHECK: gpu.launch_func @kernels::@linear_matrix_stream_0 {{.*}} threads in (%c256{{.*}} dynamic_shared_memory_size %c32768_i32
//       CHECK: gpu.launch_func @kernels::@linear_matrices_1 {{.*}} threads in (%c512{{.*}} dynamic_shared_memory_size %c73728_i32
func.func @linear(%x: memref<?x512xf32>, %w: memref<7x512x16xf16>, %y: memref<?x100xf32>) {
  mf.linear layout(<columns = 16>) strategy(#mf.gpu_matrix_dense<rows = 128, columns = 128, features = 32, warp_rows = 32,
      warp_columns = 32, stages = 3, slice = 64, stream_tokens = 32>)
      ins(%x, %w : memref<?x512xf32>, memref<7x512x16xf16>) outs(%y : memref<?x100xf32>)
  return
}
// Eight warps, one for each slice: weights of 64 features are on their way before the first product.
// CHECK-LABEL: gpu.func @linear_matrix_stream_0
//       CHECK: memref.view {{.*}} to memref<8x16x64xf32, #gpu.address_space<workgroup>>
// CHECK-COUNT-16: vector.load {{.*}} vector<8xf16>
//       CHECK: nvvm.cp.async.wait.group 0
// CHECK-COUNT-128: nvvm.mma.sync
//   CHECK-NOT: nvvm.mma.sync
//       CHECK: gpu.barrier
// One barrier a step; 4 x 8 features, two parts of 2 x 4 products each; two steps a slice.
// CHECK-LABEL: gpu.func @linear_matrices_1
//       CHECK: memref.view {{.*}} to memref<3x128x32xf32, #gpu.address_space<workgroup>>
//       CHECK: memref.view {{.*}} to memref<3x32x128xf16, #gpu.address_space<workgroup>>
//       CHECK: scf.for %{{.*}} = %c0 to %c16 step %c2 iter_args
//       CHECK: scf.for %{{.*}} step %c1 iter_args
//       CHECK: nvvm.cp.async.wait.group 1
//  CHECK-NEXT: gpu.barrier
//       CHECK: nvgpu.device_async_copy
//       CHECK: nvgpu.ldmatrix {{.*}} transpose = true} {{.*}} -> vector<4x2xf16>
//       CHECK: nvgpu.ldmatrix {{.*}} transpose = false} {{.*}} -> vector<4x1xf32>
// CHECK-COUNT-64: nvvm.mma.sync {{.*}} shape = #nvvm.shape<m = 16, n = 8, k = 8>
//   CHECK-NOT: nvvm.mma.sync
//   CHECK-NOT: gpu.barrier
//       CHECK: gpu.return
