// RUN: mf-opt %s --mf-gpu-select-strategies=arch=sm_70 --split-input-file --verify-diagnostics

// expected-error @+1 {{expects the architecture sm_80 or sm_90a, found 'sm_70'}}
module {}

// -----

module attributes {mf.gpu_target = #mf.gpu_target<arch = "sm_80", workgroup_bytes = 1024>} {
  func.func @quantised(%c: tensor<?x2xi8>, %s: tensor<?x2xi8>, %ss: tensor<?xf32>, %t: tensor<2x256x64xi8>,
                       %ts: tensor<64xf32>, %y: tensor<?x64xf32>) -> tensor<?x64xf32> {
    // expected-error @+1 {{has no kernel for GPUs}}
    %r = mf.lookup ins(%c, %s : tensor<?x2xi8>, tensor<?x2xi8>) score_scales(%ss : tensor<?xf32>)
        tables(%t : tensor<2x256x64xi8>) table_scales(%ts : tensor<64xf32>) outs(%y : tensor<?x64xf32>)
        -> tensor<?x64xf32>
    return %r : tensor<?x64xf32>
  }
}

// -----

module attributes {mf.gpu_target = #mf.gpu_target<arch = "sm_80", workgroup_bytes = 1024>} {
  func.func @quantised(%x: tensor<?x64xf32>, %q: tensor<?x64xi8>, %s: tensor<?xf32>) -> tensor<?x64xi8> {
    // expected-error @+1 {{has no kernel for GPUs}}
    %r:2 = mf.quantize_rows ins(%x : tensor<?x64xf32>) outs(%q, %s : tensor<?x64xi8>, tensor<?xf32>)
        -> tensor<?x64xi8>, tensor<?xf32>
    return %r#0 : tensor<?x64xi8>
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
