// RUN: mf-opt %s --mf-gpu-select-strategies=arch=sm_90a --split-input-file | FileCheck %s

// A strategy that is there stays, and so does a target.
// CHECK: module attributes {mf.gpu_target = #mf.gpu_target<arch = "sm_80", workgroup_bytes = 1024>}
module attributes {mf.gpu_target = #mf.gpu_target<arch = "sm_80", workgroup_bytes = 1024>} {
  // CHECK-LABEL: func.func @hand_written
  // CHECK: mf.add strategy(#mf.gpu_rows<warps = 3>)
  func.func @hand_written(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
    %y = mf.add strategy(#mf.gpu_rows<warps = 3>) ins(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>)
        outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
    return %y : tensor<?x8xf32>
  }

  // Slices that fit twice into 1,024 bytes: 4 rows of 128.
  // CHECK-LABEL: func.func @little_workgroup_memory
  // CHECK: strategy(#mf.gpu_table_tile<threads = 512, tokens = 8, rows = 4, gather_tokens = 64>)
  func.func @little_workgroup_memory(%c: tensor<?x2xi8>, %s: tensor<?x2xf32>, %t: tensor<1x2x256x64xf16>,
                                     %y: tensor<?x64xf32>) -> tensor<?x64xf32> {
    %r = mf.lookup layout(#mf.table_layout<strip_columns = 64>) ins(%c, %s : tensor<?x2xi8>, tensor<?x2xf32>)
        tables(%t : tensor<1x2x256x64xf16>) outs(%y : tensor<?x64xf32>) -> tensor<?x64xf32>
    return %r : tensor<?x64xf32>
  }
}

// -----

// CHECK: module attributes {mf.gpu_target = #mf.gpu_target<arch = "sm_90a", workgroup_bytes = 232448, cluster_blocks = 8>}
module {
  // CHECK-LABEL: func.func @selected
  // CHECK: mf.hash magnitude bits(8) strategy(#mf.gpu_hash<warps = 8>)
  // CHECK: mf.lookup layout({{.*}}) strategy(#mf.gpu_table_tile<threads = 512, tokens = 8, rows = 256, gather_tokens = 256, cluster = 2>)
  // CHECK: mf.rms_norm strategy(#mf.gpu_rows<warps = 8>)
  func.func @selected(%x: tensor<?x16xf32>, %c: tensor<?x2xi16>, %s: tensor<?x2xf32>, %t: tensor<2x2x1024x32xf32>,
                      %y: tensor<?x64xf32>, %w: tensor<64xf32>, %ci: tensor<?x2xi8>)
      -> (tensor<?x2xi8>, tensor<?x2xf32>, tensor<?x64xf32>) {
    %codes, %scores = mf.hash magnitude bits(8) ins(%x : tensor<?x16xf32>)
        outs(%ci, %s : tensor<?x2xi8>, tensor<?x2xf32>) -> tensor<?x2xi8>, tensor<?x2xf32>
    %r = mf.lookup layout(#mf.table_layout<strip_columns = 32>) ins(%c, %s : tensor<?x2xi16>, tensor<?x2xf32>)
        tables(%t : tensor<2x2x1024x32xf32>) outs(%y : tensor<?x64xf32>) -> tensor<?x64xf32>
    %n = mf.rms_norm ins(%r, %w : tensor<?x64xf32>, tensor<64xf32>) outs(%y : tensor<?x64xf32>) -> tensor<?x64xf32>
    return %codes, %scores, %n : tensor<?x2xi8>, tensor<?x2xf32>, tensor<?x64xf32>
  }

  // Whole rows, and strips that a set does not fill, are gathered.
  // CHECK-LABEL: func.func @gathered
  // CHECK: mf.lookup strategy(#mf.gpu_row_gather<threads = 128>)
  // CHECK: mf.lookup layout({{.*}}) strategy(#mf.gpu_row_gather<threads = 128>)
  func.func @gathered(%c: tensor<?x2xi8>, %s: tensor<?x2xf32>, %t: tensor<2x256x60xf32>, %p: tensor<2x2x256x32xf32>,
                      %y: tensor<?x60xf32>) -> (tensor<?x60xf32>, tensor<?x60xf32>) {
    %a = mf.lookup ins(%c, %s : tensor<?x2xi8>, tensor<?x2xf32>) tables(%t : tensor<2x256x60xf32>)
        outs(%y : tensor<?x60xf32>) -> tensor<?x60xf32>
    %b = mf.lookup layout(#mf.table_layout<strip_columns = 32>) ins(%c, %s : tensor<?x2xi8>, tensor<?x2xf32>)
        tables(%p : tensor<2x2x256x32xf32>) outs(%y : tensor<?x60xf32>) -> tensor<?x60xf32>
    return %a, %b : tensor<?x60xf32>, tensor<?x60xf32>
  }

  // Bytes: two tables at a time where two slices of two fit; of tables of 10 bits two strips of 64 columns, and slices.
  // CHECK-LABEL: func.func @bytes
  // CHECK: mf.lookup layout({{.*}}) strategy(#mf.gpu_table_tile<threads = 512, tokens = 4, rows = 256, gather_tokens = 64, tables = 2, cluster = 4>)
  // CHECK: mf.lookup layout({{.*}}) strategy(#mf.gpu_table_tile<threads = 512, tokens = 4, rows = 256, gather_tokens = 256, cluster = 4>)
  func.func @bytes(%c: tensor<?x2xi16>, %s: tensor<?x2xi8>, %ss: tensor<?xf32>, %t: tensor<2x2x256x128xi8>,
                   %p: tensor<3x2x1024x64xi8>, %ts: tensor<192xf32>, %y: tensor<?x192xf32>)
      -> (tensor<?x192xf32>, tensor<?x192xf32>) {
    %a = mf.lookup layout(#mf.table_layout<strip_columns = 128>) ins(%c, %s : tensor<?x2xi16>, tensor<?x2xi8>)
        score_scales(%ss : tensor<?xf32>) tables(%t : tensor<2x2x256x128xi8>) table_scales(%ts : tensor<192xf32>)
        outs(%y : tensor<?x192xf32>) -> tensor<?x192xf32>
    %b = mf.lookup layout(#mf.table_layout<strip_columns = 64>) ins(%c, %s : tensor<?x2xi16>, tensor<?x2xi8>)
        score_scales(%ss : tensor<?xf32>) tables(%p : tensor<3x2x1024x64xi8>) table_scales(%ts : tensor<192xf32>)
        outs(%y : tensor<?x192xf32>) -> tensor<?x192xf32>
    return %a, %b : tensor<?x192xf32>, tensor<?x192xf32>
  }

  // Pairs of i4 have sums for twice as many columns. Pruned tables are gathered.
  // CHECK-LABEL: func.func @pairs
  // CHECK: mf.lookup layout({{.*}}) strategy(#mf.gpu_table_tile<threads = 512, tokens = 2, rows = 256, gather_tokens = 64, tables = 2, cluster = 8>)
  // CHECK: mf.lookup layout({{.*}}) strategy(#mf.gpu_row_gather<threads = 128>)
  func.func @pairs(%c: tensor<?x2xi16>, %s: tensor<?x2xi8>, %ss: tensor<?xf32>, %t: tensor<1x2x256x128xi8>,
                   %p: tensor<1x1x300x128xi8>, %ts: tensor<200xf32>, %y: tensor<?x200xf32>)
      -> (tensor<?x200xf32>, tensor<?x200xf32>) {
    %a = mf.lookup layout(#mf.table_layout<strip_columns = 256, columns_per_byte = 2>)
        ins(%c, %s : tensor<?x2xi16>, tensor<?x2xi8>) score_scales(%ss : tensor<?xf32>)
        tables(%t : tensor<1x2x256x128xi8>) table_scales(%ts : tensor<200xf32>) outs(%y : tensor<?x200xf32>)
        -> tensor<?x200xf32>
    %b = mf.lookup layout(#mf.table_layout<strip_columns = 256, columns_per_byte = 2>)
        ins(%c, %s : tensor<?x2xi16>, tensor<?x2xi8>) score_scales(%ss : tensor<?xf32>)
        tables(%p : tensor<1x1x300x128xi8>) table_scales(%ts : tensor<200xf32>) outs(%y : tensor<?x200xf32>)
        -> tensor<?x200xf32>
    return %a, %b : tensor<?x200xf32>, tensor<?x200xf32>
  }

  // CHECK-LABEL: func.func @dense
  // CHECK: mf.quantize_rows strategy(#mf.gpu_rows<warps = 8>)
  // CHECK: mf.linear layout({{.*}}) strategy(#mf.gpu_integer_dense<rows = 64, columns = 64, features = 64, stream_tokens = 8>)
  func.func @dense(%x: tensor<?x64xf32>, %qi: tensor<?x64xi8>, %si: tensor<?xf32>, %w: tensor<3x8x32x4xi8>,
                   %ws: tensor<3x2x32xf32>, %y: tensor<?x70xf32>) -> tensor<?x70xf32> {
    %q, %s = mf.quantize_rows ins(%x : tensor<?x64xf32>) outs(%qi, %si : tensor<?x64xi8>, tensor<?xf32>)
        -> tensor<?x64xi8>, tensor<?xf32>
    %r = mf.linear layout(#mf.panel_layout<columns = 32, interleave = 4, features_per_byte = 2>)
        ins(%q, %w : tensor<?x64xi8>, tensor<3x8x32x4xi8>) scales(%s, %ws : tensor<?xf32>, tensor<3x2x32xf32>)
        outs(%y : tensor<?x70xf32>) -> tensor<?x70xf32>
    return %r : tensor<?x70xf32>
  }
}
