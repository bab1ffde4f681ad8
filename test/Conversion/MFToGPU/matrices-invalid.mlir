// RUN: mf-opt %s --convert-mf-to-gpu --split-input-file --verify-diagnostics

func.func @f32(%q: memref<?x8x64xf32>, %c: memref<?x8x?x64xf32>, %s: memref<?xi32>) {
  // expected-error @+1 {{which needs caches of f16 or of bf16 with multiples of 16 features, 128 at most}}
  mf.cached_attention scale(0.125) strategy(#mf.gpu_matrix_flash<warps = 4, keys = 64, split_tokens = 0>)
      ins(%q, %c, %c, %s, %s : memref<?x8x64xf32>, memref<?x8x?x64xf32>, memref<?x8x?x64xf32>, memref<?xi32>, memref<?xi32>)
      outs(%q : memref<?x8x64xf32>)
  return
}

// -----

func.func @no_scratch(%q: memref<?x8x64xf32>, %c: memref<?x8x?x64xf16>, %s: memref<?xi32>) {
  // expected-error @+1 {{expects scratch for the blocks of keys, which mf-gpu-add-scratch gives}}
  mf.cached_attention scale(0.125) strategy(#mf.gpu_matrix_flash<warps = 4, keys = 64, split_tokens = 16>)
      ins(%q, %c, %c, %s, %s : memref<?x8x64xf32>, memref<?x8x?x64xf16>, memref<?x8x?x64xf16>, memref<?xi32>, memref<?xi32>)
      outs(%q : memref<?x8x64xf32>)
  return
}

// -----

func.func @unaligned(%x: memref<?x33xf32>, %w: memref<1x33x16xf16>, %y: memref<?x7xf32>) {
  // expected-error @+1 {{which needs panels of f16 or bf16 with multiples of 8 columns, and multiples of 8 features}}
  mf.linear layout(<columns = 16>) strategy(#mf.gpu_matrix_dense<rows = 128, columns = 128, features = 32, warp_rows = 32,
      warp_columns = 32, stages = 3, slice = 64, stream_tokens = 32>)
      ins(%x, %w : memref<?x33xf32>, memref<1x33x16xf16>) outs(%y : memref<?x7xf32>)
  return
}
