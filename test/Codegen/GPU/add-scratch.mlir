// Scratch for the blocks of keys of the tokens whose caches are split; none where caches are not split or scratch is there.
// RUN: mf-opt %s --mf-gpu-add-scratch --split-input-file | FileCheck %s

// CHECK-LABEL: func @split(
//  CHECK-SAME:   %[[Q:.*]]: memref<?x8x64xf32>, %[[C:.*]]: memref<?x2x?x64xf32>,
//   CHECK-DAG: %[[TOKENS:.*]] = memref.dim %[[Q]], %c0
//   CHECK-DAG: %[[POSITIONS:.*]] = memref.dim %[[C]], %c2
//   CHECK-DAG: %[[FEW:.*]] = arith.minui %[[TOKENS]], %c16
//   CHECK-DAG: %[[BLOCKS:.*]] = arith.ceildivui %[[POSITIONS]], %c32
//       CHECK: %[[SCRATCH:.*]] = memref.alloc(%[[FEW]], %[[BLOCKS]]) : memref<?x8x?x66xf32>
//       CHECK: mf.cached_attention {{.*}} scratch(%[[SCRATCH]] : memref<?x8x?x66xf32>)
func.func @split(%q: memref<?x8x64xf32>, %c: memref<?x2x?x64xf32>, %s: memref<?xi32>) {
  mf.cached_attention scale(0.125) strategy(#mf.gpu_flash<warps = 4, rows = 4, split_tokens = 16>)
      ins(%q, %c, %c, %s, %s : memref<?x8x64xf32>, memref<?x2x?x64xf32>, memref<?x2x?x64xf32>, memref<?xi32>, memref<?xi32>)
      outs(%q : memref<?x8x64xf32>)
  return
}

// -----

// CHECK-LABEL: func @whole(
//   CHECK-NOT: memref.alloc
func.func @whole(%q: memref<?x8x64xf32>, %c: memref<?x2x?x64xf32>, %s: memref<?xi32>) {
  mf.cached_attention scale(0.125) strategy(#mf.gpu_flash<warps = 4, rows = 4, split_tokens = 0>)
      ins(%q, %c, %c, %s, %s : memref<?x8x64xf32>, memref<?x2x?x64xf32>, memref<?x2x?x64xf32>, memref<?xi32>, memref<?xi32>)
      outs(%q : memref<?x8x64xf32>)
  return
}

// -----

// CHECK-LABEL: func @given(
//   CHECK-NOT: memref.alloc
func.func @given(%q: memref<?x8x64xf32>, %c: memref<?x2x?x64xf32>, %s: memref<?xi32>, %scratch: memref<?x8x?x66xf32>) {
  mf.cached_attention scale(0.125) strategy(#mf.gpu_flash<warps = 4, rows = 4, split_tokens = 16>)
      ins(%q, %c, %c, %s, %s : memref<?x8x64xf32>, memref<?x2x?x64xf32>, memref<?x2x?x64xf32>, memref<?xi32>, memref<?xi32>)
      outs(%q : memref<?x8x64xf32>) scratch(%scratch : memref<?x8x?x66xf32>)
  return
}

// -----

// Blocks of products of matrices have 64 keys.
// CHECK-LABEL: func @matrices(
//       CHECK: %[[BLOCKS:.*]] = arith.ceildivui %{{.*}}, %c64
//       CHECK: memref.alloc(%{{.*}}, %[[BLOCKS]]) : memref<?x8x?x66xf32>
func.func @matrices(%q: memref<?x8x64xf32>, %c: memref<?x2x?x64xf16>, %s: memref<?xi32>) {
  mf.cached_attention scale(0.125) strategy(#mf.gpu_matrix_flash<warps = 4, keys = 64, split_tokens = 16>)
      ins(%q, %c, %c, %s, %s : memref<?x8x64xf32>, memref<?x2x?x64xf16>, memref<?x2x?x64xf16>, memref<?xi32>, memref<?xi32>)
      outs(%q : memref<?x8x64xf32>)
  return
}
