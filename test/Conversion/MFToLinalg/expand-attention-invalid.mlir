// RUN: mf-opt %s --mf-expand-attention --verify-diagnostics
// RUN: not mf-opt %s --mf-expand-attention=form=cubic 2>&1 | FileCheck %s
// CHECK: expects form to be keep, quadratic, chunked or recurrent, found cubic

func.func @memrefs(%q: memref<?x2x8xf32>) {
  // expected-error @below {{cannot be expanded: expects tensors, and a projection without a layout}}
  mf.linear_attention causal features(#mf.elu_features) chunk(16)
      ins(%q, %q, %q : memref<?x2x8xf32>, memref<?x2x8xf32>, memref<?x2x8xf32>) outs(%q : memref<?x2x8xf32>)
  return
}
