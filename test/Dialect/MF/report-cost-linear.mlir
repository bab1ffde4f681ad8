// RUN: mf-opt %s --mf-report-cost --split-input-file -o /dev/null | FileCheck %s
// RUN: mf-opt %s --mf-report-cost=count-masked-pairs --split-input-file -o /dev/null | FileCheck %s --check-prefix=MASKED

// Two heads of 8 features and values of 6. A head's token: 48 for its key and value, 48 + 8 for its query; inside of chunks
// of 4, 2.5 pairs of 8 + 6 on average, 4 with those that are masked. 8 exponentials for a query and for a key.
// CHECK-LABEL: @causal
// CHECK-NEXT: multiply-adds 278 arg0_0
// CHECK-NEXT: exponentials 32 arg0_0
// MASKED-LABEL: @causal
// MASKED-NEXT: multiply-adds 320 arg0_0
func.func @causal(%x: tensor<?x2x8xf32>, %v: tensor<?x2x6xf32>, %init: tensor<?x2x6xf32>) -> tensor<?x2x6xf32> {
  %y = mf.linear_attention causal features(#mf.elu_features) chunk(4)
      ins(%x, %x, %v : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x6xf32>) outs(%init : tensor<?x2x6xf32>)
      -> tensor<?x2x6xf32>
  return %y : tensor<?x2x6xf32>
}

// -----

// Two features an element: 8 x 4 for a key, 8 x 4 + 8 for a query. No exponentials.
// CHECK-LABEL: @whole
// CHECK-NEXT: multiply-adds 40 arg0_0 + 32 arg1_0
// CHECK-NOT: exponentials
func.func @whole(%q: tensor<?x1x4xf32>, %k: tensor<?x1x4xf32>) -> tensor<?x1x4xf32> {
  %y = mf.linear_attention features(#mf.cosformer_features<max_positions = 64>) chunk(4)
      ins(%q, %k, %k : tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>) outs(%q : tensor<?x1x4xf32>)
      -> tensor<?x1x4xf32>
  return %y : tensor<?x1x4xf32>
}

// -----

// 16 random features of 8: 2 x 128 for projections, 2 x 128 + 16 for sums, 2.5 x 24 in chunks, in each of two heads.
// CHECK-LABEL: @recurrent
// CHECK-NEXT: multiply-adds 1176 arg0_0
// CHECK-NEXT: exponentials 64 arg0_0
// CHECK-NEXT: weight bytes 512
// CHECK-NEXT: state bytes read 2048
// CHECK-NEXT: state bytes written 2048
mf.parameter @w : tensor<16x8xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
func.func @recurrent(%x: tensor<?x2x8xf32>, %slots: tensor<?xi32>, %positions: tensor<?xi32>, %state: tensor<?x2x256xf32>)
    -> (tensor<?x2x8xf32>, tensor<?x2x256xf32>) {
  %w = mf.get_parameter @w : tensor<16x8xf32>
  %y, %new = mf.recurrent_attention features(#mf.favor_features<kind = softmax>) chunk(4)
      ins(%x, %x, %x, %slots, %positions : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?xi32>,
          tensor<?xi32>) projection(%w : tensor<16x8xf32>)
      outs(%x, %state : tensor<?x2x8xf32>, tensor<?x2x256xf32>) -> tensor<?x2x8xf32>, tensor<?x2x256xf32>
  return %y, %new : tensor<?x2x8xf32>, tensor<?x2x256xf32>
}

// -----

// CHECK-LABEL: @project
// CHECK-NEXT: multiply-adds 256 arg0_0
// CHECK-NEXT: weight bytes 64 arg0_0
mf.parameter @w : tensor<16x64xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
func.func @project(%x: tensor<?x2x8xf32>, %init: tensor<16x2x8xf32>) -> tensor<16x2x8xf32> {
  %w = mf.get_parameter @w : tensor<16x64xf32>
  %y = mf.project_sequence ins(%x, %w : tensor<?x2x8xf32>, tensor<16x64xf32>) outs(%init : tensor<16x2x8xf32>)
      -> tensor<16x2x8xf32>
  return %y : tensor<16x2x8xf32>
}

// -----

// CHECK-LABEL: @elementwise
// CHECK-NEXT: exponentials 8 arg0_0
// CHECK-NEXT: weight bytes 48
mf.parameter @a : tensor<8xf16> from #mf.random<seed = 1, scale = 1.0 : f32>
mf.parameter @b : tensor<8xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
func.func @elementwise(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %a = mf.get_parameter @a : tensor<8xf16>
  %b = mf.get_parameter @b : tensor<8xf32>
  %y = mf.activation silu ins(%x : tensor<?x8xf32>) bias(%a : tensor<8xf16>) outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
  %z = mf.add ins(%y, %b : tensor<?x8xf32>, tensor<8xf32>) outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// -----

// The other forms of the first one: chunks of a token, 2 x (48 + 48 + 8) + 2 x 14, and half of the pairs, 14 each in two heads.
// CHECK-LABEL: @recurrent_form
// CHECK-NEXT: multiply-adds 236 arg0_0
// CHECK-LABEL: @quadratic_form
// CHECK-NEXT: multiply-adds 14 arg0_0^2 + 14 arg0_0
func.func @recurrent_form(%x: tensor<?x2x8xf32>, %v: tensor<?x2x6xf32>, %init: tensor<?x2x6xf32>) -> tensor<?x2x6xf32> {
  %y = mf.linear_attention causal features(#mf.elu_features) chunk(4) form recurrent
      ins(%x, %x, %v : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x6xf32>) outs(%init : tensor<?x2x6xf32>)
      -> tensor<?x2x6xf32>
  return %y : tensor<?x2x6xf32>
}
func.func @quadratic_form(%x: tensor<?x2x8xf32>, %v: tensor<?x2x6xf32>, %init: tensor<?x2x6xf32>) -> tensor<?x2x6xf32> {
  %y = mf.linear_attention causal features(#mf.elu_features) chunk(4) form quadratic
      ins(%x, %x, %v : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x6xf32>) outs(%init : tensor<?x2x6xf32>)
      -> tensor<?x2x6xf32>
  return %y : tensor<?x2x6xf32>
}
