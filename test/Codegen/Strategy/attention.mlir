// RUN: mf-opt %s --mf-cpu-select-strategies --split-input-file | FileCheck %s

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx512f", vector_bits = 512, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @attention_512
  // CHECK: mf.attention {{.*}}strategy(#mf.cpu_flash<queries = 384, keys = 128, rows = 6, vectors = 4, lanes = 16>)
  // CHECK: mf.cached_attention {{.*}}strategy(#mf.cpu_flash<queries = 192, keys = 128, rows = 6, vectors = 4, lanes = 16>)
  func.func @attention_512(%q: tensor<?x2x4xf32>, %cache: tensor<?x2x?x4xf32>, %i: tensor<?xi32>)
      -> (tensor<?x2x4xf32>, tensor<?x2x4xf32>) {
    %a = mf.attention causal scale(0.5) ins(%q, %q, %q : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32>)
        outs(%q : tensor<?x2x4xf32>) -> tensor<?x2x4xf32>
    %b = mf.cached_attention scale(0.5) ins(%q, %cache, %cache, %i, %i : tensor<?x2x4xf32>, tensor<?x2x?x4xf32>,
        tensor<?x2x?x4xf32>, tensor<?xi32>, tensor<?xi32>) outs(%q : tensor<?x2x4xf32>) -> tensor<?x2x4xf32>
    return %a, %b : tensor<?x2x4xf32>, tensor<?x2x4xf32>
  }
}

// -----

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "aarch64-unknown-linux-gnu", cpu = "generic", features = "+neon", vector_bits = 128, fma = true, l1_bytes = 65536, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @attention_128
  // CHECK: mf.attention {{.*}}strategy(#mf.cpu_flash<queries = 384, keys = 128, rows = 6, vectors = 4, lanes = 4>)
  // CHECK: mf.cached_attention {{.*}}strategy(#mf.cpu_flash<queries = 192, keys = 128, rows = 6, vectors = 4, lanes = 4>)
  func.func @attention_128(%q: tensor<?x2x4xf32>, %cache: tensor<?x2x?x4xf32>, %i: tensor<?xi32>)
      -> (tensor<?x2x4xf32>, tensor<?x2x4xf32>) {
    %a = mf.attention causal scale(0.5) ins(%q, %q, %q : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32>)
        outs(%q : tensor<?x2x4xf32>) -> tensor<?x2x4xf32>
    %b = mf.cached_attention scale(0.5) ins(%q, %cache, %cache, %i, %i : tensor<?x2x4xf32>, tensor<?x2x?x4xf32>,
        tensor<?x2x?x4xf32>, tensor<?xi32>, tensor<?xi32>) outs(%q : tensor<?x2x4xf32>) -> tensor<?x2x4xf32>
    return %a, %b : tensor<?x2x4xf32>, tensor<?x2x4xf32>
  }
}

// -----

// Keys and values are copied for each tile of queries, whose state is at most a third of the second-level cache.
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 524288>} {
  // CHECK-LABEL: func.func @second_level
  // CHECK: mf.attention {{.*}}strategy(#mf.cpu_flash<queries = 204, keys = 128, rows = 6, vectors = 2, lanes = 8>)
  // CHECK: mf.attention {{.*}}strategy(#mf.cpu_flash<queries = 24, keys = 128, rows = 6, vectors = 2, lanes = 8>)
  func.func @second_level(%q: tensor<?x2x64xf32>, %wide: tensor<?x1x4096xf32>)
      -> (tensor<?x2x64xf32>, tensor<?x1x4096xf32>) {
    %a = mf.attention causal scale(0.5) ins(%q, %q, %q : tensor<?x2x64xf32>, tensor<?x2x64xf32>, tensor<?x2x64xf32>)
        outs(%q : tensor<?x2x64xf32>) -> tensor<?x2x64xf32>
    %b = mf.attention causal scale(0.5) ins(%wide, %wide, %wide : tensor<?x1x4096xf32>, tensor<?x1x4096xf32>,
        tensor<?x1x4096xf32>) outs(%wide : tensor<?x1x4096xf32>) -> tensor<?x1x4096xf32>
    return %a, %b : tensor<?x2x64xf32>, tensor<?x1x4096xf32>
  }
}
