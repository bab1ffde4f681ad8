// RUN: mf-opt %s --convert-mf-to-gpu --split-input-file --verify-diagnostics

func.func @none(%x: memref<?x8xf32>) {
  // expected-error @+1 {{expects a strategy #mf.gpu_rows, found}}
  mf.add ins(%x, %x : memref<?x8xf32>, memref<?x8xf32>) outs(%x : memref<?x8xf32>)
  return
}

// -----

func.func @tensors(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // expected-error @+1 {{operand #0 is a tensor; kernels are built on memrefs}}
  %y = mf.add strategy(#mf.gpu_rows<warps = 1>) ins(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>)
      outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

func.func @slices_of_rows(%c: memref<?x2xi8>, %s: memref<?x2xf32>, %t: memref<2x256x64xf16>, %y: memref<?x64xf32>) {
  // expected-error @+1 {{which needs tables of floats in strips}}
  mf.lookup strategy(#mf.gpu_table_tile<threads = 256, tokens = 2, rows = 256, gather_tokens = 64>)
      ins(%c, %s : memref<?x2xi8>, memref<?x2xf32>) tables(%t : memref<2x256x64xf16>) outs(%y : memref<?x64xf32>)
  return
}

// -----

func.func @unequal_parts(%c: memref<?x2xi8>, %s: memref<?x2xf32>, %t: memref<1x2x256x64xf16>, %y: memref<?x64xf32>) {
  // expected-error @+1 {{expects slices to be equal parts of tables of 256 rows, found 96 rows}}
  mf.lookup layout(#mf.table_layout<strip_columns = 64>)
      strategy(#mf.gpu_table_tile<threads = 256, tokens = 2, rows = 96, gather_tokens = 64>)
      ins(%c, %s : memref<?x2xi8>, memref<?x2xf32>) tables(%t : memref<1x2x256x64xf16>) outs(%y : memref<?x64xf32>)
  return
}

// -----

func.func @other(%x: memref<?x64xf32>, %q: memref<?x64xi8>, %s: memref<?xf32>) {
  // expected-error @+1 {{has no kernel for GPUs}}
  mf.quantize_rows ins(%x : memref<?x64xf32>) outs(%q, %s : memref<?x64xi8>, memref<?xf32>)
  return
}

// -----

func.func @no_scratch(%q: memref<?x8x64xf32>, %c: memref<?x8x?x64xf32>, %s: memref<?xi32>) {
  // expected-error @+1 {{expects scratch for the blocks of keys, which mf-gpu-add-scratch gives}}
  mf.cached_attention scale(0.125) strategy(#mf.gpu_flash<warps = 4, rows = 4, split_tokens = 16>)
      ins(%q, %c, %c, %s, %s : memref<?x8x64xf32>, memref<?x8x?x64xf32>, memref<?x8x?x64xf32>, memref<?xi32>, memref<?xi32>)
      outs(%q : memref<?x8x64xf32>)
  return
}
