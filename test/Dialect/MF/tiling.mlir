// Tiles of the ops over tokens and over tokens and heads.
// RUN: mf-opt %s --transform-interpreter --canonicalize --cse --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @hash(
// CHECK-SAME: %[[X:.*]]: tensor<40x64xf32>, %[[C:.*]]: tensor<40x8xi8>, %[[S:.*]]: tensor<40x8xf32>)
// CHECK: scf.forall (%{{.*}}) in (3) shared_outs(%[[CO:.*]] = %[[C]], %[[SO:.*]] = %[[S]])
// CHECK: %[[I:.*]] = affine.apply
// CHECK: %[[N:.*]] = affine.min
// CHECK-DAG: %[[XT:.*]] = tensor.extract_slice %[[X]][%[[I]], 0] [%[[N]], 64] [1, 1]
// CHECK-DAG: %[[CT:.*]] = tensor.extract_slice %[[CO]][%[[I]], 0] [%[[N]], 8] [1, 1]
// CHECK-DAG: %[[ST:.*]] = tensor.extract_slice %[[SO]][%[[I]], 0] [%[[N]], 8] [1, 1]
// CHECK: %[[R:.*]]:2 = mf.hash magnitude bits(8) ins(%[[XT]] : tensor<?x64xf32>)
// CHECK-SAME: outs(%[[CT]], %[[ST]] : tensor<?x8xi8>, tensor<?x8xf32>) -> tensor<?x8xi8>, tensor<?x8xf32>
// CHECK-DAG: tensor.parallel_insert_slice %[[R]]#0 into %[[CO]][%[[I]], 0] [%[[N]], 8] [1, 1]
// CHECK-DAG: tensor.parallel_insert_slice %[[R]]#1 into %[[SO]][%[[I]], 0] [%[[N]], 8] [1, 1]
func.func @hash(%x: tensor<40x64xf32>, %c: tensor<40x8xi8>, %s: tensor<40x8xf32>)
    -> (tensor<40x8xi8>, tensor<40x8xf32>) {
  %0:2 = mf.hash magnitude bits(8) ins(%x : tensor<40x64xf32>) outs(%c, %s : tensor<40x8xi8>, tensor<40x8xf32>)
      -> tensor<40x8xi8>, tensor<40x8xf32>
  return %0#0, %0#1 : tensor<40x8xi8>, tensor<40x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["mf.hash"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [16]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Tables and biases stay whole.
// CHECK-LABEL: func.func @lookup(
// CHECK: scf.forall
// CHECK-COUNT-4: tensor.extract_slice
// CHECK-NOT: tensor.extract_slice
// CHECK: mf.lookup ins(%{{.*}}, %{{.*}} : tensor<?x8xi8>, tensor<?x8xf32>)
// CHECK-SAME: tables(%{{.*}}, %{{.*}} : tensor<8x256x40xf32>, tensor<8x256x20xf32>)
// CHECK-SAME: outs(%{{.*}}, %{{.*}} : tensor<?x40xf32>, tensor<?x20xf32>)
// CHECK-COUNT-2: tensor.parallel_insert_slice
func.func @lookup(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x40xf32>, %u: tensor<8x256x20xf32>,
                  %y: tensor<?x40xf32>, %z: tensor<?x20xf32>) -> (tensor<?x40xf32>, tensor<?x20xf32>) {
  %0:2 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>)
      tables(%t, %u : tensor<8x256x40xf32>, tensor<8x256x20xf32>)
      outs(%y, %z : tensor<?x40xf32>, tensor<?x20xf32>) -> tensor<?x40xf32>, tensor<?x20xf32>
  return %0#0, %0#1 : tensor<?x40xf32>, tensor<?x20xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["mf.lookup"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [16]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Producers and consumers of one token tile meet in one loop.
// CHECK-LABEL: func.func @fuse(
// CHECK: scf.forall
// CHECK: %[[N:.*]] = mf.rms_norm {{.*}} -> tensor<8x64xf32>
// CHECK: %[[H:.*]]:2 = mf.hash magnitude bits(8) ins(%[[N]] : tensor<8x64xf32>)
// CHECK: mf.lookup ins(%[[H]]#0, %[[H]]#1 : tensor<8x8xi8>, tensor<8x8xf32>)
// CHECK: mf.embedding
// CHECK: mf.layer_norm
// CHECK: mf.add
// CHECK: scf.forall.in_parallel
// CHECK-NEXT: tensor.parallel_insert_slice
func.func @fuse(%x: tensor<32x64xf32>, %w: tensor<64xf32>, %c: tensor<32x8xi8>, %s: tensor<32x8xf32>,
                %t: tensor<8x256x64xf32>, %ids: tensor<32xi32>, %table: tensor<9x64xf32>, %y: tensor<32x64xf32>)
    -> tensor<32x64xf32> {
  %n = mf.rms_norm ins(%x, %w : tensor<32x64xf32>, tensor<64xf32>) outs(%y : tensor<32x64xf32>) -> tensor<32x64xf32>
  %h:2 = mf.hash magnitude bits(8) ins(%n : tensor<32x64xf32>) outs(%c, %s : tensor<32x8xi8>, tensor<32x8xf32>)
      -> tensor<32x8xi8>, tensor<32x8xf32>
  %l = mf.lookup ins(%h#0, %h#1 : tensor<32x8xi8>, tensor<32x8xf32>) tables(%t : tensor<8x256x64xf32>)
      outs(%y : tensor<32x64xf32>) -> tensor<32x64xf32>
  %e = mf.embedding ins(%ids, %table : tensor<32xi32>, tensor<9x64xf32>) outs(%y : tensor<32x64xf32>)
      -> tensor<32x64xf32>
  %m = mf.layer_norm ins(%e, %w, %w : tensor<32x64xf32>, tensor<64xf32>, tensor<64xf32>) outs(%y : tensor<32x64xf32>)
      -> tensor<32x64xf32>
  %a = mf.add ins(%l, %m : tensor<32x64xf32>, tensor<32x64xf32>) outs(%y : tensor<32x64xf32>) -> tensor<32x64xf32>
  return %a : tensor<32x64xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %add = transform.structured.match ops{["mf.add"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.fuse %add tile_sizes [8] interchange [0] {apply_cleanup, use_forall}
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// CHECK-LABEL: func.func @rope(
// CHECK-SAME: %[[X:.*]]: tensor<32x4x16xf32>, %[[P:.*]]: tensor<32xi32>, %[[A:.*]]: tensor<64x2x2xf32>, %[[Y:.*]]: tensor<32x4x16xf32>)
// CHECK: scf.forall (%{{.*}}, %{{.*}}) in (4, 2) shared_outs(%[[O:.*]] = %[[Y]])
// CHECK: %[[I:.*]] = affine.apply
// CHECK: %[[H:.*]] = affine.apply
// CHECK-DAG: tensor.extract_slice %[[P]][%[[I]]] [8] [1]
// CHECK-DAG: tensor.extract_slice %[[X]][%[[I]], %[[H]], 0] [8, 2, 16] [1, 1, 1]
// CHECK-DAG: tensor.extract_slice %[[O]][%[[I]], %[[H]], 0] [8, 2, 16] [1, 1, 1]
// CHECK: mf.rope ins(%{{.*}}, %{{.*}}, %[[A]] : tensor<8x2x16xf32>, tensor<8xi32>, tensor<64x2x2xf32>)
func.func @rope(%x: tensor<32x4x16xf32>, %p: tensor<32xi32>, %a: tensor<64x2x2xf32>, %y: tensor<32x4x16xf32>)
    -> tensor<32x4x16xf32> {
  %0 = mf.rope ins(%x, %p, %a : tensor<32x4x16xf32>, tensor<32xi32>, tensor<64x2x2xf32>)
      outs(%y : tensor<32x4x16xf32>) -> tensor<32x4x16xf32>
  return %0 : tensor<32x4x16xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["mf.rope"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [8, 2]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// A bias and a row that is added stay whole; what has a row for each token is cut.
// CHECK-LABEL: func.func @activation(
// CHECK-SAME: %[[X:.*]]: tensor<32x64xf32>, %[[B:.*]]: tensor<64xf32>, %[[F:.*]]: tensor<32x64xf32>, %[[Y:.*]]: tensor<32x64xf32>)
// CHECK: scf.forall
// CHECK-DAG: %[[XT:.*]] = tensor.extract_slice %[[X]][%{{.*}}, 0] [8, 64] [1, 1]
// CHECK-DAG: %[[FT:.*]] = tensor.extract_slice %[[F]][%{{.*}}, 0] [8, 64] [1, 1]
// CHECK: %[[A:.*]] = mf.activation silu ins(%[[XT]] : tensor<8x64xf32>) bias(%[[B]] : tensor<64xf32>) factor(%[[FT]] : tensor<8x64xf32>)
// CHECK: mf.add ins(%[[A]], %[[B]] : tensor<8x64xf32>, tensor<64xf32>)
func.func @activation(%x: tensor<32x64xf32>, %b: tensor<64xf32>, %f: tensor<32x64xf32>, %y: tensor<32x64xf32>)
    -> tensor<32x64xf32> {
  %0 = mf.activation silu ins(%x : tensor<32x64xf32>) bias(%b : tensor<64xf32>) factor(%f : tensor<32x64xf32>)
      outs(%y : tensor<32x64xf32>) -> tensor<32x64xf32>
  %1 = mf.add ins(%0, %b : tensor<32x64xf32>, tensor<64xf32>) outs(%y : tensor<32x64xf32>) -> tensor<32x64xf32>
  return %1 : tensor<32x64xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %add = transform.structured.match ops{["mf.add"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.fuse %add tile_sizes [8] interchange [0] {apply_cleanup, use_forall}
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// The map of pruned tables stays whole.
// CHECK-LABEL: func.func @map_codes(
// CHECK-SAME: %[[C:.*]]: tensor<32x8xi8>, %[[M:.*]]: tensor<8x256xi16>, %[[R:.*]]: tensor<32x8xi16>)
// CHECK: scf.forall
// CHECK-DAG: %[[CT:.*]] = tensor.extract_slice %[[C]][%{{.*}}, 0] [8, 8] [1, 1]
// CHECK: mf.map_codes ins(%[[CT]], %[[M]] : tensor<8x8xi8>, tensor<8x256xi16>)
func.func @map_codes(%c: tensor<32x8xi8>, %m: tensor<8x256xi16>, %r: tensor<32x8xi16>) -> tensor<32x8xi16> {
  %0 = mf.map_codes ins(%c, %m : tensor<32x8xi8>, tensor<8x256xi16>) outs(%r : tensor<32x8xi16>) -> tensor<32x8xi16>
  return %0 : tensor<32x8xi16>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["mf.map_codes"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.fuse %op tile_sizes [8] interchange [0] {apply_cleanup, use_forall}
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
