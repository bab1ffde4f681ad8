// RUN: mf-opt %s --mf-cpu-select-strategies --split-input-file | FileCheck %s

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx512f", vector_bits = 512, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @family_512
  // CHECK: mf.linear_attention {{.*}}strategy(#mf.cpu_linear_attention<rows = 8, columns = 32, lanes = 16>)
  // CHECK: mf.recurrent_attention {{.*}}strategy(#mf.cpu_linear_attention<rows = 8, columns = 32, lanes = 16>)
  // CHECK: mf.project_sequence strategy(#mf.cpu_linear_attention<rows = 8, columns = 32, lanes = 16>)
  func.func @family_512(%q: tensor<?x2x8xf32>, %i: tensor<?xi32>, %s: tensor<?x2x336xf32>, %w: tensor<4x32xf32>,
                        %p: tensor<4x2x8xf32>) -> (tensor<?x2x8xf32>, tensor<?x2x336xf32>, tensor<4x2x8xf32>) {
    %a = mf.linear_attention causal features(#mf.elu_features) chunk(16)
        ins(%q, %q, %q : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>) outs(%q : tensor<?x2x8xf32>)
        -> tensor<?x2x8xf32>
    %b:2 = mf.recurrent_attention features(#mf.elu_features) chunk(16)
        ins(%a, %q, %q, %i, %i : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?xi32>, tensor<?xi32>)
        outs(%q, %s : tensor<?x2x8xf32>, tensor<?x2x336xf32>) -> tensor<?x2x8xf32>, tensor<?x2x336xf32>
    %c = mf.project_sequence ins(%b#0, %w : tensor<?x2x8xf32>, tensor<4x32xf32>) outs(%p : tensor<4x2x8xf32>)
        -> tensor<4x2x8xf32>
    return %b#0, %b#1, %c : tensor<?x2x8xf32>, tensor<?x2x336xf32>, tensor<4x2x8xf32>
  }
}

// -----

// Sixteen registers hold four rows of two vectors.
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 524288>} {
  // CHECK-LABEL: func.func @family_256
  // CHECK: mf.linear_attention {{.*}}strategy(#mf.cpu_linear_attention<rows = 4, columns = 16, lanes = 8>)
  func.func @family_256(%q: tensor<?x2x8xf32>) -> tensor<?x2x8xf32> {
    %a = mf.linear_attention causal features(#mf.elu_features) chunk(16)
        ins(%q, %q, %q : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>) outs(%q : tensor<?x2x8xf32>)
        -> tensor<?x2x8xf32>
    return %a : tensor<?x2x8xf32>
  }
}

// -----

// Rules ask for the sizes of the family.
module attributes {
  mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 524288>,
  mf.strategies = [#mf.strategy_rule<op = "mf.linear_attention", sizes = {chunk = 16, features = 16, head_size = 8, heads = 2},
                   strategy = #mf.cpu_linear_attention<rows = 2, columns = 8, lanes = 8>>]} {
  // CHECK-LABEL: func.func @ruled
  // CHECK: strategy(#mf.cpu_linear_attention<rows = 2, columns = 8, lanes = 8>)
  func.func @ruled(%q: tensor<?x2x8xf32>) -> tensor<?x2x8xf32> {
    %a = mf.linear_attention causal features(#mf.cosformer_features<max_positions = 9>) chunk(16)
        ins(%q, %q, %q : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>) outs(%q : tensor<?x2x8xf32>)
        -> tensor<?x2x8xf32>
    return %a : tensor<?x2x8xf32>
  }
}
