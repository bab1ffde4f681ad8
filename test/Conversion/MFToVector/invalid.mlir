// What kernels cannot be built for.
// RUN: mf-opt %s --convert-mf-to-vector --split-input-file --verify-diagnostics

func.func @no_strategy(%a: memref<?x8xf32>) {
  // expected-error@+1 {{'mf.add' op has no strategy; run mf-cpu-select-strategies, or write one of the kind mf.cpu_rows}}
  mf.add ins(%a, %a : memref<?x8xf32>, memref<?x8xf32>) outs(%a : memref<?x8xf32>)
  return
}

// -----

func.func @other_family(%a: memref<?x8xf32>) {
  // expected-error@+1 {{its kernel needs one of the kind mf.cpu_rows}}
  mf.add strategy(#mf.cpu_hash<tokens = 16, tables = 8>) ins(%a, %a : memref<?x8xf32>, memref<?x8xf32>)
      outs(%a : memref<?x8xf32>)
  return
}

// -----

func.func @tensors(%a: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // expected-error@+1 {{operand #0 is a tensor; kernels are built on memrefs, after bufferization}}
  %0 = mf.add strategy(#mf.cpu_rows<tokens = 16, lanes = 8>) ins(%a, %a : tensor<?x8xf32>, tensor<?x8xf32>)
      outs(%a : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----

func.func @scattered(%a: memref<?x8xf32, strided<[16, 2]>>, %y: memref<?x8xf32>) {
  // expected-error@+1 {{operand #0 has type 'memref<?x8xf32, strided<[16, 2]>>'; its innermost dimension must have stride 1}}
  mf.add strategy(#mf.cpu_rows<tokens = 16, lanes = 8>)
      ins(%a, %y : memref<?x8xf32, strided<[16, 2]>>, memref<?x8xf32>) outs(%y : memref<?x8xf32>)
  return
}

// -----

func.func @dynamic_features(%a: memref<?x?xf32>) {
  // expected-error@+1 {{dimension 1 of 'memref<?x?xf32>' must be static}}
  mf.add strategy(#mf.cpu_rows<tokens = 16, lanes = 8>) ins(%a, %a : memref<?x?xf32>, memref<?x?xf32>)
      outs(%a : memref<?x?xf32>)
  return
}

// -----

func.func @no_state(%q: memref<?x1x8xf32>) {
  // expected-error@+1 {{has no scratch of 336 elements; run mf-cpu-add-scratch}}
  mf.linear_attention causal features(#mf.elu_features) chunk(16)
      strategy(#mf.cpu_linear_attention<rows = 4, columns = 8, lanes = 8>)
      ins(%q, %q, %q : memref<?x1x8xf32>, memref<?x1x8xf32>, memref<?x1x8xf32>) outs(%q : memref<?x1x8xf32>)
  return
}

// -----

func.func @quadratic(%q: memref<?x2x8xf32>) {
  // expected-error@+1 {{has the form quadratic, which has no kernel; run mf-expand-attention or mf-convert-attention-form}}
  mf.linear_attention causal features(#mf.elu_features) chunk(16) form quadratic
      strategy(#mf.cpu_linear_attention<rows = 4, columns = 8, lanes = 8>)
      ins(%q, %q, %q : memref<?x2x8xf32>, memref<?x2x8xf32>, memref<?x2x8xf32>) outs(%q : memref<?x2x8xf32>)
  return
}

// -----

func.func @pruned_rows(%x: memref<?x64xf32>, %w: memref<64x32xf32>, %f: memref<2x32xi16>, %y: memref<?x64xf32>) {
  // expected-error@+1 {{has pruned features; their kernel needs panels of 32 columns, found no layout}}
  mf.linear strategy(#mf.cpu_panel_gemm<rows = 2, columns = 16, lanes = 16, tile_rows = 2, tile_columns = 32, features = 32>)
      ins(%x, %w : memref<?x64xf32>, memref<64x32xf32>) pruning(<kept = 2, of = 4, columns = 32>) features(%f : memref<2x32xi16>)
      outs(%y : memref<?x64xf32>)
  return
}
