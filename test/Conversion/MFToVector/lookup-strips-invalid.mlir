// RUN: mf-opt %s --convert-mf-to-vector --split-input-file --verify-diagnostics

func.func @no_scratch(%c: memref<?x8xi8>, %s: memref<?x8xf32>, %t: memref<1x8x16x16xf32>, %y: memref<?x16xf32>) {
  // expected-error @+1 {{has no scratch of 1 passes of 16 columns; run mf-cpu-add-scratch}}
  mf.lookup layout(<strip_columns = 16>) strategy(#mf.cpu_strips<strips = 1, tables = 8, row_bytes = 64, ahead = 1, named_tokens = 0, gather_tokens = 4, gather_ahead = 16, lanes = 8>)
        ins(%c, %s : memref<?x8xi8>, memref<?x8xf32>) tables(%t : memref<1x8x16x16xf32>) outs(%y : memref<?x16xf32>)
  return
}

// -----

func.func @rows(%c: memref<?x8xi8>, %s: memref<?x8xf32>, %t: memref<8x16x16xf32>, %y: memref<?x16xf32>) {
  // expected-error @+1 {{which needs tables in strips}}
  mf.lookup strategy(#mf.cpu_strips<strips = 1, tables = 8, row_bytes = 64, ahead = 1, named_tokens = 0, gather_tokens = 4, gather_ahead = 16, lanes = 8>)
      ins(%c, %s : memref<?x8xi8>, memref<?x8xf32>) tables(%t : memref<8x16x16xf32>) outs(%y : memref<?x16xf32>)
  return
}

// -----

func.func @pairs(%c: memref<?x8xi8>, %s: memref<?x8xi8>, %ss: memref<?xf32>, %t: memref<1x8x16x16xi8>, %ts: memref<32xf32>,
                 %y: memref<?x32xf32>) {
  // expected-error @+1 {{has tables of two columns per byte; their kernel needs a strategy of the kind mf.cpu_strips}}
  mf.lookup layout(<strip_columns = 32, columns_per_byte = 2>) strategy(#mf.cpu_row_gather<tokens = 16, columns = 16, lanes = 8>)
      ins(%c, %s : memref<?x8xi8>, memref<?x8xi8>) score_scales(%ss : memref<?xf32>) tables(%t : memref<1x8x16x16xi8>)
      table_scales(%ts : memref<32xf32>) outs(%y : memref<?x32xf32>)
  return
}

// -----

func.func @other_blocks(%c: memref<?x8xi8>, %s: memref<?x8xf32>, %t: memref<1x8x16x16xf32>, %y: memref<?x16xf32>, %w: memref<1x?x16xi32>,
                        %pc: memref<2x?x4xi8>) {
  // expected-error @+1 {{expects scratch of codes to be [blocks, tokens, 8], found 'memref<2x?x4xi8>'}}
  mf.lookup layout(<strip_columns = 16>) strategy(#mf.cpu_strips<strips = 1, tables = 8, row_bytes = 64, ahead = 1, named_tokens = 0, gather_tokens = 4, gather_ahead = 16, lanes = 8>)
      ins(%c, %s : memref<?x8xi8>, memref<?x8xf32>) tables(%t : memref<1x8x16x16xf32>) outs(%y : memref<?x16xf32>)
      scratch(%w, %pc : memref<1x?x16xi32>, memref<2x?x4xi8>)
  return
}

// -----

func.func @no_copy_of_scores(%c: memref<?x8xi8>, %s: memref<?x8xi8>, %ss: memref<?xf32>, %t: memref<1x8x16x16xi8>, %ts: memref<16xf32>,
                             %y: memref<?x16xf32>, %w: memref<1x?x16xi32>, %pc: memref<2x?x4xi8>) {
  // expected-error @+1 {{expects scratch for the copies of codes and scores, found 1 buffers}}
  mf.lookup layout(<strip_columns = 16>) strategy(#mf.cpu_strips<strips = 1, tables = 4, row_bytes = 64, ahead = 1, named_tokens = 0, gather_tokens = 4, gather_ahead = 16, lanes = 8>)
      ins(%c, %s : memref<?x8xi8>, memref<?x8xi8>) score_scales(%ss : memref<?xf32>) tables(%t : memref<1x8x16x16xi8>)
      table_scales(%ts : memref<16xf32>) outs(%y : memref<?x16xf32>) scratch(%w, %pc : memref<1x?x16xi32>, memref<2x?x4xi8>)
  return
}
