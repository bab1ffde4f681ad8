// Floats of 16 bits go to tensor cores where their pieces of 16 bytes are aligned and the target has room for the tiles.
// RUN: mf-opt %s --mf-gpu-select-strategies=arch=sm_80 --split-input-file | FileCheck %s

module {
  // CHECK-LABEL: func.func @linear
  //       CHECK: mf.linear strategy(#mf.gpu_matrix_dense<rows = 128, columns = 128, features = 32, warp_rows = 64, warp_columns = 32, stages = 3, registers = {{[0-9]+}}, slice = 64, stream_tokens = 8>)
  //  CHECK-SAME: tensor<100x512xf16>
  //       CHECK: mf.linear layout({{.*}}) strategy(#mf.gpu_matrix_dense<
  //  CHECK-SAME: tensor<7x512x16xbf16>
  //       CHECK: mf.linear strategy(#mf.gpu_dense_tile<{{.*}}tensor<100x512xf32>
  // Rows of 1,036 bytes are not aligned.
  //       CHECK: mf.linear strategy(#mf.gpu_dense_tile<{{.*}}tensor<100x518xf16>
  func.func @linear(%x: tensor<?x512xf32>, %r: tensor<?x518xf32>, %a: tensor<100x512xf16>, %b: tensor<7x512x16xbf16>,
                    %c: tensor<100x512xf32>, %d: tensor<100x518xf16>, %y: tensor<?x100xf32>)
      -> (tensor<?x100xf32>, tensor<?x100xf32>, tensor<?x100xf32>, tensor<?x100xf32>) {
    %0 = mf.linear ins(%x, %a : tensor<?x512xf32>, tensor<100x512xf16>) outs(%y : tensor<?x100xf32>) -> tensor<?x100xf32>
    %1 = mf.linear layout(<columns = 16>) ins(%x, %b : tensor<?x512xf32>, tensor<7x512x16xbf16>)
        outs(%y : tensor<?x100xf32>) -> tensor<?x100xf32>
    %2 = mf.linear ins(%x, %c : tensor<?x512xf32>, tensor<100x512xf32>) outs(%y : tensor<?x100xf32>) -> tensor<?x100xf32>
    %3 = mf.linear ins(%r, %d : tensor<?x518xf32>, tensor<100x518xf16>) outs(%y : tensor<?x100xf32>) -> tensor<?x100xf32>
    return %0, %1, %2, %3 : tensor<?x100xf32>, tensor<?x100xf32>, tensor<?x100xf32>, tensor<?x100xf32>
  }

  // CHECK-LABEL: func.func @attention
  //       CHECK: strategy(#mf.gpu_matrix_flash<warps = 4, keys = 64, split_tokens = 16, registers = {{[0-9]+}}>)
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

// Pairs are no rows of matrices.
// CHECK-LABEL: func.func @pairs
//       CHECK: mf.cached_attention {{.*}}strategy(#mf.gpu_flash<
//       CHECK: mf.cached_attention {{.*}}strategy(#mf.gpu_flash<
//       CHECK: mf.cached_attention {{.*}}strategy(#mf.gpu_matrix_flash<
func.func @pairs(%q: tensor<?x8x64xf32>, %h: tensor<?x2x?x64xbf16>, %s: tensor<?xi32>)
    -> (tensor<?x8x64xf32>, tensor<?x8x64xf32>, tensor<?x8x64xf32>) {
  %0 = mf.cached_attention scale(0.125) layout(<keys = 16, features = 2>) ins(%q, %h, %h, %s, %s : tensor<?x8x64xf32>,
      tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?xi32>, tensor<?xi32>) outs(%q : tensor<?x8x64xf32>)
      -> tensor<?x8x64xf32>
  %1 = mf.cached_attention scale(0.125) values_layout(<keys = 2>) ins(%q, %h, %h, %s, %s : tensor<?x8x64xf32>,
      tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?xi32>, tensor<?xi32>) outs(%q : tensor<?x8x64xf32>)
      -> tensor<?x8x64xf32>
  %2 = mf.cached_attention scale(0.125) layout(<keys = 16>) ins(%q, %h, %h, %s, %s : tensor<?x8x64xf32>,
      tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?xi32>, tensor<?xi32>) outs(%q : tensor<?x8x64xf32>)
      -> tensor<?x8x64xf32>
  return %0, %1, %2 : tensor<?x8x64xf32>, tensor<?x8x64xf32>, tensor<?x8x64xf32>
}

// -----

module attributes {mf.gpu_target = #mf.gpu_target<arch = "sm_80", workgroup_bytes = 32768>} {
  // CHECK-LABEL: func.func @little_workgroup_memory
  //       CHECK: mf.linear strategy(#mf.gpu_dense_tile<
  func.func @little_workgroup_memory(%x: tensor<?x512xf32>, %a: tensor<100x512xf16>, %y: tensor<?x100xf32>) -> tensor<?x100xf32> {
    %0 = mf.linear ins(%x, %a : tensor<?x512xf32>, tensor<100x512xf16>) outs(%y : tensor<?x100xf32>) -> tensor<?x100xf32>
    return %0 : tensor<?x100xf32>
  }
}
