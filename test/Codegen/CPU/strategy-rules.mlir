// RUN: mf-opt %s --mf-cpu-select-strategies --split-input-file --verify-diagnostics | FileCheck %s

// The first rule that holds gives the strategy; one that is written on the op stays.
#lookup = #mf.strategy_rule<op = "mf.lookup", sizes = {bits = 8, columns = 64, dtype = f16}, strategy = #mf.cpu_row_gather<tokens = 16, columns = 24, lanes = 8>>
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 1048576>,
                   mf.strategies = [#lookup,
                     #mf.strategy_rule<op = "mf.lookup", sizes = {columns = 64}, strategy = #mf.cpu_row_gather<tokens = 16, columns = 16, lanes = 8>>,
                     #mf.strategy_rule<op = "mf.add", variant = "other", strategy = #mf.cpu_rows<tokens = 1, lanes = 1>>,
                     #mf.strategy_rule<op = "mf.add", variant = "t", strategy = #mf.cpu_rows<tokens = 4, lanes = 2>>,
                     #mf.strategy_rule<op = "mf.add", strategy = #mf.cpu_rows<tokens = 2, lanes = 2>>]} {
  // CHECK-LABEL: func.func @first_rule
  // CHECK: mf.lookup strategy(#mf.cpu_row_gather<tokens = 16, columns = 24, lanes = 8>)
  func.func @first_rule(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x64xf16>, %e: tensor<?x64xf32>) -> tensor<?x64xf32> {
    %r = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x64xf16>)
        outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
    return %r : tensor<?x64xf32>
  }

  // CHECK-LABEL: func.func @other_dtype
  // CHECK: mf.lookup strategy(#mf.cpu_row_gather<tokens = 16, columns = 16, lanes = 8>)
  func.func @other_dtype(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x64xf32>, %e: tensor<?x64xf32>) -> tensor<?x64xf32> {
    %r = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x64xf32>)
        outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
    return %r : tensor<?x64xf32>
  }

  // CHECK-LABEL: func.func @no_rule
  // CHECK: mf.lookup strategy(#mf.cpu_row_gather<tokens = 16, columns = 32, lanes = 8>)
  func.func @no_rule(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x32xf16>, %e: tensor<?x32xf32>) -> tensor<?x32xf32> {
    %r = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x32xf16>)
        outs(%e : tensor<?x32xf32>) -> tensor<?x32xf32>
    return %r : tensor<?x32xf32>
  }

  // CHECK-LABEL: func.func @variant_and_hand_written
  // CHECK: mf.add strategy(#mf.cpu_rows<tokens = 4, lanes = 2>)
  // CHECK: mf.add strategy(#mf.cpu_rows<tokens = 7, lanes = 1>)
  func.func @variant_and_hand_written(%x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
    %y = mf.add ins(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>) outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
    %z = mf.add strategy(#mf.cpu_rows<tokens = 7, lanes = 1>) ins(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>)
        outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
    return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
  }
}

// -----

// Sizes of every family.
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 1048576>,
                   mf.strategies = [
                     #mf.strategy_rule<op = "mf.hash", sizes = {bits = 2, tables = 4}, strategy = #mf.cpu_hash<tokens = 16, tables = 2>>,
                     #mf.strategy_rule<op = "mf.linear", sizes = {columns = 16, features = 8, dtype = bf16}, strategy = #mf.cpu_panel_gemm<rows = 1, columns = 2, lanes = 2, tile_rows = 1, tile_columns = 16, features = 8>>,
                     #mf.strategy_rule<op = "mf.attention", sizes = {heads = 2, head_size = 4}, strategy = #mf.cpu_flash<queries = 3, keys = 16, rows = 2, vectors = 2, lanes = 4>>,
                     #mf.strategy_rule<op = "mf.add", sizes = {columns = 8}, strategy = #mf.cpu_rows<tokens = 4, lanes = 2>>]} {
  // CHECK-LABEL: func.func @sizes
  // CHECK: mf.hash {{.*}}strategy(#mf.cpu_hash<tokens = 16, tables = 2>)
  // CHECK: mf.linear strategy(#mf.cpu_panel_gemm<rows = 1, columns = 2, lanes = 2, tile_rows = 1, tile_columns = 16, features = 8>)
  // CHECK: mf.attention {{.*}}strategy(#mf.cpu_flash<queries = 3, keys = 16, rows = 2, vectors = 2, lanes = 4>)
  // CHECK: mf.add strategy(#mf.cpu_rows<tokens = 4, lanes = 2>)
  func.func @sizes(%x: tensor<?x8xf32>, %c: tensor<?x4xi8>, %s: tensor<?x4xf32>, %w: tensor<16x8xbf16>,
                   %y: tensor<?x16xf32>, %q: tensor<?x2x4xf32>)
      -> (tensor<?x4xi8>, tensor<?x4xf32>, tensor<?x16xf32>, tensor<?x2x4xf32>, tensor<?x8xf32>) {
    %codes, %scores = mf.hash magnitude bits(2) ins(%x : tensor<?x8xf32>) outs(%c, %s : tensor<?x4xi8>, tensor<?x4xf32>)
        -> tensor<?x4xi8>, tensor<?x4xf32>
    %l = mf.linear ins(%x, %w : tensor<?x8xf32>, tensor<16x8xbf16>) outs(%y : tensor<?x16xf32>) -> tensor<?x16xf32>
    %a = mf.attention causal scale(0.5) ins(%q, %q, %q : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32>)
        outs(%q : tensor<?x2x4xf32>) -> tensor<?x2x4xf32>
    %z = mf.add ins(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>) outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
    return %codes, %scores, %l, %a, %z
        : tensor<?x4xi8>, tensor<?x4xf32>, tensor<?x16xf32>, tensor<?x2x4xf32>, tensor<?x8xf32>
  }
}

// -----

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 1048576>,
                   mf.strategies = [#mf.strategy_rule<op = "mf.add", sizes = {colums = 8}, strategy = #mf.cpu_rows<tokens = 4, lanes = 2>>]} {
  func.func @unknown_size(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
    // expected-error @+1 {{'mf.add' op has the sizes columns for rules in 'mf.strategies', found #mf.strategy_rule<op = "mf.add", sizes = {colums = 8 : i64}}}
    %y = mf.add ins(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>) outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
    return %y : tensor<?x8xf32>
  }
}
