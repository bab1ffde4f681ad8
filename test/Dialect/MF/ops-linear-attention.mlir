// Linear attention, its state and projected sequences: every form is read back as it is written.
// RUN: mf-opt %s | mf-opt | FileCheck %s

// CHECK-LABEL: func.func @whole
func.func @whole(%q: tensor<?x8x16xf32>, %v: tensor<?x8x20xf32>, %w: tensor<64x16xbf16>, %p: tensor<2x16x32xf32>,
                 %init: tensor<?x8x20xf32>) -> tensor<?x8x20xf32> {
  // CHECK: mf.linear_attention causal features(#mf.elu_features) chunk(32) ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x8x16xf32>, tensor<?x8x16xf32>, tensor<?x8x20xf32>) outs(%{{.*}} : tensor<?x8x20xf32>)
  %a = mf.linear_attention causal features(#mf.elu_features) chunk(32)
      ins(%q, %q, %v : tensor<?x8x16xf32>, tensor<?x8x16xf32>, tensor<?x8x20xf32>)
      outs(%init : tensor<?x8x20xf32>) -> tensor<?x8x20xf32>
  // CHECK: mf.linear_attention features(#mf.favor_features<kind = softmax>) chunk(1) {{.*}} projection(%{{.*}} : tensor<64x16xbf16>)
  %b = mf.linear_attention features(#mf.favor_features<kind = softmax>) chunk(1)
      ins(%q, %q, %v : tensor<?x8x16xf32>, tensor<?x8x16xf32>, tensor<?x8x20xf32>) projection(%w : tensor<64x16xbf16>)
      outs(%a : tensor<?x8x20xf32>) -> tensor<?x8x20xf32>
  // CHECK: mf.linear_attention causal features(#mf.favor_features<kind = relu>) chunk(32) layout(<columns = 32>) strategy(#mf.cpu_linear_attention<rows = 4, columns = 16, lanes = 8>)
  %c = mf.linear_attention causal features(#mf.favor_features<kind = relu>) chunk(32) layout(<columns = 32>)
      strategy(#mf.cpu_linear_attention<rows = 4, columns = 16, lanes = 8>)
      ins(%q, %q, %v : tensor<?x8x16xf32>, tensor<?x8x16xf32>, tensor<?x8x20xf32>) projection(%p : tensor<2x16x32xf32>)
      outs(%b : tensor<?x8x20xf32>) -> tensor<?x8x20xf32>
  return %c : tensor<?x8x20xf32>
}

// A state of r = 32 features: (20 + 32 + 1) * 32 + 32 * 20 elements, in whole lines of 16.
// CHECK-LABEL: func.func @recurrent
func.func @recurrent(%q: tensor<?x8x16xf32>, %v: tensor<?x8x20xf32>, %i: tensor<?xi32>, %init: tensor<?x8x20xf32>,
                     %state: tensor<?x8x2336xf32>) -> (tensor<?x8x20xf32>, tensor<?x8x2336xf32>) {
  // CHECK: mf.recurrent_attention features(#mf.cosformer_features<max_positions = 2048>) chunk(32)
  // CHECK-SAME: outs(%{{.*}}, %{{.*}} : tensor<?x8x20xf32>, tensor<?x8x2336xf32>) -> tensor<?x8x20xf32>, tensor<?x8x2336xf32>
  %y, %new = mf.recurrent_attention features(#mf.cosformer_features<max_positions = 2048>) chunk(32)
      ins(%q, %q, %v, %i, %i : tensor<?x8x16xf32>, tensor<?x8x16xf32>, tensor<?x8x20xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%init, %state : tensor<?x8x20xf32>, tensor<?x8x2336xf32>) -> tensor<?x8x20xf32>, tensor<?x8x2336xf32>
  return %y, %new : tensor<?x8x20xf32>, tensor<?x8x2336xf32>
}

// CHECK-LABEL: func.func @project
func.func @project(%x: tensor<?x8x16xf32>, %w: tensor<40x512xf16>, %init: tensor<40x8x16xf32>) -> tensor<40x8x16xf32> {
  // CHECK: mf.project_sequence ins(%{{.*}}, %{{.*}} : tensor<?x8x16xf32>, tensor<40x512xf16>) outs(%{{.*}} : tensor<40x8x16xf32>)
  %y = mf.project_sequence ins(%x, %w : tensor<?x8x16xf32>, tensor<40x512xf16>) outs(%init : tensor<40x8x16xf32>)
      -> tensor<40x8x16xf32>
  return %y : tensor<40x8x16xf32>
}

// CHECK-LABEL: func.func @memrefs
func.func @memrefs(%q: memref<?x1x8xf32>, %s: memref<336xf32>) {
  // CHECK: mf.linear_attention causal {{.*}} scratch(%{{.*}} : memref<336xf32>)
  mf.linear_attention causal features(#mf.elu_features) chunk(16)
      ins(%q, %q, %q : memref<?x1x8xf32>, memref<?x1x8xf32>, memref<?x1x8xf32>) outs(%q : memref<?x1x8xf32>)
      scratch(%s : memref<336xf32>)
  return
}
