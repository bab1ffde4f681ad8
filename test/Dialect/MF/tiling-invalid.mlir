// Tiles that the ops refuse.
// RUN: not mf-opt %s --transform-interpreter --split-input-file 2>&1 | FileCheck %s

// CHECK: error: 'mf.linear' op cannot be tiled: expects tiles to begin at multiples of the layout's 16 columns
func.func @across_panels(%x: tensor<?x64xf32>, %w: tensor<4x64x16xf32>, %y: tensor<?x60xf32>) -> tensor<?x60xf32> {
  %0 = mf.linear layout(<columns = 16>) ins(%x, %w : tensor<?x64xf32>, tensor<4x64x16xf32>) outs(%y : tensor<?x60xf32>)
      -> tensor<?x60xf32>
  return %0 : tensor<?x60xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["mf.linear"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [8, 8]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// CHECK: error: 'mf.attention' op cannot be tiled: expects tiles of one head or of whole groups of 4 heads
func.func @part_of_a_group(%q: tensor<32x8x16xf32>, %k: tensor<40x2x16xf32>) -> tensor<32x8x16xf32> {
  %0 = mf.attention scale(0.25) ins(%q, %k, %k : tensor<32x8x16xf32>, tensor<40x2x16xf32>, tensor<40x2x16xf32>)
      outs(%q : tensor<32x8x16xf32>) -> tensor<32x8x16xf32>
  return %0 : tensor<32x8x16xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["mf.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [8, 2]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
