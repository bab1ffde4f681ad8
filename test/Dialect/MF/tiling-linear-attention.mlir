// Linear attention is cut by heads, the state with it; a projected sequence by rows and heads.
// RUN: mf-opt %s --transform-interpreter --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @recurrent(
// CHECK-SAME: %[[Q:.*]]: tensor<?x2x8xf32>, %[[I:.*]]: tensor<?xi32>, %[[S:.*]]: tensor<3x2x336xf32>
// CHECK: scf.forall (%[[H:.*]]) in (2) shared_outs(%[[Y:.*]] = %[[Q]], %[[NEW:.*]] = %[[S]])
// CHECK-DAG: tensor.extract_slice %[[NEW]][0, %[[H]], 0] [3, 1, 336] [1, 1, 1]
// CHECK: mf.recurrent_attention {{.*}} ins(%{{.*}}, %{{.*}}, %{{.*}}, %[[I]], %[[I]]
// CHECK-SAME: outs(%{{.*}}, %{{.*}} : tensor<?x1x8xf32>, tensor<3x1x336xf32>)
func.func @recurrent(%q: tensor<?x2x8xf32>, %i: tensor<?xi32>, %s: tensor<3x2x336xf32>)
    -> (tensor<?x2x8xf32>, tensor<3x2x336xf32>) {
  %0:2 = mf.recurrent_attention features(#mf.elu_features) chunk(16)
      ins(%q, %q, %q, %i, %i : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%q, %s : tensor<?x2x8xf32>, tensor<3x2x336xf32>) -> tensor<?x2x8xf32>, tensor<3x2x336xf32>
  return %0#0, %0#1 : tensor<?x2x8xf32>, tensor<3x2x336xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["mf.recurrent_attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [1]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// CHECK: #[[FIRST:.*]] = affine_map<(d0) -> (d0 * 4)>
// CHECK-LABEL: func.func @project(
// CHECK-SAME: %[[X:.*]]: tensor<32x2x8xf32>, %[[W:.*]]: tensor<8x32xf32>
// CHECK: scf.forall (%[[R:.*]], %[[H:.*]]) in (2, 2)
// CHECK-DAG: %[[ROW:.*]] = affine.apply #[[FIRST]](%[[R]])
// CHECK-DAG: tensor.extract_slice %[[X]][0, %[[H]], 0] [32, 1, 8]
// CHECK-DAG: tensor.extract_slice %[[W]][%[[ROW]], 0] [4, 32]
// CHECK: mf.project_sequence ins(%{{.*}}, %{{.*}} : tensor<32x1x8xf32>, tensor<4x32xf32>) outs(%{{.*}} : tensor<4x1x8xf32>)
func.func @project(%x: tensor<32x2x8xf32>, %w: tensor<8x32xf32>, %y: tensor<8x2x8xf32>) -> tensor<8x2x8xf32> {
  %0 = mf.project_sequence ins(%x, %w : tensor<32x2x8xf32>, tensor<8x32xf32>) outs(%y : tensor<8x2x8xf32>)
      -> tensor<8x2x8xf32>
  return %0 : tensor<8x2x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["mf.project_sequence"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [4, 1]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
