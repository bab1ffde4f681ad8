// RUN: mf-opt %s --mf-convert-attention-form=form=recurrent --verify-diagnostics

func.func @scratch(%q: memref<?x2x8xf32>, %s: memref<336xf32>) {
  // expected-error @below {{has scratch for the form chunked}}
  mf.linear_attention causal features(#mf.elu_features) chunk(16)
      ins(%q, %q, %q : memref<?x2x8xf32>, memref<?x2x8xf32>, memref<?x2x8xf32>) outs(%q : memref<?x2x8xf32>) scratch(%s : memref<336xf32>)
  return
}
