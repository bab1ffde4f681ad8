// RUN: mf-opt %s --mf-cpu-select-strategies --split-input-file | FileCheck %s

// The sums of a register tile, weights and activations must stay in registers: 32 with 512 bits, 16 with 256. A task is
// as wide as leaves no narrower one at the end.
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx512f", vector_bits = 512, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @linear_512
  // CHECK: mf.linear strategy(#mf.cpu_panel_gemm<rows = 14, columns = 32, lanes = 16, tile_rows = 98, tile_columns = 256, features = 256>)
  func.func @linear_512(%x: tensor<?x8xf32>, %w: tensor<5x8xf16>, %e: tensor<?x5xf32>) -> tensor<?x5xf32> {
    %y = mf.linear ins(%x, %w : tensor<?x8xf32>, tensor<5x8xf16>) outs(%e : tensor<?x5xf32>) -> tensor<?x5xf32>
    return %y : tensor<?x5xf32>
  }

  // CHECK-LABEL: func.func @vocabulary
  // CHECK: mf.linear strategy(#mf.cpu_panel_gemm<{{.*}}, tile_columns = 384, features = 256>)
  func.func @vocabulary(%x: tensor<?x8xf32>, %w: tensor<50304x8xf16>, %e: tensor<?x50304xf32>) -> tensor<?x50304xf32> {
    %y = mf.linear ins(%x, %w : tensor<?x8xf32>, tensor<50304x8xf16>) outs(%e : tensor<?x50304xf32>) -> tensor<?x50304xf32>
    return %y : tensor<?x50304xf32>
  }

  // CHECK-LABEL: func.func @narrow
  // CHECK: mf.linear strategy(#mf.cpu_panel_gemm<{{.*}}, tile_columns = 128, features = 256>)
  func.func @narrow(%x: tensor<?x8xf32>, %w: tensor<640x8xf16>, %e: tensor<?x640xf32>) -> tensor<?x640xf32> {
    %y = mf.linear ins(%x, %w : tensor<?x8xf32>, tensor<640x8xf16>) outs(%e : tensor<?x640xf32>) -> tensor<?x640xf32>
    return %y : tensor<?x640xf32>
  }
}

// -----

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @linear_256
  // CHECK: mf.linear strategy(#mf.cpu_panel_gemm<rows = 6, columns = 16, lanes = 8, tile_rows = 96, tile_columns = 256, features = 256>)
  func.func @linear_256(%x: tensor<?x8xf32>, %w: tensor<5x8xf16>, %e: tensor<?x5xf32>) -> tensor<?x5xf32> {
    %y = mf.linear ins(%x, %w : tensor<?x8xf32>, tensor<5x8xf16>) outs(%e : tensor<?x5xf32>) -> tensor<?x5xf32>
    return %y : tensor<?x5xf32>
  }
}

// -----

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v2", features = "+sse4.2", vector_bits = 128, fma = false, l1_bytes = 32768, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @linear_128
  // CHECK: mf.linear strategy(#mf.cpu_panel_gemm<rows = 6, columns = 8, lanes = 4, tile_rows = 96, tile_columns = 256, features = 256>)
  func.func @linear_128(%x: tensor<?x8xf32>, %w: tensor<5x8xf16>, %e: tensor<?x5xf32>) -> tensor<?x5xf32> {
    %y = mf.linear ins(%x, %w : tensor<?x8xf32>, tensor<5x8xf16>) outs(%e : tensor<?x5xf32>) -> tensor<?x5xf32>
    return %y : tensor<?x5xf32>
  }
}

// -----

// Short vectors, but twice the registers.
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "aarch64-unknown-linux-gnu", cpu = "generic", features = "+neon", vector_bits = 128, fma = true, l1_bytes = 65536, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @linear_neon
  // CHECK: mf.linear strategy(#mf.cpu_panel_gemm<rows = 6, columns = 16, lanes = 4, tile_rows = 96, tile_columns = 256, features = 256>)
  func.func @linear_neon(%x: tensor<?x8xf32>, %w: tensor<5x8xf16>, %e: tensor<?x5xf32>) -> tensor<?x5xf32> {
    %y = mf.linear ins(%x, %w : tensor<?x8xf32>, tensor<5x8xf16>) outs(%e : tensor<?x5xf32>) -> tensor<?x5xf32>
    return %y : tensor<?x5xf32>
  }
}

// -----

// Sums of integers: as many as of floats where an instruction adds four products, else two vectors of sums for one of
// columns.
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx512bw,+avx512vl,+avx512vnni", vector_bits = 512, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @integers_vnni
  // CHECK: mf.linear strategy(#mf.cpu_panel_gemm<rows = 14, columns = 32, lanes = 16, tile_rows = 98
  func.func @integers_vnni(%x: tensor<?x8xi8>, %w: tensor<5x8xi8>, %xs: tensor<?xf32>, %ws: tensor<5x1xf32>, %e: tensor<?x5xf32>) -> tensor<?x5xf32> {
    %y = mf.linear ins(%x, %w : tensor<?x8xi8>, tensor<5x8xi8>) scales(%xs, %ws : tensor<?xf32>, tensor<5x1xf32>) outs(%e : tensor<?x5xf32>) -> tensor<?x5xf32>
    return %y : tensor<?x5xf32>
  }
}

// -----

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @integers_256
  // CHECK: mf.linear strategy(#mf.cpu_panel_gemm<rows = 6, columns = 8, lanes = 8, tile_rows = 96
  func.func @integers_256(%x: tensor<?x8xi8>, %w: tensor<5x8xi8>, %xs: tensor<?xf32>, %ws: tensor<5x1xf32>, %e: tensor<?x5xf32>) -> tensor<?x5xf32> {
    %y = mf.linear ins(%x, %w : tensor<?x8xi8>, tensor<5x8xi8>) scales(%xs, %ws : tensor<?xf32>, tensor<5x1xf32>) outs(%e : tensor<?x5xf32>) -> tensor<?x5xf32>
    return %y : tensor<?x5xf32>
  }
}
