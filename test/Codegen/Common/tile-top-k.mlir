// A dense layer whose columns only the largest are wanted of is computed in the loop over runs, and never written.
// RUN: mf-opt %s --mf-tile-and-fuse --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @fused
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32>, %[[W:.*]]: tensor<4x8x16xf32>
// CHECK-NOT: mf.linear
// CHECK: scf.forall (%[[T:.*]], %[[I:.*]]) = (0, 0) to (2, %{{.*}}) step (1, 8)
// CHECK: tensor.extract_slice %[[X]][%[[I]], 0]
// CHECK: tensor.extract_slice %[[W]][%{{.*}}, 0, 0] [2, 8, 16]
// CHECK: %[[TILE:.*]] = tensor.empty(%{{.*}}) : tensor<?x32xf32>
// CHECK: %[[Y:.*]] = mf.linear {{.*}} outs(%[[TILE]]
// CHECK: mf.top_k columns(32) {{.*}} ins(%[[Y]] : tensor<?x32xf32>)
// CHECK-NOT: mf.linear
// CHECK: scf.forall (%{{.*}}) = (0) to (%{{.*}}) step (16)
// CHECK: mf.merge_top_k
func.func @fused(%x: tensor<?x8xf32>, %w: tensor<4x8x16xf32>, %e: tensor<?x64xf32>, %rv: tensor<?x2x1xf32>,
    %ri: tensor<?x2x1xi32>, %v: tensor<?x1xf32>, %i: tensor<?x1xi32>) -> (tensor<?x1xf32>, tensor<?x1xi32>) {
  %y = mf.linear layout(<columns = 16>)
      strategy(#mf.cpu_panel_gemm<rows = 4, columns = 16, lanes = 8, tile_rows = 8, tile_columns = 16, features = 8>)
      ins(%x, %w : tensor<?x8xf32>, tensor<4x8x16xf32>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  %r:2 = mf.top_k columns(32) strategy(#mf.cpu_rows<tokens = 0, lanes = 8>) ins(%y : tensor<?x64xf32>)
      outs(%rv, %ri : tensor<?x2x1xf32>, tensor<?x2x1xi32>) -> tensor<?x2x1xf32>, tensor<?x2x1xi32>
  %m:2 = mf.merge_top_k columns(32) strategy(#mf.cpu_rows<tokens = 16, lanes = 8>)
      ins(%r#0, %r#1 : tensor<?x2x1xf32>, tensor<?x2x1xi32>)
      outs(%v, %i : tensor<?x1xf32>, tensor<?x1xi32>) -> tensor<?x1xf32>, tensor<?x1xi32>
  return %m#0, %m#1 : tensor<?x1xf32>, tensor<?x1xi32>
}

// -----

// Not where another op wants the layer's result, nor where runs begin within panels.
// CHECK-LABEL: func.func @kept
// CHECK: scf.forall
// CHECK: mf.linear
// CHECK: tensor.parallel_insert_slice
// CHECK: scf.forall
// CHECK: mf.top_k columns(8)
// CHECK: scf.forall
// CHECK: mf.linear
// CHECK: tensor.parallel_insert_slice
// CHECK: scf.forall
// CHECK: mf.top_k columns(32)
func.func @kept(%x: tensor<?x8xf32>, %w: tensor<4x8x16xf32>, %e: tensor<?x64xf32>, %f: tensor<?x64xf32>,
    %av: tensor<?x8x1xf32>, %ai: tensor<?x8x1xi32>, %bv: tensor<?x2x1xf32>, %bi: tensor<?x2x1xi32>)
    -> (tensor<?x8x1xi32>, tensor<?x2x1xi32>, tensor<?x64xf32>) {
  %a = mf.linear layout(<columns = 16>)
      strategy(#mf.cpu_panel_gemm<rows = 4, columns = 16, lanes = 8, tile_rows = 8, tile_columns = 16, features = 8>)
      ins(%x, %w : tensor<?x8xf32>, tensor<4x8x16xf32>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  %ar:2 = mf.top_k columns(8) strategy(#mf.cpu_rows<tokens = 0, lanes = 8>) ins(%a : tensor<?x64xf32>)
      outs(%av, %ai : tensor<?x8x1xf32>, tensor<?x8x1xi32>) -> tensor<?x8x1xf32>, tensor<?x8x1xi32>
  %b = mf.linear layout(<columns = 16>)
      strategy(#mf.cpu_panel_gemm<rows = 4, columns = 16, lanes = 8, tile_rows = 8, tile_columns = 16, features = 8>)
      ins(%x, %w : tensor<?x8xf32>, tensor<4x8x16xf32>) outs(%f : tensor<?x64xf32>) -> tensor<?x64xf32>
  %br:2 = mf.top_k columns(32) strategy(#mf.cpu_rows<tokens = 0, lanes = 8>) ins(%b : tensor<?x64xf32>)
      outs(%bv, %bi : tensor<?x2x1xf32>, tensor<?x2x1xi32>) -> tensor<?x2x1xf32>, tensor<?x2x1xi32>
  return %ar#1, %br#1, %b : tensor<?x8x1xi32>, tensor<?x2x1xi32>, tensor<?x64xf32>
}
