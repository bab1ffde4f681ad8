// RUN: mf-opt %s --mf-verify-strategy-contract --split-input-file --verify-diagnostics

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  func.func @good(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
    %y = mf.add strategy(#mf.cpu_rows<tokens = 7, lanes = 1>) ins(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>)
        outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
    return %y : tensor<?x8xf32>
  }
}

// -----

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  func.func @none(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
    // expected-error @+1 {{expects a strategy}}
    %y = mf.add ins(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>) outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
    return %y : tensor<?x8xf32>
  }
}

// -----

// expected-error @+1 {{expects the attribute 'mf.target', a #mf.cpu_target}}
module {}
