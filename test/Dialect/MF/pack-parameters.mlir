// RUN: mf-opt %s --mf-pack-parameters --split-input-file --verify-diagnostics | FileCheck %s
// RUN: mf-opt %s --mf-pack-parameters --mf-pack-parameters --split-input-file --verify-diagnostics | FileCheck %s

// CHECK: mf.parameter @first : tensor<4xf32> {{.*}} index 0
// CHECK-NOT: @unused
// CHECK-NOT: @dead
// CHECK: mf.parameter @nested : tensor<60x64xf32> {{.*}} layout #mf.panel_layout<columns = 16> index 1
// CHECK: mf.parameter @last : tensor<4xf32> {{.*}} index 2
mf.parameter @first : tensor<4xf32> from #mf.fill<0.0 : f32>
mf.parameter @unused : tensor<4xf32> from #mf.fill<0.0 : f32>
mf.parameter @dead : tensor<4xf32> from #mf.fill<0.0 : f32>
mf.parameter @nested : tensor<60x64xf32> from #mf.fill<0.0 : f32> layout #mf.panel_layout<columns = 16>
mf.parameter @last : tensor<4xf32> from #mf.fill<0.0 : f32> index 7

// CHECK-LABEL: func.func @read
// CHECK-NOT: mf.get_parameter @dead
// CHECK: mf.get_parameter @nested : tensor<4x64x16xf32>
func.func @read(%condition: i1) -> (tensor<4xf32>, tensor<4xf32>, tensor<4x64x16xf32>) {
  %dead = mf.get_parameter @dead : tensor<4xf32>
  %last = mf.get_parameter @last : tensor<4xf32>
  %first = mf.get_parameter @first : tensor<4xf32>
  %nested = scf.execute_region -> tensor<4x64x16xf32> {
    %0 = mf.get_parameter @nested : tensor<4x64x16xf32>
    scf.yield %0 : tensor<4x64x16xf32>
  }
  return %last, %first, %nested : tensor<4xf32>, tensor<4xf32>, tensor<4x64x16xf32>
}

// -----

mf.parameter @p : tensor<4xf32> from #mf.fill<0.0 : f32>
func.func @lowered(%frame: !mf.frame) -> memref<4xf32> {
  // expected-error @below {{reads a parameter by its number: number the parameters before entry points are lowered}}
  %0 = mf.frame_parameter %frame[0] : memref<4xf32>
  return %0 : memref<4xf32>
}
