// Tiles of dense layers: rows of plain weights, panels of stored ones.
// RUN: mf-opt %s --transform-interpreter --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @plain(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<60x64xf32>
// CHECK: scf.forall (%{{.*}}, %[[J:.*]]) in (%{{.*}}, 6)
// CHECK: %[[C:.*]] = affine.apply {{.*}}(%[[J]])
// CHECK: tensor.extract_slice %[[W]][%[[C]], 0] [10, 64] [1, 1]
// CHECK: mf.linear ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<10x64xf32>) outs(%{{.*}} : tensor<?x10xf32>)
func.func @plain(%x: tensor<?x64xf32>, %w: tensor<60x64xf32>, %y: tensor<?x60xf32>) -> tensor<?x60xf32> {
  %0 = mf.linear ins(%x, %w : tensor<?x64xf32>, tensor<60x64xf32>) outs(%y : tensor<?x60xf32>) -> tensor<?x60xf32>
  return %0 : tensor<?x60xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["mf.linear"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [8, 10]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// A tile of one panel, the last one narrower than its panel.
// CHECK-LABEL: func.func @panel(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<4x64x16xf32>
// CHECK: scf.forall (%{{.*}}, %[[J:.*]]) in (%{{.*}}, 4)
// CHECK: tensor.extract_slice %[[W]][%[[J]], 0, 0] [1, 64, 16] [1, 1, 1]
// CHECK: mf.linear layout(<columns = 16>) ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<1x64x16xf32>) outs(%{{.*}} : tensor<?x?xf32>)
func.func @panel(%x: tensor<?x64xf32>, %w: tensor<4x64x16xf32>, %y: tensor<?x60xf32>) -> tensor<?x60xf32> {
  %0 = mf.linear layout(<columns = 16>) ins(%x, %w : tensor<?x64xf32>, tensor<4x64x16xf32>) outs(%y : tensor<?x60xf32>)
      -> tensor<?x60xf32>
  return %0 : tensor<?x60xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["mf.linear"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [8, 16]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// A tile of two panels.
// CHECK-LABEL: func.func @panels(
// CHECK: tensor.extract_slice %{{.*}}[%{{.*}}, 0, 0] [2, 64, 16] [1, 1, 1]
// CHECK: mf.linear layout(<columns = 16>) {{.*}} tensor<2x64x16xf32>) outs(%{{.*}} : tensor<?x32xf32>)
func.func @panels(%x: tensor<?x64xf32>, %w: tensor<4x64x16xf32>, %y: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = mf.linear layout(<columns = 16>) ins(%x, %w : tensor<?x64xf32>, tensor<4x64x16xf32>) outs(%y : tensor<?x64xf32>)
      -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["mf.linear"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [8, 32]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
