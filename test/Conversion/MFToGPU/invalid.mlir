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
  // expected-error @+1 {{which needs tables in strips}}
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

func.func @other(%x: memref<?x8x64xf32>, %w: memref<32x64xf32>, %y: memref<32x8x64xf32>) {
  // expected-error @+1 {{'mf.project_sequence' op has no kernel for GPUs}}
  mf.project_sequence ins(%x, %w : memref<?x8x64xf32>, memref<32x64xf32>) outs(%y : memref<32x8x64xf32>)
  return
}

// -----

func.func @pairs_of_parts(%c: memref<?x2xi8>, %s: memref<?x2xi8>, %ss: memref<?xf32>, %t: memref<1x2x256x128xi8>,
                          %ts: memref<128xf32>, %y: memref<?x128xf32>) {
  // expected-error @+1 {{expects slices of one table at a time where a table has several, found}}
  mf.lookup layout(#mf.table_layout<strip_columns = 128>)
      strategy(#mf.gpu_table_tile<threads = 256, tokens = 2, rows = 128, gather_tokens = 64, tables = 2>)
      ins(%c, %s : memref<?x2xi8>, memref<?x2xi8>) score_scales(%ss : memref<?xf32>)
      tables(%t : memref<1x2x256x128xi8>) table_scales(%ts : memref<128xf32>) outs(%y : memref<?x128xf32>)
  return
}

// -----

func.func @pairs_of_floats(%c: memref<?x2xi8>, %s: memref<?x2xf32>, %t: memref<1x2x256x64xf16>, %y: memref<?x64xf32>) {
  // expected-error @+1 {{expects slices of one table of floats at a time, found}}
  mf.lookup layout(#mf.table_layout<strip_columns = 64>)
      strategy(#mf.gpu_table_tile<threads = 256, tokens = 2, rows = 256, gather_tokens = 64, tables = 2>)
      ins(%c, %s : memref<?x2xi8>, memref<?x2xf32>) tables(%t : memref<1x2x256x64xf16>) outs(%y : memref<?x64xf32>)
  return
}

// -----

func.func @rows_of_integers(%x: memref<?x64xi8>, %s: memref<?xf32>, %w: memref<70x64xi8>, %ws: memref<70x1xf32>,
                            %y: memref<?x70xf32>) {
  // expected-error @+1 {{needs panels of a multiple of 4 columns that interleave 4 features, found 'memref<70x64xi8>'}}
  mf.linear strategy(#mf.gpu_integer_dense<rows = 64, columns = 64, features = 64, stream_tokens = 8>)
      ins(%x, %w : memref<?x64xi8>, memref<70x64xi8>) scales(%s, %ws : memref<?xf32>, memref<70x1xf32>)
      outs(%y : memref<?x70xf32>)
  return
}

// -----

func.func @pruned_features(%x: memref<?x64xf32>, %w: memref<64x32xf32>, %f: memref<2x32xi16>, %y: memref<?x64xf32>) {
  // expected-error @+1 {{has a weight of pruned features, which has no kernel for GPUs}}
  mf.linear strategy(#mf.gpu_dense_tile<rows = 64, columns = 64, features = 32, slice = 64, stream_tokens = 8>)
      ins(%x, %w : memref<?x64xf32>, memref<64x32xf32>) pruning(<kept = 2, of = 4, columns = 32>)
      features(%f : memref<2x32xi16>) outs(%y : memref<?x64xf32>)
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
