// RUN: mf-opt %s --mf-cpu-add-scratch | FileCheck %s
// Twice is once.
// RUN: mf-opt %s --mf-cpu-add-scratch --mf-cpu-add-scratch | FileCheck %s

// CHECK-LABEL: func.func @strips(
// CHECK: scf.forall
// CHECK: %[[TOKENS:.*]] = memref.dim %arg0, %c0
// CHECK: %[[SCRATCH:.*]] = memref.alloc(%[[TOKENS]]) : memref<1x?x16xi32>
// CHECK: mf.lookup {{.*}}scratch(%[[SCRATCH]] : memref<1x?x16xi32>)
// CHECK-NOT: memref.alloc
func.func @strips(%c: memref<?x8xi8>, %s: memref<?x8xf32>, %t: memref<1x8x16x16xf32>, %y: memref<?x16xf32>) {
  scf.forall (%i) in (2) {
    mf.lookup layout(<strip_columns = 16>) strategy(#mf.cpu_strips<strips = 1, tables = 8, row_bytes = 64, ahead = 1, named_tokens = 0, gather_tokens = 4, gather_ahead = 16, lanes = 8>)
        ins(%c, %s : memref<?x8xi8>, memref<?x8xf32>) tables(%t : memref<1x8x16x16xf32>) outs(%y : memref<?x16xf32>)
  }
  return
}

// The gather of rows needs none.
// CHECK-LABEL: func.func @gather(
// CHECK-NOT: memref.alloc
// CHECK-NOT: scratch
func.func @gather(%c: memref<?x8xi8>, %s: memref<?x8xf32>, %t: memref<1x8x16x16xf32>, %y: memref<?x16xf32>) {
  mf.lookup layout(<strip_columns = 16>) strategy(#mf.cpu_row_gather<tokens = 16, columns = 16, lanes = 8>)
        ins(%c, %s : memref<?x8xi8>, memref<?x8xf32>) tables(%t : memref<1x8x16x16xf32>) outs(%y : memref<?x16xf32>)
  return
}

// Two blocks of four tables: codes and quantised scores in the order of blocks.
// CHECK-LABEL: func.func @blocks(
// CHECK: %[[SUMS:.*]] = memref.alloc(%{{.*}}) : memref<1x?x64xi32>
// CHECK: %[[CODES:.*]] = memref.alloc(%{{.*}}) : memref<2x?x4xi16>
// CHECK: %[[SCORES:.*]] = memref.alloc(%{{.*}}) : memref<2x?x4xi8>
// CHECK: mf.lookup {{.*}}scratch(%[[SUMS]], %[[CODES]], %[[SCORES]] :
func.func @blocks(%c: memref<?x7xi16>, %s: memref<?x7xi8>, %ss: memref<?xf32>, %t: memref<1x7x1024x64xi8>, %ts: memref<64xf32>,
                  %y: memref<?x64xf32>) {
  mf.lookup layout(<strip_columns = 64>) strategy(#mf.cpu_strips<strips = 1, tables = 4, row_bytes = 64, ahead = 1, named_tokens = 0, gather_tokens = 4, gather_ahead = 4, lanes = 16>)
      ins(%c, %s : memref<?x7xi16>, memref<?x7xi8>) score_scales(%ss : memref<?xf32>) tables(%t : memref<1x7x1024x64xi8>)
      table_scales(%ts : memref<64xf32>) outs(%y : memref<?x64xf32>)
  return
}

// Rows of 96 bytes in two passes: sums of each for all tokens.
// CHECK-LABEL: func.func @passes(
// CHECK: mf.lookup {{.*}}scratch(%{{.*}} : memref<2x?x64xi32>)
func.func @passes(%c: memref<?x4xi8>, %s: memref<?x4xi8>, %ss: memref<?xf32>, %t: memref<1x4x256x96xi8>, %ts: memref<96xf32>,
                  %y: memref<?x96xf32>) {
  mf.lookup layout(<strip_columns = 96>) strategy(#mf.cpu_strips<strips = 1, tables = 4, row_bytes = 64, ahead = 1, named_tokens = 0, gather_tokens = 4, gather_ahead = 4, lanes = 16>)
      ins(%c, %s : memref<?x4xi8>, memref<?x4xi8>) score_scales(%ss : memref<?xf32>) tables(%t : memref<1x4x256x96xi8>)
      table_scales(%ts : memref<96xf32>) outs(%y : memref<?x96xf32>)
  return
}

// Scores in f32 are read as they are: a block of them is whole cache lines.
// CHECK-LABEL: func.func @floats(
// CHECK: mf.lookup {{.*}}scratch(%{{.*}}, %{{.*}} : memref<1x?x16xi32>, memref<2x?x4xi8>)
func.func @floats(%c: memref<?x8xi8>, %s: memref<?x8xf32>, %t: memref<1x8x16x16xf32>, %y: memref<?x16xf32>) {
  mf.lookup layout(<strip_columns = 16>) strategy(#mf.cpu_strips<strips = 1, tables = 4, row_bytes = 64, ahead = 1, named_tokens = 0, gather_tokens = 4, gather_ahead = 16, lanes = 8>)
      ins(%c, %s : memref<?x8xi8>, memref<?x8xf32>) tables(%t : memref<1x8x16x16xf32>) outs(%y : memref<?x16xf32>)
  return
}

// The state of a head, for each worker.
// CHECK-LABEL: func.func @linear_attention(
// CHECK: scf.forall
// CHECK: %[[SCRATCH:.*]] = memref.alloc() : memref<336xf32>
// CHECK: mf.linear_attention {{.*}}scratch(%[[SCRATCH]] : memref<336xf32>)
// CHECK-NOT: memref.alloc
func.func @linear_attention(%q: memref<?x1x8xf32>) {
  scf.forall (%i) in (2) {
    mf.linear_attention causal features(#mf.elu_features) chunk(16)
        ins(%q, %q, %q : memref<?x1x8xf32>, memref<?x1x8xf32>, memref<?x1x8xf32>) outs(%q : memref<?x1x8xf32>)
  }
  return
}
