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
  func.func @attention(%q: tensor<?x8x64xf32>) -> tensor<?x8x64xf32> {
    // expected-error @+1 {{has no kernel for GPUs}}
    %y = mf.attention causal scale(0.125) ins(%q, %q, %q : tensor<?x8x64xf32>, tensor<?x8x64xf32>, tensor<?x8x64xf32>)
        outs(%q : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
    return %y : tensor<?x8x64xf32>
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
