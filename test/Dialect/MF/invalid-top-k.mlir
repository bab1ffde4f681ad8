// What the verifiers of the ops that find the largest elements refuse.
// RUN: mf-opt %s --split-input-file --verify-diagnostics

func.func @top_k_c1(%x: tensor<?x60xf32>, %v: tensor<?x4x2xf32>, %i: tensor<?x4x3xi32>) {
  // expected-error @below {{expects dimension 2 (k) of 'ids' to be 2 as in 'values', found 3}}
  %r:2 = mf.top_k columns(16) ins(%x : tensor<?x60xf32>) outs(%v, %i : tensor<?x4x2xf32>, tensor<?x4x3xi32>)
      -> tensor<?x4x2xf32>, tensor<?x4x3xi32>
  return
}

// -----

func.func @top_k_c2(%x: tensor<?x60xf32>, %v: tensor<?x3x2xf32>, %i: tensor<?x3x2xi32>) {
  // expected-error @below {{expects 4 runs of 16 columns for 60, found 3}}
  %r:2 = mf.top_k columns(16) ins(%x : tensor<?x60xf32>) outs(%v, %i : tensor<?x3x2xf32>, tensor<?x3x2xi32>)
      -> tensor<?x3x2xf32>, tensor<?x3x2xi32>
  return
}

// -----

func.func @top_k_c2_columns(%x: tensor<?x60xf32>, %v: tensor<?x?x2xf32>, %i: tensor<?x?x2xi32>) {
  // expected-error @below {{expects columns to be 1 or more, found 0}}
  %r:2 = mf.top_k columns(0) ins(%x : tensor<?x60xf32>) outs(%v, %i : tensor<?x?x2xf32>, tensor<?x?x2xi32>)
      -> tensor<?x?x2xf32>, tensor<?x?x2xi32>
  return
}

// -----

func.func @merge_top_k_c1(%rv: tensor<?x4x2xf32>, %ri: tensor<?x4x2xi32>, %v: tensor<?x3xf32>, %i: tensor<?x3xi32>) {
  // expected-error @below {{expects dimension 1 (k) of 'values' to be 2 as in 'run_values', found 3}}
  %m:2 = mf.merge_top_k columns(16) ins(%rv, %ri : tensor<?x4x2xf32>, tensor<?x4x2xi32>)
      outs(%v, %i : tensor<?x3xf32>, tensor<?x3xi32>) -> tensor<?x3xf32>, tensor<?x3xi32>
  return
}

// -----

func.func @merge_top_k_c2(%rv: tensor<?x4x2xf32>, %ri: tensor<?x4x2xi32>, %v: tensor<?x2xf32>, %i: tensor<?x2xi32>) {
  // expected-error @below {{expects columns to be 1 or more, found -1}}
  %m:2 = mf.merge_top_k columns(-1) ins(%rv, %ri : tensor<?x4x2xf32>, tensor<?x4x2xi32>)
      outs(%v, %i : tensor<?x2xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>, tensor<?x2xi32>
  return
}
