// RUN: mf-opt %s --mf-cpu-select-strategies --split-input-file | FileCheck %s

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @rows_256
  // CHECK: mf.embedding strategy(#mf.cpu_rows<tokens = 16, lanes = 8>)
  // CHECK: mf.rms_norm strategy(#mf.cpu_rows<tokens = 16, lanes = 8>)
  // CHECK: mf.layer_norm strategy(#mf.cpu_rows<tokens = 16, lanes = 8>)
  // CHECK: mf.activation gelu strategy(#mf.cpu_rows<tokens = 16, lanes = 8>)
  // CHECK: mf.add strategy(#mf.cpu_rows<tokens = 16, lanes = 8>)
  func.func @rows_256(%ids: tensor<?xi32>, %table: tensor<9x8xf32>, %w: tensor<8xf32>, %e: tensor<?x8xf32>)
      -> tensor<?x8xf32> {
    %x = mf.embedding ins(%ids, %table : tensor<?xi32>, tensor<9x8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
    %a = mf.rms_norm ins(%x, %w : tensor<?x8xf32>, tensor<8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
    %b = mf.layer_norm ins(%x, %w, %w : tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<?x8xf32>)
        -> tensor<?x8xf32>
    %c = mf.activation gelu ins(%b : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
    %y = mf.add ins(%a, %c : tensor<?x8xf32>, tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
    return %y : tensor<?x8xf32>
  }

  // An update of state is no op of the token loop.
  // CHECK-LABEL: func.func @heads_256
  // CHECK: mf.rope strategy(#mf.cpu_rows<tokens = 16, lanes = 8>)
  // CHECK: mf.update_state strategy(#mf.cpu_rows<tokens = 0, lanes = 8>)
  func.func @heads_256(%x: tensor<?x2x4xf32>, %slots: tensor<?xi32>, %p: tensor<?xi32>, %angles: tensor<9x1x2xf32>,
      %e: tensor<?x2x4xf32>, %state: tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32> {
    %y = mf.rope ins(%x, %p, %angles : tensor<?x2x4xf32>, tensor<?xi32>, tensor<9x1x2xf32>)
        outs(%e : tensor<?x2x4xf32>) -> tensor<?x2x4xf32>
    %z = mf.update_state ins(%y, %slots, %p : tensor<?x2x4xf32>, tensor<?xi32>, tensor<?xi32>)
        outs(%state : tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
    return %z : tensor<?x2x?x4xf32>
  }
}

// -----

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "aarch64-unknown-linux-gnu", cpu = "generic", features = "+neon", vector_bits = 128, fma = true, l1_bytes = 65536, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @rows_128
  // CHECK: mf.embedding strategy(#mf.cpu_rows<tokens = 16, lanes = 4>)
  // CHECK: mf.rms_norm strategy(#mf.cpu_rows<tokens = 16, lanes = 4>)
  // CHECK: mf.layer_norm strategy(#mf.cpu_rows<tokens = 16, lanes = 4>)
  // CHECK: mf.add strategy(#mf.cpu_rows<tokens = 16, lanes = 4>)
  func.func @rows_128(%ids: tensor<?xi32>, %table: tensor<9x8xf32>, %w: tensor<8xf32>, %e: tensor<?x8xf32>)
      -> tensor<?x8xf32> {
    %x = mf.embedding ins(%ids, %table : tensor<?xi32>, tensor<9x8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
    %a = mf.rms_norm ins(%x, %w : tensor<?x8xf32>, tensor<8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
    %b = mf.layer_norm ins(%x, %w, %w : tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<?x8xf32>)
        -> tensor<?x8xf32>
    %y = mf.add ins(%a, %b : tensor<?x8xf32>, tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
    return %y : tensor<?x8xf32>
  }

  // An update of state is no op of the token loop.
  // CHECK-LABEL: func.func @heads_128
  // CHECK: mf.rope strategy(#mf.cpu_rows<tokens = 16, lanes = 4>)
  // CHECK: mf.update_state strategy(#mf.cpu_rows<tokens = 0, lanes = 4>)
  func.func @heads_128(%x: tensor<?x2x4xf32>, %slots: tensor<?xi32>, %p: tensor<?xi32>, %angles: tensor<9x1x2xf32>,
      %e: tensor<?x2x4xf32>, %state: tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32> {
    %y = mf.rope ins(%x, %p, %angles : tensor<?x2x4xf32>, tensor<?xi32>, tensor<9x1x2xf32>)
        outs(%e : tensor<?x2x4xf32>) -> tensor<?x2x4xf32>
    %z = mf.update_state ins(%y, %slots, %p : tensor<?x2x4xf32>, tensor<?xi32>, tensor<?xi32>)
        outs(%state : tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
    return %z : tensor<?x2x?x4xf32>
  }
}
