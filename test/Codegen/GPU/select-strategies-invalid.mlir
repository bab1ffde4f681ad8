// RUN: mf-opt %s --mf-gpu-select-strategies=arch=sm_70 --split-input-file --verify-diagnostics

// expected-error @+1 {{expects the architecture sm_80 or sm_90a, found 'sm_70'}}
module {}

// -----

module attributes {mf.gpu_target = #mf.gpu_target<arch = "sm_80", workgroup_bytes = 1024>} {
  func.func @projection(%x: tensor<?x8x64xf32>, %w: tensor<32x64xf32>, %y: tensor<32x8x64xf32>) -> tensor<32x8x64xf32> {
    // expected-error @+1 {{'mf.project_sequence' op has no kernel for GPUs}}
    %r = mf.project_sequence ins(%x, %w : tensor<?x8x64xf32>, tensor<32x64xf32>) outs(%y : tensor<32x8x64xf32>)
        -> tensor<32x8x64xf32>
    return %r : tensor<32x8x64xf32>
  }
}

// -----

// expected-error @+1 {{expects warps to be in [1, 32], found 0}}
func.func private @f() attributes {strategy = #mf.gpu_rows<warps = 0>}

// -----

// expected-error @+1 {{expects threads to be a multiple of 32 up to 1024, found 48}}
func.func private @f() attributes {strategy = #mf.gpu_row_gather<threads = 48>}

// -----

// expected-error @+1 {{expects tokens to be 1 or more, found 0}}
func.func private @f() attributes {strategy = #mf.gpu_table_tile<threads = 32, tokens = 0, rows = 1, gather_tokens = 0>}

// -----

// expected-error @+1 {{expects tables to be 1 or 2, found 3}}
func.func private @f() attributes {strategy = #mf.gpu_table_tile<threads = 32, tokens = 1, rows = 1, gather_tokens = 0, tables = 3>}

// -----

// expected-error @+1 {{expects row_bytes to be 16, 32 or 64, and tables to be 128 / row_bytes, found 32 and 2}}
func.func private @f() attributes {strategy = #mf.gpu_table_tile<threads = 32, tokens = 1, rows = 1, gather_tokens = 0, tables = 2, row_bytes = 32>}

// -----

// expected-error @+1 {{expects cluster to be 0, 1, 2, 4 or 8, found 3}}
func.func private @f() attributes {strategy = #mf.gpu_table_tile<threads = 32, tokens = 1, rows = 1, gather_tokens = 0, cluster = 3>}

// -----

// expected-error @+1 {{expects row_bytes or cluster, found both}}
func.func private @f() attributes {strategy = #mf.gpu_table_tile<threads = 32, tokens = 1, rows = 1, gather_tokens = 0, tables = 2, row_bytes = 64, cluster = 2>}

// -----

// expected-error @+1 {{expects rows and columns to be multiples of 4 and 32 for whole warps of threads with 4 x 8 results, found 62 and 64}}
func.func private @f() attributes {strategy = #mf.gpu_integer_dense<rows = 62, columns = 64, features = 64, stream_tokens = 8>}

// -----

// expected-error @+1 {{expects features to be a multiple of 16, found 40}}
func.func private @f() attributes {strategy = #mf.gpu_integer_dense<rows = 64, columns = 64, features = 40, stream_tokens = 8>}

// -----

// expected-error @+1 {{expects stream_tokens to be 0 or more, found -1}}
func.func private @f() attributes {strategy = #mf.gpu_integer_dense<rows = 64, columns = 64, features = 64, stream_tokens = -1>}

// -----

// expected-error @+1 {{expects rows to be 1 or more, found 0}}
func.func private @f() attributes {strategy = #mf.gpu_table_tile<threads = 32, tokens = 1, rows = 0, gather_tokens = 0>}

// -----

// expected-error @+1 {{expects rows and columns to be multiples of 4 and 32 for whole warps of threads with 4 x 8 results, found 64 and 40}}
func.func private @f() attributes {strategy = #mf.gpu_dense_tile<rows = 64, columns = 40, features = 32, slice = 64, stream_tokens = 8>}

// -----

// expected-error @+1 {{expects features to be a multiple of 8, found 20}}
func.func private @f() attributes {strategy = #mf.gpu_dense_tile<rows = 64, columns = 64, features = 20, slice = 40, stream_tokens = 8>}

// -----

// expected-error @+1 {{expects slice to be a multiple of features, found 48}}
func.func private @f() attributes {strategy = #mf.gpu_dense_tile<rows = 64, columns = 64, features = 32, slice = 48, stream_tokens = 8>}

// -----

// expected-error @+1 {{expects rows to be in [1, 32], found 33}}
func.func private @f() attributes {strategy = #mf.gpu_flash<warps = 4, rows = 33, split_tokens = 0>}

// -----

// expected-error @+1 {{expects split_tokens to be 0 or more, found -1}}
func.func private @f() attributes {strategy = #mf.gpu_flash<warps = 4, rows = 4, split_tokens = -1>}
