// RUN: mf-opt %s --mf-tile-and-fuse | FileCheck %s

// Attention, dense layers and updates of state are loops of their own; heads and panels are the outer loop.

// CHECK-LABEL: func.func @cached
// CHECK-SAME: (%[[Q:.*]]: tensor<?x4x8xf32>, %[[K:[a-z0-9]+]]: tensor<?x2x?x8xf32>, %[[S:[a-z0-9]+]]: tensor<?xi32>
// CHECK: scf.forall (%[[H:.*]], %[[T:.*]]) = (0, 0) to (4, %{{.*}}) step (1, 16)
// CHECK-DAG: %[[G:.*]] = affine.apply {{.*}}%[[H]]
// CHECK-DAG: tensor.extract_slice %[[Q]][%[[T]], %[[H]], 0] [%[[SIZE:.*]], 1, 8]
// CHECK-DAG: tensor.extract_slice %[[K]][0, %[[G]], 0, 0]
// CHECK-DAG: tensor.extract_slice %[[S]][%[[T]]] [%[[SIZE]]]
// CHECK: mf.cached_attention
// CHECK: tensor.parallel_insert_slice %{{.*}}[%[[T]], %[[H]], 0] [%[[SIZE]], 1, 8]
func.func @cached(%q: tensor<?x4x8xf32>, %cache: tensor<?x2x?x8xf32>, %slots: tensor<?xi32>, %p: tensor<?xi32>,
    %e: tensor<?x4x8xf32>) -> tensor<?x4x8xf32> {
  %y = mf.cached_attention scale(0.5) strategy(#mf.cpu_flash<queries = 16, keys = 16, rows = 2, vectors = 2, lanes = 8>)
      ins(%q, %cache, %cache, %slots, %p : tensor<?x4x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>,
          tensor<?xi32>, tensor<?xi32>) outs(%e : tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  return %y : tensor<?x4x8xf32>
}

// The last panel is whole, the tile of the last columns is not.
// CHECK-LABEL: func.func @linear
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32>, %[[W:.*]]: tensor<3x8x16xf32>
// CHECK: scf.forall (%[[N:.*]], %[[T:.*]]) = (0, 0) to (37, %{{.*}}) step (16, 8)
// CHECK-DAG: %[[P:.*]] = affine.apply {{.*}}%[[N]]
// CHECK-DAG: tensor.extract_slice %[[W]][%[[P]], 0, 0] [1, 8, 16]
// CHECK-DAG: tensor.extract_slice %[[X]][%[[T]], 0]
// CHECK: mf.linear {{.*}} -> tensor<?x?xf32>
func.func @linear(%x: tensor<?x8xf32>, %w: tensor<3x8x16xf32>, %e: tensor<?x37xf32>) -> tensor<?x37xf32> {
  %y = mf.linear layout(#mf.panel_layout<columns = 16>) strategy(#mf.cpu_panel_gemm<rows = 8, columns = 16, lanes = 8, tile_rows = 8, tile_columns = 16, features = 8>)
      ins(%x, %w : tensor<?x8xf32>, tensor<3x8x16xf32>) outs(%e : tensor<?x37xf32>) -> tensor<?x37xf32>
  return %y : tensor<?x37xf32>
}

// The old state is the destination; the extents of what is taken out and of what is put back are the same values.
// CHECK-LABEL: func.func @update
// CHECK-SAME: %[[S:[a-z0-9]+]]: tensor<?x2x?x8xf32>)
// CHECK: scf.forall (%[[H:.*]]) in (2) shared_outs(%[[O:.*]] = %[[S]])
// CHECK-NOT: tensor.dim %[[O]]
// CHECK: tensor.extract_slice %[[O]][0, %[[H]], 0, 0]
// CHECK: mf.update_state
// CHECK: tensor.parallel_insert_slice %{{.*}} into %[[O]][0, %[[H]], 0, 0]
func.func @update(%x: tensor<?x2x8xf32>, %slots: tensor<?xi32>, %p: tensor<?xi32>, %s: tensor<?x2x?x8xf32>)
    -> tensor<?x2x?x8xf32> {
  %y = mf.update_state strategy(#mf.cpu_rows<tokens = 0, lanes = 8>)
      ins(%x, %slots, %p : tensor<?x2x8xf32>, tensor<?xi32>, tensor<?xi32>) outs(%s : tensor<?x2x?x8xf32>)
      -> tensor<?x2x?x8xf32>
  return %y : tensor<?x2x?x8xf32>
}

// Keys and values go together; where the first state is read before the second one is written they stay apart.
// CHECK-LABEL: func.func @updates
// CHECK: scf.forall (%[[H:.*]]) in (2) shared_outs(%[[K:.*]] = %{{.*}}, %[[V:.*]] = %{{.*}})
// CHECK: mf.update_state
// CHECK: mf.update_state
// CHECK-NOT: scf.forall (
// CHECK: return
func.func @updates(%x: tensor<?x2x8xf32>, %z: tensor<?x2x8xf32>, %slots: tensor<?xi32>, %p: tensor<?xi32>,
    %k: tensor<?x2x?x8xf32>, %v: tensor<?x2x?x8xf32>) -> (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>) {
  %a = mf.update_state strategy(#mf.cpu_rows<tokens = 0, lanes = 8>)
      ins(%x, %slots, %p : tensor<?x2x8xf32>, tensor<?xi32>, tensor<?xi32>) outs(%k : tensor<?x2x?x8xf32>)
      -> tensor<?x2x?x8xf32>
  %b = mf.update_state strategy(#mf.cpu_rows<tokens = 0, lanes = 8>)
      ins(%z, %slots, %p : tensor<?x2x8xf32>, tensor<?xi32>, tensor<?xi32>) outs(%v : tensor<?x2x?x8xf32>)
      -> tensor<?x2x?x8xf32>
  return %a, %b : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>
}

// CHECK-LABEL: func.func @updates_apart
// CHECK-COUNT-2: scf.forall (
func.func @updates_apart(%x: tensor<?x2x8xf32>, %slots: tensor<?xi32>, %p: tensor<?xi32>, %k: tensor<?x2x?x8xf32>)
    -> tensor<?x2x?x8xf32> {
  %a = mf.update_state strategy(#mf.cpu_rows<tokens = 0, lanes = 8>)
      ins(%x, %slots, %p : tensor<?x2x8xf32>, tensor<?xi32>, tensor<?xi32>) outs(%k : tensor<?x2x?x8xf32>)
      -> tensor<?x2x?x8xf32>
  %b = mf.update_state strategy(#mf.cpu_rows<tokens = 0, lanes = 8>)
      ins(%x, %slots, %p : tensor<?x2x8xf32>, tensor<?xi32>, tensor<?xi32>) outs(%a : tensor<?x2x?x8xf32>)
      -> tensor<?x2x?x8xf32>
  return %b : tensor<?x2x?x8xf32>
}

// A tile of 0 tokens keeps a row-wise op out of the loops of others.
// CHECK-LABEL: func.func @apart
// CHECK: scf.forall
// CHECK: mf.add
// CHECK: scf.forall
// CHECK: mf.add
func.func @apart(%x: tensor<?x8xf32>, %e: tensor<?x8xf32>, %f: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %a = mf.add strategy(#mf.cpu_rows<tokens = 16, lanes = 8>) ins(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>)
      outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  %b = mf.add strategy(#mf.cpu_rows<tokens = 0, lanes = 8>) ins(%a, %a : tensor<?x8xf32>, tensor<?x8xf32>)
      outs(%f : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %b : tensor<?x8xf32>
}
