// RUN: mf-opt %s --mf-verify-tile-contract --split-input-file --verify-diagnostics

func.func @in_a_loop(%x: memref<?x8xf32>, %y: memref<?x8xf32>) {
  scf.forall (%i) in (4) {
    mf.add ins(%x, %x : memref<?x8xf32>, memref<?x8xf32>) outs(%y : memref<?x8xf32>)
  }
  return
}

// The loop of one iteration around it was inlined.
func.func @one_tile(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %y = mf.add ins(%x, %x : tensor<4x8xf32>, tensor<4x8xf32>) outs(%x : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

func.func @alone(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // expected-error @+1 {{expects a parallel loop around it, which mf-tile-and-fuse builds}}
  %y = mf.add ins(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>) outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
