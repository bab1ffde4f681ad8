// RUN: mf-opt %s --mf-cpu-select-strategies --split-input-file | FileCheck %s

// The panel's accumulators must stay in registers.
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx512f", vector_bits = 512, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @linear_512
  // CHECK: mf.linear strategy(#mf.cpu_panel_gemm<rows = 8, lanes = 16>)
  func.func @linear_512(%x: tensor<?x8xf32>, %w: tensor<5x8xf16>, %e: tensor<?x5xf32>) -> tensor<?x5xf32> {
    %y = mf.linear ins(%x, %w : tensor<?x8xf32>, tensor<5x8xf16>) outs(%e : tensor<?x5xf32>) -> tensor<?x5xf32>
    return %y : tensor<?x5xf32>
  }
}

// -----

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @linear_256
  // CHECK: mf.linear strategy(#mf.cpu_panel_gemm<rows = 6, lanes = 8>)
  func.func @linear_256(%x: tensor<?x8xf32>, %w: tensor<5x8xf16>, %e: tensor<?x5xf32>) -> tensor<?x5xf32> {
    %y = mf.linear ins(%x, %w : tensor<?x8xf32>, tensor<5x8xf16>) outs(%e : tensor<?x5xf32>) -> tensor<?x5xf32>
    return %y : tensor<?x5xf32>
  }
}

// -----

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "aarch64-unknown-linux-gnu", cpu = "generic", features = "+neon", vector_bits = 128, fma = true, l1_bytes = 65536, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @linear_128
  // CHECK: mf.linear strategy(#mf.cpu_panel_gemm<rows = 3, lanes = 4>)
  func.func @linear_128(%x: tensor<?x8xf32>, %w: tensor<5x8xf16>, %e: tensor<?x5xf32>) -> tensor<?x5xf32> {
    %y = mf.linear ins(%x, %w : tensor<?x8xf32>, tensor<5x8xf16>) outs(%e : tensor<?x5xf32>) -> tensor<?x5xf32>
    return %y : tensor<?x5xf32>
  }
}
