// RUN: mf-opt %s --mf-tile-and-fuse --split-input-file | FileCheck %s

#rows = #mf.cpu_rows<tokens = 16, lanes = 8>

// Neighbours share a loop. What is used outside is inserted, also where it is used inside too; the rest exists as tiles.
// CHECK-LABEL: func.func @share
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[W:.*]]: tensor<8xf32>)
// CHECK: %[[T:.*]] = tensor.dim %[[X]]
// CHECK: %[[E:.*]] = tensor.empty(%[[T]])
// CHECK: %[[LOOP:.*]]:2 = scf.forall (%[[I:.*]]) = (0) to (%[[T]]) step (16) shared_outs(%[[O:.*]] = %{{.*}}, %[[P:.*]] = %{{.*}})
// CHECK: %[[SIZE:.*]] = affine.min
// CHECK: %[[XT:.*]] = tensor.extract_slice %[[X]][%[[I]], 0] [%[[SIZE]], 8]
// CHECK: %[[NT:.*]] = tensor.empty(%[[SIZE]])
// CHECK: %[[N:.*]] = mf.rms_norm {{.*}}ins(%[[XT]], %[[W]] {{.*}}outs(%[[NT]]
// CHECK: %[[AT:.*]] = tensor.extract_slice %[[O]][%[[I]], 0] [%[[SIZE]], 8]
// CHECK: %[[A:.*]] = mf.add {{.*}}ins(%[[N]], %{{.*}}outs(%[[AT]]
// CHECK: %[[BT:.*]] = tensor.extract_slice %[[P]]
// CHECK: %[[B:.*]] = mf.add {{.*}}ins(%[[A]], %[[N]] {{.*}}outs(%[[BT]]
// CHECK: tensor.parallel_insert_slice %[[A]] into %[[O]][%[[I]], 0] [%[[SIZE]], 8]
// CHECK: tensor.parallel_insert_slice %[[B]] into %[[P]]
// CHECK: return %[[LOOP]]#0, %[[LOOP]]#1
func.func @share(%x: tensor<?x8xf32>, %w: tensor<8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%t) : tensor<?x8xf32>
  %n = mf.rms_norm strategy(#rows) ins(%x, %w : tensor<?x8xf32>, tensor<8xf32>) outs(%e : tensor<?x8xf32>)
      -> tensor<?x8xf32>
  %a = mf.add strategy(#rows) ins(%n, %x : tensor<?x8xf32>, tensor<?x8xf32>) outs(%e : tensor<?x8xf32>)
      -> tensor<?x8xf32>
  %b = mf.add strategy(#rows) ins(%a, %n : tensor<?x8xf32>, tensor<?x8xf32>) outs(%e : tensor<?x8xf32>)
      -> tensor<?x8xf32>
  return %a, %b : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

#rows = #mf.cpu_rows<tokens = 16, lanes = 8>

// Reshapes and elementwise linalg ops are taken along; a reshape that is used outside is repeated there. The extent of a
// member's result is no reason to close the loop.
// CHECK-LABEL: func.func @taken_along
// CHECK: %[[LOOP:.*]] = scf.forall
// CHECK: mf.rms_norm
// CHECK: linalg.exp ins(%{{.*}} : tensor<?x8xf32>)
// CHECK: %[[H:.*]] = tensor.expand_shape %{{.*}} output_shape [%{{.*}}, 2, 4]
// CHECK: mf.rope {{.*}}ins(%[[H]],
// CHECK: tensor.collapse_shape
// CHECK: mf.add
// CHECK-NOT: scf.forall (
// CHECK: tensor.expand_shape %[[LOOP]]
func.func @taken_along(%x: tensor<?x8xf32>, %w: tensor<8xf32>, %p: tensor<?xi32>, %angles: tensor<9x1x2xf32>)
    -> tensor<?x2x4xf32> {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%t) : tensor<?x8xf32>
  %n = mf.rms_norm strategy(#rows) ins(%x, %w : tensor<?x8xf32>, tensor<8xf32>) outs(%e : tensor<?x8xf32>)
      -> tensor<?x8xf32>
  %tn = tensor.dim %n, %c0 : tensor<?x8xf32>
  %el = tensor.empty(%tn) : tensor<?x8xf32>
  %l = linalg.exp ins(%n : tensor<?x8xf32>) outs(%el : tensor<?x8xf32>) -> tensor<?x8xf32>
  %h = tensor.expand_shape %l [[0], [1, 2]] output_shape [%t, 2, 4] : tensor<?x8xf32> into tensor<?x2x4xf32>
  %eh = tensor.empty(%t) : tensor<?x2x4xf32>
  %r = mf.rope strategy(#rows) ins(%h, %p, %angles : tensor<?x2x4xf32>, tensor<?xi32>, tensor<9x1x2xf32>)
      outs(%eh : tensor<?x2x4xf32>) -> tensor<?x2x4xf32>
  %f = tensor.collapse_shape %r [[0], [1, 2]] : tensor<?x2x4xf32> into tensor<?x8xf32>
  %a = mf.add strategy(#rows) ins(%f, %x : tensor<?x8xf32>, tensor<?x8xf32>) outs(%e : tensor<?x8xf32>)
      -> tensor<?x8xf32>
  %out = tensor.expand_shape %a [[0], [1, 2]] output_shape [%t, 2, 4] : tensor<?x8xf32> into tensor<?x2x4xf32>
  return %out : tensor<?x2x4xf32>
}

// -----

#rows = #mf.cpu_rows<tokens = 16, lanes = 8>

// Equal names are equal extents; other extents and other tiles have loops of their own.
// CHECK-LABEL: func.func @extents
// CHECK: scf.forall (%{{.*}}) = (0) to (%[[T:.*]]) step (16)
// CHECK: mf.embedding
// CHECK: mf.embedding
// CHECK: scf.forall (%{{.*}}) = (0) to (%{{.*}}) step (16)
// CHECK: mf.embedding
// CHECK: scf.forall (%{{.*}}) = (0) to (%{{.*}}) step (4)
// CHECK: mf.embedding
// CHECK-NOT: scf.forall (
func.func @extents(%a: tensor<?xi32> {mf.dims = ["t"]}, %b: tensor<?xi32> {mf.dims = ["t"]},
    %c: tensor<?xi32> {mf.dims = ["u"]}, %table: tensor<9x8xf32>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %ta = tensor.dim %a, %c0 : tensor<?xi32>
  %tb = tensor.dim %b, %c0 : tensor<?xi32>
  %tc = tensor.dim %c, %c0 : tensor<?xi32>
  %ea = tensor.empty(%ta) : tensor<?x8xf32>
  %eb = tensor.empty(%tb) : tensor<?x8xf32>
  %ec = tensor.empty(%tc) : tensor<?x8xf32>
  %x = mf.embedding strategy(#rows) ins(%a, %table : tensor<?xi32>, tensor<9x8xf32>) outs(%ea : tensor<?x8xf32>)
      -> tensor<?x8xf32>
  %y = mf.embedding strategy(#rows) ins(%b, %table : tensor<?xi32>, tensor<9x8xf32>) outs(%eb : tensor<?x8xf32>)
      -> tensor<?x8xf32>
  %z = mf.embedding strategy(#rows) ins(%c, %table : tensor<?xi32>, tensor<9x8xf32>) outs(%ec : tensor<?x8xf32>)
      -> tensor<?x8xf32>
  %w = mf.embedding strategy(#mf.cpu_rows<tokens = 4, lanes = 8>) ins(%c, %table : tensor<?xi32>, tensor<9x8xf32>)
      outs(%ec : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %x, %y, %z, %w : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

#rows = #mf.cpu_rows<tokens = 16, lanes = 8>

// An op that reads all rows of a result waits for all tiles. A linalg op that is no member keeps its place.
// CHECK-LABEL: func.func @whole_table
// CHECK: %[[A:.*]] = scf.forall
// CHECK: mf.add
// CHECK: %[[M:.*]] = linalg.matmul ins(%[[A]],
// CHECK: scf.forall
// CHECK: mf.embedding {{.*}}ins(%{{.*}}, %[[A]] :
func.func @whole_table(%x: tensor<?x8xf32>, %ids: tensor<?xi32>, %w: tensor<8x8xf32>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%t) : tensor<?x8xf32>
  %a = mf.add strategy(#rows) ins(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>) outs(%e : tensor<?x8xf32>)
      -> tensor<?x8xf32>
  %m = linalg.matmul ins(%a, %w : tensor<?x8xf32>, tensor<8x8xf32>) outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
  %g = mf.embedding strategy(#rows) ins(%ids, %a : tensor<?xi32>, tensor<?x8xf32>) outs(%e : tensor<?x8xf32>)
      -> tensor<?x8xf32>
  return %m, %g : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

#rows = #mf.cpu_rows<tokens = 16, lanes = 8>

// Static extents: tiles that divide them, and one tile that is all of it.
// CHECK-LABEL: func.func @static
// CHECK: scf.forall (%{{.*}}) = (0) to (32) step (16)
// CHECK: mf.add {{.*}} -> tensor<16x8xf32>
// CHECK: scf.forall (%{{.*}}) = (0) to (3) step (16)
// CHECK: mf.add {{.*}} -> tensor<3x8xf32>
func.func @static(%x: tensor<32x8xf32>, %y: tensor<3x8xf32>) -> (tensor<32x8xf32>, tensor<3x8xf32>) {
  %e = tensor.empty() : tensor<32x8xf32>
  %f = tensor.empty() : tensor<3x8xf32>
  %a = mf.add strategy(#rows) ins(%x, %x : tensor<32x8xf32>, tensor<32x8xf32>) outs(%e : tensor<32x8xf32>)
      -> tensor<32x8xf32>
  %b = mf.add strategy(#rows) ins(%y, %y : tensor<3x8xf32>, tensor<3x8xf32>) outs(%f : tensor<3x8xf32>)
      -> tensor<3x8xf32>
  return %a, %b : tensor<32x8xf32>, tensor<3x8xf32>
}

// -----

// Nothing to tile, and nothing again in a parallel loop.
// CHECK-LABEL: func.func @nothing
// CHECK-NEXT: tensor.empty
// CHECK-NEXT: scf.forall
// CHECK-NOT: scf.forall (
func.func @nothing(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %r = scf.forall (%i) in (2) shared_outs(%o = %e) -> tensor<4x8xf32> {
    %a = mf.add strategy(#mf.cpu_rows<tokens = 1, lanes = 8>) ins(%x, %x : tensor<4x8xf32>, tensor<4x8xf32>)
        outs(%o : tensor<4x8xf32>) -> tensor<4x8xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %a into %o[0, 0] [4, 8] [1, 1] : tensor<4x8xf32> into tensor<4x8xf32>
    }
  }
  return %r : tensor<4x8xf32>
}
