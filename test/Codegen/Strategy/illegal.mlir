// RUN: mf-opt %s --mf-verify-strategy-contract --split-input-file --verify-diagnostics

// Strategies that contradict themselves are refused when they are read, those of another family by the contract.
// expected-error @+1 {{expects columns to be a multiple of lanes (8), found 12}}
func.func private @f() attributes {strategy = #mf.cpu_row_gather<tokens = 16, columns = 12, lanes = 8>}

// -----

// expected-error @+1 {{expects lanes to be a power of two in [1, 64], found 3}}
func.func private @f() attributes {strategy = #mf.cpu_rows<tokens = 16, lanes = 3>}

// -----

// expected-error @+1 {{expects tables to be a power of two in [1, 64], found 0}}
func.func private @f() attributes {strategy = #mf.cpu_hash<tokens = 16, tables = 0>}

// -----

// expected-error @+1 {{expects tokens to be in [0, 4096], found -1}}
func.func private @f() attributes {strategy = #mf.cpu_rows<tokens = -1, lanes = 8>}

// -----

// expected-error @+1 {{expects queries to be in [1, 4096], found 0}}
func.func private @f() attributes {strategy = #mf.cpu_flash<queries = 0, keys = 16, rows = 1, vectors = 1, lanes = 8>}

// -----

// expected-error @+1 {{expects keys to be a multiple of 16, found 8}}
func.func private @f() attributes {strategy = #mf.cpu_flash<queries = 1, keys = 8, rows = 1, vectors = 1, lanes = 8>}

// -----

// expected-error @+1 {{expects rows to be in [1, 4096], found 0}}
func.func private @f() attributes {strategy = #mf.cpu_panel_gemm<rows = 0, columns = 16, lanes = 8, tile_rows = 96, tile_columns = 64, features = 256>}

// -----

// expected-error @+1 {{expects columns to be a multiple of lanes (8), found 12}}
func.func private @f() attributes {strategy = #mf.cpu_panel_gemm<rows = 6, columns = 12, lanes = 8, tile_rows = 96, tile_columns = 64, features = 256>}

// -----

// expected-error @+1 {{expects tile_rows to be a multiple of rows (6), found 64}}
func.func private @f() attributes {strategy = #mf.cpu_panel_gemm<rows = 6, columns = 16, lanes = 8, tile_rows = 64, tile_columns = 64, features = 256>}

// -----

// expected-error @+1 {{expects tile_columns to be 1 or more, found 0}}
func.func private @f() attributes {strategy = #mf.cpu_panel_gemm<rows = 6, columns = 16, lanes = 8, tile_rows = 96, tile_columns = 0, features = 256>}

// -----

// expected-error @+1 {{expects features to be a multiple of lanes (8), found 4}}
func.func private @f() attributes {strategy = #mf.cpu_panel_gemm<rows = 6, columns = 16, lanes = 8, tile_rows = 96, tile_columns = 64, features = 4>}

// -----

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  func.func @family(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
    // expected-error @+1 {{expects a strategy #mf.cpu_rows, found #mf.cpu_hash<tokens = 16, tables = 8>}}
    %y = mf.add strategy(#mf.cpu_hash<tokens = 16, tables = 8>) ins(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>)
        outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
    return %y : tensor<?x8xf32>
  }
}
