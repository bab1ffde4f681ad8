// RUN: mf-opt %s --mf-cpu-select-strategies --split-input-file | FileCheck %s

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx512f", vector_bits = 512, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @wide_512
  // CHECK: mf.lookup {{.*}}strategy(#mf.cpu_row_gather<tokens = 16, columns = 128, lanes = 16>)
  func.func @wide_512(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x640xf16>, %e: tensor<?x640xf32>) -> tensor<?x640xf32> {
    %r = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x640xf16>)
        outs(%e : tensor<?x640xf32>) -> tensor<?x640xf32>
    return %r : tensor<?x640xf32>
  }

  // CHECK-LABEL: func.func @narrow_512
  // CHECK: mf.lookup {{.*}}strategy(#mf.cpu_row_gather<tokens = 16, columns = 16, lanes = 16>)
  func.func @narrow_512(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x1xf16>, %e: tensor<?x1xf32>) -> tensor<?x1xf32> {
    %r = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x1xf16>)
        outs(%e : tensor<?x1xf32>) -> tensor<?x1xf32>
    return %r : tensor<?x1xf32>
  }

  // CHECK-LABEL: func.func @odd_512
  // CHECK: mf.lookup {{.*}}strategy(#mf.cpu_row_gather<tokens = 16, columns = 48, lanes = 16>)
  func.func @odd_512(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x33xf16>, %e: tensor<?x33xf32>) -> tensor<?x33xf32> {
    %r = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x33xf16>)
        outs(%e : tensor<?x33xf32>) -> tensor<?x33xf32>
    return %r : tensor<?x33xf32>
  }

  // The widest set decides.
  // CHECK-LABEL: func.func @two_sets
  // CHECK: mf.lookup {{.*}}strategy(#mf.cpu_row_gather<tokens = 16, columns = 48, lanes = 16>)
  func.func @two_sets(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x5xf32>, %u: tensor<8x256x40xf32>,
                      %e: tensor<?x5xf32>, %f: tensor<?x40xf32>) -> (tensor<?x5xf32>, tensor<?x40xf32>) {
    %r:2 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>)
        tables(%t, %u : tensor<8x256x5xf32>, tensor<8x256x40xf32>)
        outs(%e, %f : tensor<?x5xf32>, tensor<?x40xf32>) -> tensor<?x5xf32>, tensor<?x40xf32>
    return %r#0, %r#1 : tensor<?x5xf32>, tensor<?x40xf32>
  }
}

// -----

module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @wide_256
  // CHECK: mf.lookup {{.*}}strategy(#mf.cpu_row_gather<tokens = 16, columns = 64, lanes = 8>)
  func.func @wide_256(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x640xf16>, %e: tensor<?x640xf32>) -> tensor<?x640xf32> {
    %r = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x640xf16>)
        outs(%e : tensor<?x640xf32>) -> tensor<?x640xf32>
    return %r : tensor<?x640xf32>
  }
}

// -----

