// One case per numbered constraint of linear attention and of mf.project_sequence, and of the feature maps.
// RUN: mf-opt %s --split-input-file --verify-diagnostics

func.func @linear_attention_c1(%q: tensor<7x2x8xf32>, %k: tensor<9x2x8xf32>) {
  // expected-error @below {{expects dimension 0 (T) of 'k' to be 7 as in 'q', found 9}}
  %0 = mf.linear_attention causal features(#mf.elu_features) chunk(32)
      ins(%q, %k, %k : tensor<7x2x8xf32>, tensor<9x2x8xf32>, tensor<9x2x8xf32>) outs(%q : tensor<7x2x8xf32>)
      -> tensor<7x2x8xf32>
  return
}

// -----

func.func @linear_attention_c2_none(%q: tensor<7x2x8xf32>) {
  // expected-error @below {{expects a projection for #mf.favor_features<kind = relu>}}
  %0 = mf.linear_attention causal features(#mf.favor_features<kind = relu>) chunk(32)
      ins(%q, %q, %q : tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<7x2x8xf32>) outs(%q : tensor<7x2x8xf32>)
      -> tensor<7x2x8xf32>
  return
}

// -----

func.func @linear_attention_c2_one(%q: tensor<7x2x8xf32>, %w: tensor<16x8xf32>) {
  // expected-error @below {{expects no projection for #mf.elu_features}}
  %0 = mf.linear_attention causal features(#mf.elu_features) chunk(32)
      ins(%q, %q, %q : tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<7x2x8xf32>) projection(%w : tensor<16x8xf32>)
      outs(%q : tensor<7x2x8xf32>) -> tensor<7x2x8xf32>
  return
}

// -----

func.func @linear_attention_c2_shape(%q: tensor<7x2x8xf32>, %w: tensor<16x9xf32>) {
  // expected-error @below {{expects a projection of heads of 8 features, found 9}}
  %0 = mf.linear_attention causal features(#mf.favor_features<kind = softmax>) chunk(32)
      ins(%q, %q, %q : tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<7x2x8xf32>) projection(%w : tensor<16x9xf32>)
      outs(%q : tensor<7x2x8xf32>) -> tensor<7x2x8xf32>
  return
}

// -----

func.func @linear_attention_c2_layout(%q: tensor<7x2x8xf32>, %w: tensor<2x8x16xf32>) {
  // expected-error @below {{expects a projection in panels of 8 columns without interleaved features}}
  %0 = mf.linear_attention causal features(#mf.favor_features<kind = softmax>) chunk(32) layout(<columns = 8>)
      ins(%q, %q, %q : tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<7x2x8xf32>) projection(%w : tensor<2x8x16xf32>)
      outs(%q : tensor<7x2x8xf32>) -> tensor<7x2x8xf32>
  return
}

// -----

func.func @linear_attention_c3(%q: tensor<7x2x8xf32>) {
  // expected-error @below {{expects 'chunk' to be in [1, 1024], found 0}}
  %0 = mf.linear_attention causal features(#mf.elu_features) chunk(0)
      ins(%q, %q, %q : tensor<7x2x8xf32>, tensor<7x2x8xf32>, tensor<7x2x8xf32>) outs(%q : tensor<7x2x8xf32>)
      -> tensor<7x2x8xf32>
  return
}

// -----

func.func @linear_attention_c4(%q: memref<?x1x8xf32>, %s: memref<8xf32>) {
  // expected-error @below {{expects scratch on memrefs only, of 336 elements, or of as many for each head, found 'memref<8xf32>'}}
  mf.linear_attention causal features(#mf.elu_features) chunk(16)
      ins(%q, %q, %q : memref<?x1x8xf32>, memref<?x1x8xf32>, memref<?x1x8xf32>) outs(%q : memref<?x1x8xf32>)
      scratch(%s : memref<8xf32>)
  return
}

// -----

func.func @recurrent_attention_c1(%q: tensor<?x2x8xf32>, %i: tensor<?xi32>, %s: tensor<?x3x336xf32>) {
  // expected-error @below {{expects dimension 1 (H) of 'state' to be 2 as in 'q', found 3}}
  %0:2 = mf.recurrent_attention features(#mf.elu_features) chunk(16)
      ins(%q, %q, %q, %i, %i : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%q, %s : tensor<?x2x8xf32>, tensor<?x3x336xf32>) -> tensor<?x2x8xf32>, tensor<?x3x336xf32>
  return
}

// -----

func.func @recurrent_attention_c4(%q: tensor<?x2x8xf32>, %i: tensor<?xi32>, %s: tensor<?x2x72xf32>) {
  // expected-error @below {{expects a state of 336 elements per head, found 72}}
  %0:2 = mf.recurrent_attention features(#mf.elu_features) chunk(16)
      ins(%q, %q, %q, %i, %i : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%q, %s : tensor<?x2x8xf32>, tensor<?x2x72xf32>) -> tensor<?x2x8xf32>, tensor<?x2x72xf32>
  return
}

// -----

func.func @project_sequence_c1(%x: tensor<?x2x8xf32>, %w: tensor<4x32xf32>, %y: tensor<5x2x8xf32>) {
  // expected-error @below {{expects dimension 0 (R) of 'outs' to be 4 as in 'w', found 5}}
  %0 = mf.project_sequence ins(%x, %w : tensor<?x2x8xf32>, tensor<4x32xf32>) outs(%y : tensor<5x2x8xf32>)
      -> tensor<5x2x8xf32>
  return
}

// -----

func.func @project_sequence_c2(%x: tensor<33x2x8xf32>, %w: tensor<4x32xf32>, %y: tensor<4x2x8xf32>) {
  // expected-error @below {{expects at most 32 tokens, the columns of 'w', found 33}}
  %0 = mf.project_sequence ins(%x, %w : tensor<33x2x8xf32>, tensor<4x32xf32>) outs(%y : tensor<4x2x8xf32>)
      -> tensor<4x2x8xf32>
  return
}

// -----

// expected-error @below {{expects max_positions to be in [1, 536870911], found 0}}
func.func private @cosformer() attributes {features = #mf.cosformer_features<max_positions = 0>}
