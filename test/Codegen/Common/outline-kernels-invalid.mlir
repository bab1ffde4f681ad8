// RUN: mf-opt %s --mf-outline-kernels --split-input-file --verify-diagnostics

func.func @tensors(%frame: !mf.frame, %x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{expects a bufferised loop, found results}}
  %r = scf.forall (%i) in (4) shared_outs(%o = %x) -> tensor<4xf32> {
    scf.forall.in_parallel {
    }
  }
  return %r : tensor<4xf32>
}

// -----

func.func @no_frame(%x: memref<4xf32>) {
  // expected-error @+1 {{expects a function that takes a frame around a parallel loop}}
  scf.forall (%i) in (4) {
    memref.copy %x, %x : memref<4xf32> to memref<4xf32>
  }
  return
}
