// RUN: mf-opt %s --mf-tile-and-fuse --split-input-file --verify-diagnostics

func.func @no_strategy(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // expected-error @+1 {{expects a strategy, which mf-cpu-select-strategies sets}}
  %y = mf.add ins(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>) outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

func.func @memrefs(%x: memref<?x8xf32>, %y: memref<?x8xf32>) {
  // expected-error @+1 {{expects tensors: it is tiled before bufferisation}}
  mf.add strategy(#mf.cpu_rows<tokens = 16, lanes = 8>) ins(%x, %x : memref<?x8xf32>, memref<?x8xf32>)
      outs(%y : memref<?x8xf32>)
  return
}

// -----

func.func @dynamic_features(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // expected-error @+1 {{expects static dimensions apart from the tokens}}
  %y = mf.add strategy(#mf.cpu_rows<tokens = 16, lanes = 8>) ins(%x, %x : tensor<?x?xf32>, tensor<?x?xf32>)
      outs(%x : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// -----

func.func @dynamic_heads(%q: tensor<?x?x8xf32>, %e: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+3 {{expects static numbers of heads}}
  // expected-error @+2 {{to tile operation}}
  // expected-error @+1 {{failed to generate tiling loops}}
  %y = mf.attention scale(0.5) strategy(#mf.cpu_flash<queries = 16, keys = 16, rows = 2, vectors = 2, lanes = 8>)
      ins(%q, %q, %q : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) outs(%e : tensor<?x?x8xf32>)
      -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}
