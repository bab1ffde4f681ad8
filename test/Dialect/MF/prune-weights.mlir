// RUN: mf-opt %s --mf-prune-weights --split-input-file | FileCheck %s
// RUN: mf-opt %s --mf-prune-weights="kept=1 of=8 columns=16" --split-input-file | FileCheck %s --check-prefix=OTHER
// RUN: mf-opt %s --mf-prune-weights --mf-quantize-parameters=weight-dtype=f16 --mf-select-layouts --split-input-file | FileCheck %s --check-prefix=ALL
// RUN: not mf-opt %s --mf-prune-weights="kept=4 of=4" --split-input-file 2>&1 | FileCheck %s --check-prefix=NONE

// NONE: error: mf-prune-weights: expects kept to be 1 or more, and fewer than of, which is at most 64, found 4 of 4

// What comes into no other layer is the head, which stays.
// CHECK: mf.parameter @w : tensor<80x32xf32> from #mf.pruned_features<source = #mf.random<seed = 1, scale = 1.000000e+00 : f32>, pruning = <kept = 2, of = 4, columns = 32>>
// CHECK-NEXT: mf.parameter @[[F:w.features_.*]] : tensor<3x32xi16> from #mf.kept_features<parameter = @w>
// CHECK-LABEL: func.func @pruned(
// CHECK-DAG: %[[W:.*]] = mf.get_parameter @w : tensor<80x32xf32>
// CHECK-DAG: %[[N:.*]] = mf.get_parameter @[[F]] : tensor<3x32xi16>
// CHECK: mf.linear ins(%{{.*}}, %[[W]] : tensor<?x64xf32>, tensor<80x32xf32>) pruning(<kept = 2, of = 4, columns = 32>) features(%[[N]] : tensor<3x32xi16>)
// CHECK: mf.linear ins(%{{.*}}, %{{.*}} : tensor<?x80xf32>, tensor<8x80xf32>) outs

// OTHER: mf.parameter @w : tensor<80x8xf32>
// OTHER-NEXT: mf.parameter @{{.*}} : tensor<5x8xi16>

// Later passes round what is left, and give it the panels whose columns keep the same features.
// ALL: mf.parameter @w : tensor<80x32xf16> from #mf.pruned_features<{{.*}} layout #mf.panel_layout<columns = 32>
// ALL: mf.linear layout(<columns = 32>) ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<3x32x32xf16>) pruning(
mf.parameter @w : tensor<80x64xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
mf.parameter @w.features : tensor<4xf32> from #mf.fill<1.0 : f32>
mf.parameter @head : tensor<8x80xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
func.func @pruned(%x: tensor<?x64xf32>, %e: tensor<?x80xf32>, %f: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %w = mf.get_parameter @w : tensor<80x64xf32>
  %head = mf.get_parameter @head : tensor<8x80xf32>
  %0 = mf.linear ins(%x, %w : tensor<?x64xf32>, tensor<80x64xf32>) outs(%e : tensor<?x80xf32>) -> tensor<?x80xf32>
  %1 = mf.linear ins(%0, %head : tensor<?x80xf32>, tensor<8x80xf32>) outs(%f : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// -----

// Features that are no whole groups, and a weight that is an embedding too.
// CHECK-LABEL: func.func @kept(
// CHECK-NOT: pruning
mf.parameter @odd : tensor<60x62xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
mf.parameter @shared : tensor<60x60xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
mf.parameter @head : tensor<8x60xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
func.func @kept(%ids: tensor<?xi32>, %x: tensor<?x62xf32>, %e: tensor<?x60xf32>, %f: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x60xf32>) {
  %odd = mf.get_parameter @odd : tensor<60x62xf32>
  %shared = mf.get_parameter @shared : tensor<60x60xf32>
  %head = mf.get_parameter @head : tensor<8x60xf32>
  %0 = mf.linear ins(%x, %odd : tensor<?x62xf32>, tensor<60x62xf32>) outs(%e : tensor<?x60xf32>) -> tensor<?x60xf32>
  %1 = mf.linear ins(%0, %shared : tensor<?x60xf32>, tensor<60x60xf32>) outs(%e : tensor<?x60xf32>) -> tensor<?x60xf32>
  %2 = mf.linear ins(%1, %head : tensor<?x60xf32>, tensor<8x60xf32>) outs(%f : tensor<?x8xf32>) -> tensor<?x8xf32>
  %3 = mf.embedding ins(%ids, %shared : tensor<?xi32>, tensor<60x60xf32>) outs(%e : tensor<?x60xf32>) -> tensor<?x60xf32>
  return %2, %3 : tensor<?x8xf32>, tensor<?x60xf32>
}
