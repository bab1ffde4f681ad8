// Tiles of attention and of sequence state: key-value heads follow query heads, causal tiles see their prefix of keys.
// RUN: mf-opt %s --transform-interpreter --canonicalize --split-input-file | FileCheck %s

// One head of 8 reads one of 2 key-value heads; 40 keys, 32 queries: the tile from query i on sees keys 0 .. i + 8 + 8.
// CHECK-DAG: #[[FIRST:.*]] = affine_map<(d0) -> (d0 * 8)>
// CHECK-DAG: #[[VISIBLE:.*]] = affine_map<(d0) -> (d0 * 8 + 16)>
// CHECK-DAG: #[[GROUP:.*]] = affine_map<()[s0] -> (s0 floordiv 4)>
// CHECK-LABEL: func.func @causal(
// CHECK-SAME: %[[Q:.*]]: tensor<32x8x16xf32>, %[[K:.*]]: tensor<40x2x16xf32>, %[[V:.*]]: tensor<40x2x16xf32>
// CHECK: scf.forall (%[[T:.*]], %[[H:.*]]) in (4, 8)
// CHECK-DAG: %[[I:.*]] = affine.apply #[[FIRST]](%[[T]])
// CHECK-DAG: %[[G:.*]] = affine.apply #[[GROUP]]()[%[[H]]]
// CHECK-DAG: %[[N:.*]] = affine.apply #[[VISIBLE]](%[[T]])
// CHECK-DAG: tensor.extract_slice %[[Q]][%[[I]], %[[H]], 0] [8, 1, 16] [1, 1, 1]
// CHECK-DAG: tensor.extract_slice %[[K]][0, %[[G]], 0] [%[[N]], 1, 16] [1, 1, 1]
// CHECK-DAG: tensor.extract_slice %[[V]][0, %[[G]], 0] [%[[N]], 1, 16] [1, 1, 1]
// CHECK: mf.attention causal scale(2.500000e-01)
// CHECK-SAME: tensor<8x1x16xf32>, tensor<?x1x16xf32>, tensor<?x1x16xf32>
func.func @causal(%q: tensor<32x8x16xf32>, %k: tensor<40x2x16xf32>, %v: tensor<40x2x16xf32>) -> tensor<32x8x16xf32> {
  %0 = mf.attention causal scale(0.25)
      ins(%q, %k, %v : tensor<32x8x16xf32>, tensor<40x2x16xf32>, tensor<40x2x16xf32>)
      outs(%q : tensor<32x8x16xf32>) -> tensor<32x8x16xf32>
  return %0 : tensor<32x8x16xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["mf.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [8, 1]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Fewer keys than queries: the first tile sees none, not a negative number.
// CHECK: #[[VISIBLE:.*]] = affine_map<(d0) -> (0, d0 * 8 - 12)>
// CHECK-LABEL: func.func @few_keys(
// CHECK: affine.max #[[VISIBLE]]
func.func @few_keys(%q: tensor<32x2x16xf32>, %k: tensor<12x2x16xf32>) -> tensor<32x2x16xf32> {
  %0 = mf.attention causal scale(0.25) ins(%q, %k, %k : tensor<32x2x16xf32>, tensor<12x2x16xf32>, tensor<12x2x16xf32>)
      outs(%q : tensor<32x2x16xf32>) -> tensor<32x2x16xf32>
  return %0 : tensor<32x2x16xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["mf.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [8, 1]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Without a mask all keys; whole groups of heads.
// CHECK: #[[GROUPS:.*]] = affine_map<(d0) -> (d0 * 2)>
// CHECK-LABEL: func.func @all_keys(
// CHECK-SAME: %[[Q:.*]]: tensor<32x8x16xf32>, %[[K:.*]]: tensor<40x4x16xf32>
// CHECK: %[[G:.*]] = affine.apply #[[GROUPS]]
// CHECK: tensor.extract_slice %[[K]][0, %[[G]], 0] [40, 2, 16] [1, 1, 1]
// CHECK: mf.attention scale
func.func @all_keys(%q: tensor<32x8x16xf32>, %k: tensor<40x4x16xf32>) -> tensor<32x8x16xf32> {
  %0 = mf.attention scale(0.25) ins(%q, %k, %k : tensor<32x8x16xf32>, tensor<40x4x16xf32>, tensor<40x4x16xf32>)
      outs(%q : tensor<32x8x16xf32>) -> tensor<32x8x16xf32>
  return %0 : tensor<32x8x16xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["mf.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [8, 4]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// CHECK-LABEL: func.func @cached(
// CHECK-SAME: %[[Q:.*]]: tensor<?x4x16xf32>, %[[X:.*]]: tensor<?x4x16xf32>, %[[C:.*]]: tensor<?x4x?x16xf32>, %[[S:[a-z0-9]+]]: tensor<?xi32>
// CHECK: %[[U:.*]] = scf.forall (%[[H:.*]]) in (4) shared_outs(%[[O:.*]] = %[[C]])
// CHECK-DAG: tensor.extract_slice %[[X]][0, %[[H]], 0] [%{{.*}}, 1, 16] [1, 1, 1]
// CHECK-DAG: tensor.extract_slice %[[O]][0, %[[H]], 0, 0] [%{{.*}}, 1, %{{.*}}, 16] [1, 1, 1, 1]
// CHECK: mf.update_state
// CHECK: tensor.parallel_insert_slice %{{.*}} into %[[O]][0, %[[H]], 0, 0]
// CHECK: scf.forall (%{{.*}}, %[[J:.*]]) in (%{{.*}}, 4)
// CHECK: %[[I:.*]] = affine.apply
// CHECK-DAG: tensor.extract_slice %[[S]][%[[I]]] [%{{.*}}] [1]
// CHECK-DAG: tensor.extract_slice %[[U]][0, %[[J]], 0, 0] [%{{.*}}, 1, %{{.*}}, 16] [1, 1, 1, 1]
// CHECK: mf.cached_attention
// CHECK-SAME: tensor<?x1x16xf32>, tensor<?x1x?x16xf32>, tensor<?x1x?x16xf32>, tensor<?xi32>, tensor<?xi32>
func.func @cached(%q: tensor<?x4x16xf32>, %x: tensor<?x4x16xf32>, %c: tensor<?x4x?x16xf32>, %s: tensor<?xi32>,
                  %p: tensor<?xi32>) -> (tensor<?x4x16xf32>, tensor<?x4x?x16xf32>) {
  %new = mf.update_state ins(%x, %s, %p : tensor<?x4x16xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%c : tensor<?x4x?x16xf32>) -> tensor<?x4x?x16xf32>
  %0 = mf.cached_attention scale(0.25)
      ins(%q, %new, %new, %s, %p : tensor<?x4x16xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>, tensor<?xi32>,
          tensor<?xi32>)
      outs(%q : tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  return %0, %new : tensor<?x4x16xf32>, tensor<?x4x?x16xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %update = transform.structured.match ops{["mf.update_state"]} in %root : (!transform.any_op) -> !transform.any_op
    transform.structured.tile_using_forall %update tile_sizes [1]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %attend = transform.structured.match ops{["mf.cached_attention"]} in %root : (!transform.any_op) -> !transform.any_op
    transform.structured.tile_using_forall %attend tile_sizes [8, 1]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
