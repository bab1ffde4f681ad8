// Floats of 16 bits go to tensor cores where they lie in pieces of 16 bytes and the target has room for the tiles.
// RUN: mf-opt %s --mf-gpu-select-strategies=arch=sm_80 --split-input-file | FileCheck %s

module {
  // CHECK-LABEL: func.func @linear
  //       CHECK: mf.linear layout({{.*}}) strategy(#mf.gpu_matrix_dense<rows = 128, columns = 128, features = 32, warp_rows = 32, warp_columns = 32, stages = 3, slice = 192, stream_tokens = 32>)
  //  CHECK-SAME: tensor<7x2056x16xf16>
  //       CHECK: mf.linear layout({{.*}}) strategy(#mf.gpu_matrix_dense<{{.*}}slice = 64,
  //  CHECK-SAME: tensor<7x512x16xbf16>
  //       CHECK: mf.linear layout({{.*}}) strategy(#mf.gpu_dense_tile<{{.*}}tensor<7x512x16xf32>
  // Features of 2,072 bytes are not aligned.
  //       CHECK: mf.linear layout({{.*}}) strategy(#mf.gpu_dense_tile<{{.*}}tensor<7x518x16xf16>
  // A weight that is no parameter has no panels.
  //       CHECK: mf.linear strategy(#mf.gpu_dense_tile<{{.*}}tensor<100x512xf16>
  func.func @linear(%w: tensor<?x2056xf32>, %x: tensor<?x512xf32>, %r: tensor<?x518xf32>, %a: tensor<7x2056x16xf16>,
                    %b: tensor<7x512x16xbf16>, %c: tensor<7x512x16xf32>, %d: tensor<7x518x16xf16>, %e: tensor<100x512xf16>,
                    %y: tensor<?x100xf32>)
      -> (tensor<?x100xf32>, tensor<?x100xf32>, tensor<?x100xf32>, tensor<?x100xf32>, tensor<?x100xf32>) {
    %0 = mf.linear layout(<columns = 16>) ins(%w, %a : tensor<?x2056xf32>, tensor<7x2056x16xf16>)
        outs(%y : tensor<?x100xf32>) -> tensor<?x100xf32>
    %1 = mf.linear layout(<columns = 16>) ins(%x, %b : tensor<?x512xf32>, tensor<7x512x16xbf16>)
        outs(%y : tensor<?x100xf32>) -> tensor<?x100xf32>
    %2 = mf.linear layout(<columns = 16>) ins(%x, %c : tensor<?x512xf32>, tensor<7x512x16xf32>)
        outs(%y : tensor<?x100xf32>) -> tensor<?x100xf32>
    %3 = mf.linear layout(<columns = 16>) ins(%r, %d : tensor<?x518xf32>, tensor<7x518x16xf16>)
        outs(%y : tensor<?x100xf32>) -> tensor<?x100xf32>
    %4 = mf.linear ins(%x, %e : tensor<?x512xf32>, tensor<100x512xf16>) outs(%y : tensor<?x100xf32>) -> tensor<?x100xf32>
    return %0, %1, %2, %3, %4 : tensor<?x100xf32>, tensor<?x100xf32>, tensor<?x100xf32>, tensor<?x100xf32>, tensor<?x100xf32>
  }

  // CHECK-LABEL: func.func @attention
  //       CHECK: strategy(#mf.gpu_matrix_flash<warps = 4, keys = 64, split_tokens = 16>)
  //       CHECK: strategy(#mf.gpu_flash<warps = 4, rows = 4, split_tokens = 16>)
  // Caches of two types.
  //       CHECK: strategy(#mf.gpu_flash<warps = 4, rows = 4, split_tokens = 16>)
  func.func @attention(%q: tensor<?x8x64xf32>, %h: tensor<?x2x?x64xbf16>, %f: tensor<?x2x?x64xf32>, %g: tensor<?x2x?x64xf16>,
                       %s: tensor<?xi32>) -> (tensor<?x8x64xf32>, tensor<?x8x64xf32>, tensor<?x8x64xf32>) {
    %0 = mf.cached_attention scale(0.125) ins(%q, %h, %h, %s, %s : tensor<?x8x64xf32>, tensor<?x2x?x64xbf16>,
        tensor<?x2x?x64xbf16>, tensor<?xi32>, tensor<?xi32>) outs(%q : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
    %1 = mf.cached_attention scale(0.125) ins(%q, %f, %f, %s, %s : tensor<?x8x64xf32>, tensor<?x2x?x64xf32>,
        tensor<?x2x?x64xf32>, tensor<?xi32>, tensor<?xi32>) outs(%q : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
    %2 = mf.cached_attention scale(0.125) ins(%q, %h, %g, %s, %s : tensor<?x8x64xf32>, tensor<?x2x?x64xbf16>,
        tensor<?x2x?x64xf16>, tensor<?xi32>, tensor<?xi32>) outs(%q : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
    return %0, %1, %2 : tensor<?x8x64xf32>, tensor<?x8x64xf32>, tensor<?x8x64xf32>
  }
}

// -----

// Pairs are words of products as they lie.
// CHECK-LABEL: func.func @layouts
//       CHECK: mf.cached_attention {{.*}}layout(<keys = 16>) strategy(#mf.gpu_matrix_flash<
//       CHECK: mf.cached_attention {{.*}}features = 2>) strategy(#mf.gpu_matrix_flash<
//       CHECK: mf.cached_attention {{.*}}values_layout(<keys = 2>) strategy(#mf.gpu_matrix_flash<
func.func @layouts(%q: tensor<?x8x64xf32>, %h: tensor<?x2x?x64xbf16>, %s: tensor<?xi32>)
    -> (tensor<?x8x64xf32>, tensor<?x8x64xf32>, tensor<?x8x64xf32>) {
  %0 = mf.cached_attention scale(0.125) layout(<keys = 16>) ins(%q, %h, %h, %s, %s : tensor<?x8x64xf32>,
      tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?xi32>, tensor<?xi32>) outs(%q : tensor<?x8x64xf32>)
      -> tensor<?x8x64xf32>
  %1 = mf.cached_attention scale(0.125) layout(<keys = 16, features = 2>) ins(%q, %h, %h, %s, %s : tensor<?x8x64xf32>,
      tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?xi32>, tensor<?xi32>) outs(%q : tensor<?x8x64xf32>)
      -> tensor<?x8x64xf32>
  %2 = mf.cached_attention scale(0.125) values_layout(<keys = 2>) ins(%q, %h, %h, %s, %s : tensor<?x8x64xf32>,
      tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?xi32>, tensor<?xi32>) outs(%q : tensor<?x8x64xf32>)
      -> tensor<?x8x64xf32>
  return %0, %1, %2 : tensor<?x8x64xf32>, tensor<?x8x64xf32>, tensor<?x8x64xf32>
}

// -----

// Results of 80 features and scores of 64 keys fit into 128 registers, those of 96 do not.
// CHECK-LABEL: func.func @heads
//       CHECK: strategy(#mf.gpu_matrix_flash<warps = 4, keys = 64,
//       CHECK: strategy(#mf.gpu_matrix_flash<warps = 4, keys = 32,
func.func @heads(%q: tensor<?x8x80xf32>, %h: tensor<?x2x?x80xbf16>, %r: tensor<?x8x96xf32>, %g: tensor<?x2x?x96xbf16>,
                 %s: tensor<?xi32>) -> (tensor<?x8x80xf32>, tensor<?x8x96xf32>) {
  %0 = mf.cached_attention scale(0.125) ins(%q, %h, %h, %s, %s : tensor<?x8x80xf32>, tensor<?x2x?x80xbf16>,
      tensor<?x2x?x80xbf16>, tensor<?xi32>, tensor<?xi32>) outs(%q : tensor<?x8x80xf32>) -> tensor<?x8x80xf32>
  %1 = mf.cached_attention scale(0.125) ins(%r, %g, %g, %s, %s : tensor<?x8x96xf32>, tensor<?x2x?x96xbf16>,
      tensor<?x2x?x96xbf16>, tensor<?xi32>, tensor<?xi32>) outs(%r : tensor<?x8x96xf32>) -> tensor<?x8x96xf32>
  return %0, %1 : tensor<?x8x80xf32>, tensor<?x8x96xf32>
}

// -----

module attributes {mf.gpu_target = #mf.gpu_target<arch = "sm_80", workgroup_bytes = 32768>} {
  // CHECK-LABEL: func.func @little_workgroup_memory
  //       CHECK: mf.linear {{.*}}strategy(#mf.gpu_dense_tile<
  func.func @little_workgroup_memory(%x: tensor<?x512xf32>, %a: tensor<7x512x16xf16>, %y: tensor<?x100xf32>) -> tensor<?x100xf32> {
    %0 = mf.linear layout(<columns = 16>) ins(%x, %a : tensor<?x512xf32>, tensor<7x512x16xf16>) outs(%y : tensor<?x100xf32>) -> tensor<?x100xf32>
    return %0 : tensor<?x100xf32>
  }
}