// Strips of floats: a block of tables takes half of the second-level cache, 16 tables of 256 rows of 128 bytes in 1 MiB, at least 4.
module attributes {mf.target = #mf.cpu_target<variant = "t", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx512f", vector_bits = 512, fma = true, l1_bytes = 32768, l2_bytes = 1048576>} {
  // CHECK-LABEL: func.func @strips
  // CHECK: mf.lookup {{.*}}strategy(#mf.cpu_strips<strips = 1, tables = 16, row_bytes = 128, ahead = 1, named_tokens = 512, gather_tokens = 64, gather_ahead = 32, lanes = 16>)
  func.func @strips(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<2x8x256x64xf16>, %e: tensor<?x128xf32>) -> tensor<?x128xf32> {
    %r = mf.lookup layout(<strip_columns = 64>) ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>)
        tables(%t : tensor<2x8x256x64xf16>) outs(%e : tensor<?x128xf32>) -> tensor<?x128xf32>
    return %r : tensor<?x128xf32>
  }

  // CHECK-LABEL: func.func @many_rows
  // CHECK: mf.lookup {{.*}}strategy(#mf.cpu_strips<strips = 1, tables = 4, row_bytes = 128, ahead = 1, named_tokens = 8192, gather_tokens = 1024, gather_ahead = 32, lanes = 16>)
  func.func @many_rows(%c: tensor<?x8xi16>, %s: tensor<?x8xf32>, %t: tensor<2x8x4096x64xf16>, %e: tensor<?x128xf32>) -> tensor<?x128xf32> {
    %r = mf.lookup layout(<strip_columns = 64>) ins(%c, %s : tensor<?x8xi16>, tensor<?x8xf32>)
        tables(%t : tensor<2x8x4096x64xf16>) outs(%e : tensor<?x128xf32>) -> tensor<?x128xf32>
    return %r : tensor<?x128xf32>
  }

  // Integers pass a cache line at a time: 8 tables until rows are as many bytes as sums. Each row has two passes.
  // CHECK-LABEL: func.func @bytes
  // CHECK: mf.lookup {{.*}}strategy(#mf.cpu_strips<strips = 1, tables = 8, row_bytes = 64, ahead = 2, named_tokens = 256, gather_tokens = 64, gather_ahead = 32, lanes = 16>)
  func.func @bytes(%c: tensor<?x16xi8>, %s: tensor<?x16xi8>, %ss: tensor<?xf32>, %t: tensor<1x16x256x128xi8>, %ts: tensor<128xf32>,
                   %e: tensor<?x128xf32>) -> tensor<?x128xf32> {
    %r = mf.lookup layout(<strip_columns = 128>) ins(%c, %s : tensor<?x16xi8>, tensor<?x16xi8>) score_scales(%ss : tensor<?xf32>)
        tables(%t : tensor<1x16x256x128xi8>) table_scales(%ts : tensor<128xf32>) outs(%e : tensor<?x128xf32>) -> tensor<?x128xf32>
    return %r : tensor<?x128xf32>
  }

  // Pairs of i4 have twice the sums.
  // CHECK-LABEL: func.func @pairs
  // CHECK: mf.lookup {{.*}}strategy(#mf.cpu_strips<strips = 1, tables = 16, row_bytes = 64, ahead = 2, named_tokens = 256,
  func.func @pairs(%c: tensor<?x16xi8>, %s: tensor<?x16xi8>, %ss: tensor<?xf32>, %t: tensor<1x16x256x128xi8>, %ts: tensor<256xf32>,
                   %e: tensor<?x256xf32>) -> tensor<?x256xf32> {
    %r = mf.lookup layout(<strip_columns = 256, columns_per_byte = 2>) ins(%c, %s : tensor<?x16xi8>, tensor<?x16xi8>)
        score_scales(%ss : tensor<?xf32>) tables(%t : tensor<1x16x256x128xi8>) table_scales(%ts : tensor<256xf32>)
        outs(%e : tensor<?x256xf32>) -> tensor<?x256xf32>
    return %r : tensor<?x256xf32>
  }

  // Many rows: a quarter of the cache has four tables, and codes name few rows of them for as many tokens as two tables have.
  // CHECK-LABEL: func.func @bytes_of_many_rows
  // CHECK: mf.lookup {{.*}}strategy(#mf.cpu_strips<strips = 1, tables = 4, row_bytes = 64, ahead = 2, named_tokens = 2048,
  func.func @bytes_of_many_rows(%c: tensor<?x16xi16>, %s: tensor<?x16xi8>, %ss: tensor<?xf32>, %t: tensor<1x16x1024x64xi8>,
                                %ts: tensor<64xf32>, %e: tensor<?x64xf32>) -> tensor<?x64xf32> {
    %r = mf.lookup layout(<strip_columns = 64>) ins(%c, %s : tensor<?x16xi16>, tensor<?x16xi8>) score_scales(%ss : tensor<?xf32>)
        tables(%t : tensor<1x16x1024x64xi8>) table_scales(%ts : tensor<64xf32>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
    return %r : tensor<?x64xf32>
  }

  // Sets of unequal width are not cut at the same columns.
  // CHECK-LABEL: func.func @unequal
  // CHECK: mf.lookup {{.*}}strategy(#mf.cpu_row_gather<
  func.func @unequal(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<2x8x256x64xf16>, %u: tensor<1x8x256x64xf16>, %e: tensor<?x128xf32>, %f: tensor<?x64xf32>) -> (tensor<?x128xf32>, tensor<?x64xf32>) {
    %r:2 = mf.lookup layout(<strip_columns = 64>) ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>)
        tables(%t, %u : tensor<2x8x256x64xf16>, tensor<1x8x256x64xf16>) outs(%e, %f : tensor<?x128xf32>, tensor<?x64xf32>)
        -> tensor<?x128xf32>, tensor<?x64xf32>
    return %r#0, %r#1 : tensor<?x128xf32>, tensor<?x64xf32>
  }
}
