// RUN: mf-opt %s --mf-verify-pack-contract --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: @kept
mf.parameter @a : tensor<4xf32> from #mf.fill<1.0 : f32> index 0
mf.parameter @b : tensor<4xf32> from #mf.fill<1.0 : f32> index 1
func.func @kept() -> (tensor<4xf32>, tensor<4xf32>) {
  %a = mf.get_parameter @a : tensor<4xf32>
  %b = mf.get_parameter @b : tensor<4xf32>
  return %b, %a : tensor<4xf32>, tensor<4xf32>
}

// -----

// expected-error @below {{is read by no function: the pack stage drops such parameters}}
mf.parameter @unused : tensor<4xf32> from #mf.fill<1.0 : f32> index 0

// -----

// expected-error @below {{expects the index 0, found none}}
mf.parameter @a : tensor<4xf32> from #mf.fill<1.0 : f32>
func.func @no_index() -> tensor<4xf32> {
  %a = mf.get_parameter @a : tensor<4xf32>
  return %a : tensor<4xf32>
}

// -----

// expected-error @below {{expects the index 0, found 3}}
mf.parameter @a : tensor<4xf32> from #mf.fill<1.0 : f32> index 3
func.func @other_index() -> tensor<4xf32> {
  %a = mf.get_parameter @a : tensor<4xf32>
  return %a : tensor<4xf32>
}

// -----

mf.parameter @w : tensor<60x64xf32> from #mf.fill<1.0 : f32> layout #mf.panel_layout<columns = 16> index 0
func.func @other_use() -> tensor<4x64x16xf32> {
  %w = mf.get_parameter @w : tensor<4x64x16xf32>
  // expected-error @below {{reads "w" with no layout, but it is stored with #mf.panel_layout<columns = 16>}}
  return %w : tensor<4x64x16xf32>
}
