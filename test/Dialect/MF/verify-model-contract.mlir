// RUN: mf-opt %s --mf-verify-model-contract --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: @kept
mf.parameter @w : tensor<60x64xf32> from #mf.fill<1.0 : f32> layout #mf.panel_layout<columns = 16>
mf.parameter @t : tensor<8x256x40xf32> from #mf.fill<1.0 : f32>
func.func @kept(%x: tensor<?x64xf32>, %y: tensor<?x60xf32>, %c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %z: tensor<?x40xf32>)
    -> (tensor<?x60xf32>, tensor<?x40xf32>) {
  %w = mf.get_parameter @w : tensor<4x64x16xf32>
  %0 = mf.linear layout(<columns = 16>) ins(%x, %w : tensor<?x64xf32>, tensor<4x64x16xf32>) outs(%y : tensor<?x60xf32>)
      -> tensor<?x60xf32>
  // Rows are what no layout is.
  %t = mf.get_parameter @t : tensor<8x256x40xf32>
  %1 = mf.lookup layout(<strip_columns = 0>) ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>)
      tables(%t : tensor<8x256x40xf32>) outs(%z : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %0, %1 : tensor<?x60xf32>, tensor<?x40xf32>
}

// -----

func.func @memrefs(%x: memref<4x64xf32>) {
  // expected-error @below {{is on memrefs: the model stage expects compute ops on tensors}}
  mf.add ins(%x, %x : memref<4x64xf32>, memref<4x64xf32>) outs(%x : memref<4x64xf32>)
  return
}

// -----

// The shapes agree by chance: [4, 16] in panels of 4 columns is [1, 16, 4], read as tables [1, 16, 4].
mf.parameter @w : tensor<4x16xf32> from #mf.fill<1.0 : f32> layout #mf.panel_layout<columns = 4>
func.func @other_layout(%c: tensor<?x1xi8>, %s: tensor<?x1xf32>, %y: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = mf.get_parameter @w : tensor<1x16x4xf32>
  // expected-error @below {{reads "w" with no layout, but it is stored with #mf.panel_layout<columns = 4>}}
  %0 = mf.lookup ins(%c, %s : tensor<?x1xi8>, tensor<?x1xf32>) tables(%w : tensor<1x16x4xf32>)
      outs(%y : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// Through a slice.
mf.parameter @w : tensor<60x64xf32> from #mf.fill<1.0 : f32> layout #mf.panel_layout<columns = 16>
func.func @other_use(%i: index) -> tensor<1x64x16xf32> {
  %w = mf.get_parameter @w : tensor<4x64x16xf32>
  %0 = tensor.extract_slice %w[%i, 0, 0] [1, 64, 16] [1, 1, 1] : tensor<4x64x16xf32> to tensor<1x64x16xf32>
  // expected-error @below {{reads "w" with no layout, but it is stored with #mf.panel_layout<columns = 16>}}
  return %0 : tensor<1x64x16xf32>
}
