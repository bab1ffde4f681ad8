// The ops that find the largest elements of rows: round trip, tiles.
// RUN: mf-opt %s | mf-opt | FileCheck %s --check-prefix=OPS
// RUN: mf-opt %s --transform-interpreter --canonicalize | FileCheck %s

// A tile of runs takes their columns; the last run has what is left.
// OPS-LABEL: func.func @runs
// OPS: mf.top_k columns(16) ins(%{{.*}} : tensor<?x60xf32>)
// OPS-SAME: outs(%{{.*}}, %{{.*}} : tensor<?x4x2xf32>, tensor<?x4x2xi32>) -> tensor<?x4x2xf32>, tensor<?x4x2xi32>
// OPS: mf.merge_top_k columns(16) ins(%{{.*}}#0, %{{.*}}#1 : tensor<?x4x2xf32>, tensor<?x4x2xi32>)
// OPS-SAME: outs(%{{.*}}, %{{.*}} : tensor<?x2xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>, tensor<?x2xi32>
// CHECK: #[[LEFT:.*]] = affine_map<()[s0] -> (s0 * -16 + 60, 16)>
// CHECK-LABEL: func.func @runs(
// CHECK-SAME: %[[X:.*]]: tensor<?x60xf32>
// CHECK: scf.forall (%[[I:.*]], %[[T:.*]]) in (%{{.*}}, 4)
// CHECK-DAG: %[[SIZE:.*]] = affine.min #[[LEFT]]()[%[[T]]]
// CHECK-DAG: %[[FIRST:.*]] = affine.apply {{.*}}[%[[T]]]
// CHECK: tensor.extract_slice %[[X]][%{{.*}}, %[[FIRST]]] [%{{.*}}, %[[SIZE]]] [1, 1]
// CHECK: mf.top_k columns(16) ins(%{{.*}} : tensor<?x?xf32>) outs(%{{.*}}, %{{.*}} : tensor<?x1x2xf32>, tensor<?x1x2xi32>)
func.func @runs(%x: tensor<?x60xf32>, %rv: tensor<?x4x2xf32>, %ri: tensor<?x4x2xi32>, %v: tensor<?x2xf32>,
    %i: tensor<?x2xi32>) -> (tensor<?x2xf32>, tensor<?x2xi32>) {
  %r:2 = mf.top_k columns(16) ins(%x : tensor<?x60xf32>) outs(%rv, %ri : tensor<?x4x2xf32>, tensor<?x4x2xi32>)
      -> tensor<?x4x2xf32>, tensor<?x4x2xi32>
  %m:2 = mf.merge_top_k columns(16) ins(%r#0, %r#1 : tensor<?x4x2xf32>, tensor<?x4x2xi32>)
      outs(%v, %i : tensor<?x2xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>, tensor<?x2xi32>
  return %m#0, %m#1 : tensor<?x2xf32>, tensor<?x2xi32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["mf.top_k"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [8, 1]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
