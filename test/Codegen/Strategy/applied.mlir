// RUN: mf-opt %s --mf-cpu-select-strategies --mf-tile-and-fuse | FileCheck %s

// Tiles have the sizes that strategies written by hand say.
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @tokens
  // CHECK: scf.forall (%{{.*}}) = (0) to (%{{.*}}) step (4)
  // CHECK: mf.add strategy(#mf.cpu_rows<tokens = 4, lanes = 1>)
  func.func @tokens(%x: tensor<?x8xf32>, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
    %y = mf.add strategy(#mf.cpu_rows<tokens = 4, lanes = 1>) ins(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>)
        outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
    return %y : tensor<?x8xf32>
  }

  // CHECK-LABEL: func.func @queries
  // CHECK: scf.forall (%{{.*}}, %{{.*}}) = (0, 0) to (2, %{{.*}}) step (1, 5)
  // CHECK: mf.attention {{.*}}strategy(#mf.cpu_flash<queries = 5, keys = 16, rows = 2, vectors = 2, lanes = 4>)
  func.func @queries(%q: tensor<?x2x4xf32>, %e: tensor<?x2x4xf32>) -> tensor<?x2x4xf32> {
    %y = mf.attention scale(0.5) strategy(#mf.cpu_flash<queries = 5, keys = 16, rows = 2, vectors = 2, lanes = 4>)
        ins(%q, %q, %q : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32>) outs(%e : tensor<?x2x4xf32>)
        -> tensor<?x2x4xf32>
    return %y : tensor<?x2x4xf32>
  }

  // A task has whole panels, and the columns that the strategy says without them.
  // CHECK-LABEL: func.func @rows
  // CHECK: scf.forall (%{{.*}}, %{{.*}}) = (0, 0) to (96, %{{.*}}) step (48, 6)
  // CHECK: mf.linear layout
  // CHECK: scf.forall (%{{.*}}, %{{.*}}) = (0, 0) to (96, %{{.*}}) step (25, 6)
  // CHECK: mf.linear strategy
  func.func @rows(%x: tensor<?x8xf32>, %p: tensor<4x8x24xf32>, %w: tensor<96x8xf32>, %e: tensor<?x96xf32>)
      -> (tensor<?x96xf32>, tensor<?x96xf32>) {
    %y = mf.linear layout(#mf.panel_layout<columns = 24>) strategy(#mf.cpu_panel_gemm<rows = 3, columns = 4, lanes = 2, tile_rows = 6, tile_columns = 25, features = 8>)
        ins(%x, %p : tensor<?x8xf32>, tensor<4x8x24xf32>) outs(%e : tensor<?x96xf32>) -> tensor<?x96xf32>
    %z = mf.linear strategy(#mf.cpu_panel_gemm<rows = 3, columns = 4, lanes = 2, tile_rows = 6, tile_columns = 25, features = 8>)
        ins(%x, %w : tensor<?x8xf32>, tensor<96x8xf32>) outs(%e : tensor<?x96xf32>) -> tensor<?x96xf32>
    return %y, %z : tensor<?x96xf32>, tensor<?x96xf32>
  }
}
