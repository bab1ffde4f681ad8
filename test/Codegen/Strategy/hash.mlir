// RUN: mf-opt %s --mf-cpu-select-strategies --split-input-file | FileCheck %s

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx512f", vector_bits = 512, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @lanes_512
  // CHECK: mf.hash {{.*}}strategy(#mf.cpu_hash<tokens = 16, tables = 16>)
  func.func @lanes_512(%x: tensor<?x512xf32>, %c: tensor<?x64xi8>, %s: tensor<?x64xf32>) -> (tensor<?x64xi8>, tensor<?x64xf32>) {
    %r:2 = mf.hash magnitude bits(8) ins(%x : tensor<?x512xf32>)
        outs(%c, %s : tensor<?x64xi8>, tensor<?x64xf32>) -> tensor<?x64xi8>, tensor<?x64xf32>
    return %r#0, %r#1 : tensor<?x64xi8>, tensor<?x64xf32>
  }
}

// -----

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "aarch64-unknown-linux-gnu", cpu = "generic", features = "+neon", vector_bits = 128, fma = true, l1_bytes = 65536, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @chunks_in_four_vectors
  // CHECK: mf.hash {{.*}}strategy(#mf.cpu_hash<tokens = 16, tables = 16>)
  func.func @chunks_in_four_vectors(%x: tensor<?x512xf32>, %c: tensor<?x64xi8>, %s: tensor<?x64xf32>) -> (tensor<?x64xi8>, tensor<?x64xf32>) {
    %r:2 = mf.hash magnitude bits(8) ins(%x : tensor<?x512xf32>)
        outs(%c, %s : tensor<?x64xi8>, tensor<?x64xf32>) -> tensor<?x64xi8>, tensor<?x64xf32>
    return %r#0, %r#1 : tensor<?x64xi8>, tensor<?x64xf32>
  }
}
