// One case per numbered constraint of the row-wise ops and of mf.linear.
// RUN: mf-opt %s --split-input-file --verify-diagnostics

func.func @rms_norm_c1(%x: tensor<?x40xf32>, %scale: tensor<41xf32>) {
  // expected-error @below {{expects dimension 0 (d) of 'scale' to be 40 as in 'x', found 41}}
  %0 = mf.rms_norm ins(%x, %scale : tensor<?x40xf32>, tensor<41xf32>) outs(%x : tensor<?x40xf32>) -> tensor<?x40xf32>
  return
}

// -----

func.func @rms_norm_c2(%x: tensor<?x40xf32>, %scale: tensor<40xf32>) {
  // expected-error @below {{expects 'eps' to be finite and not negative, found -1.000000e+00 : f64}}
  %0 = mf.rms_norm ins(%x, %scale : tensor<?x40xf32>, tensor<40xf32>) outs(%x : tensor<?x40xf32>) {eps = -1.0 : f64}
      -> tensor<?x40xf32>
  return
}

// -----

func.func @layer_norm_c1(%x: tensor<?x40xf32>, %w: tensor<40xf32>, %b: tensor<1xf32>) {
  // expected-error @below {{expects dimension 0 (d) of 'bias' to be 40 as in 'x', found 1}}
  %0 = mf.layer_norm ins(%x, %w, %b : tensor<?x40xf32>, tensor<40xf32>, tensor<1xf32>) outs(%x : tensor<?x40xf32>)
      -> tensor<?x40xf32>
  return
}

// -----

func.func @layer_norm_c2(%x: tensor<?x40xf32>, %w: tensor<40xf32>) {
  // expected-error @below {{expects 'eps' to be finite and positive, found 0.000000e+00 : f64}}
  %0 = mf.layer_norm ins(%x, %w, %w : tensor<?x40xf32>, tensor<40xf32>, tensor<40xf32>) outs(%x : tensor<?x40xf32>)
      {eps = 0.0 : f64} -> tensor<?x40xf32>
  return
}

// -----

func.func @add_c1(%a: tensor<4x40xf32>, %b: tensor<5x40xf32>, %y: tensor<?x40xf32>) {
  // expected-error @below {{expects dimension 0 (tokens) of 'b' to be 4 as in 'a', found 5}}
  %0 = mf.add ins(%a, %b : tensor<4x40xf32>, tensor<5x40xf32>) outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  return
}

// -----

func.func @add_c1_bias(%a: tensor<4x40xf32>, %b: tensor<41xf32>) {
  // expected-error @below {{expects dimension 0 (d) of 'b' to be 40 as in 'a', found 41}}
  %0 = mf.add ins(%a, %b : tensor<4x40xf32>, tensor<41xf32>) outs(%a : tensor<4x40xf32>) -> tensor<4x40xf32>
  return
}

// -----

func.func @activation_c1_bias(%x: tensor<4x40xf32>, %b: tensor<4xf32>) {
  // expected-error @below {{expects dimension 0 (d) of 'bias' to be 40 as in 'x', found 4}}
  %0 = mf.activation gelu ins(%x : tensor<4x40xf32>) bias(%b : tensor<4xf32>) outs(%x : tensor<4x40xf32>)
      -> tensor<4x40xf32>
  return
}

// -----

func.func @activation_c1_factor(%x: tensor<4x40xf32>, %f: tensor<5x40xf32>) {
  // expected-error @below {{expects dimension 0 (tokens) of 'factor' to be 4 as in 'x', found 5}}
  %0 = mf.activation silu ins(%x : tensor<4x40xf32>) factor(%f : tensor<5x40xf32>) outs(%x : tensor<4x40xf32>)
      -> tensor<4x40xf32>
  return
}

// -----

func.func @activation_c1_outs(%x: tensor<4x40xf32>, %y: tensor<4x41xf32>) {
  // expected-error @below {{expects dimension 1 (d) of 'outs' to be 40 as in 'x', found 41}}
  %0 = mf.activation silu ins(%x : tensor<4x40xf32>) outs(%y : tensor<4x41xf32>) -> tensor<4x41xf32>
  return
}

// -----

func.func @rope_c1(%x: tensor<4x8x64xf32>, %p: tensor<5xi32>, %angles: tensor<2048x8x2xf32>) {
  // expected-error @below {{expects dimension 0 (tokens) of 'positions' to be 4 as in 'x', found 5}}
  %0 = mf.rope ins(%x, %p, %angles : tensor<4x8x64xf32>, tensor<5xi32>, tensor<2048x8x2xf32>)
      outs(%x : tensor<4x8x64xf32>) -> tensor<4x8x64xf32>
  return
}

// -----

func.func @rope_c2(%x: tensor<?x8x64xf32>, %p: tensor<?xi32>, %angles: tensor<2048x33x2xf32>) {
  // expected-error @below {{expects 'angles' to rotate at most the 64 features of a head, found 66}}
  %0 = mf.rope ins(%x, %p, %angles : tensor<?x8x64xf32>, tensor<?xi32>, tensor<2048x33x2xf32>)
      outs(%x : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
  return
}

// -----

func.func @rope_c2_pairs(%x: tensor<?x8x64xf32>, %p: tensor<?xi32>, %angles: tensor<2048x8x3xf32>) {
  // expected-error @below {{expects 'angles' to be [max_positions, r / 2, 2] with a static r, found 'tensor<2048x8x3xf32>'}}
  %0 = mf.rope ins(%x, %p, %angles : tensor<?x8x64xf32>, tensor<?xi32>, tensor<2048x8x3xf32>)
      outs(%x : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
  return
}

// -----

func.func @embedding_c1(%ids: tensor<?xi32>, %table: tensor<512x64xf16>, %y: tensor<?x63xf32>) {
  // expected-error @below {{expects dimension 1 (d) of 'outs' to be 64 as in 'table', found 63}}
  %0 = mf.embedding ins(%ids, %table : tensor<?xi32>, tensor<512x64xf16>) outs(%y : tensor<?x63xf32>)
      -> tensor<?x63xf32>
  return
}

// -----

func.func @linear_c1(%x: tensor<4x64xf32>, %w: tensor<60x64xf32>, %y: tensor<5x60xf32>) {
  // expected-error @below {{expects dimension 0 (tokens) of 'outs' to be 4 as in 'x', found 5}}
  %0 = mf.linear ins(%x, %w : tensor<4x64xf32>, tensor<60x64xf32>) outs(%y : tensor<5x60xf32>) -> tensor<5x60xf32>
  return
}

// -----

func.func @linear_c2(%x: tensor<?x64xf32>, %w: tensor<60x63xf32>, %y: tensor<?x60xf32>) {
  // expected-error @below {{expects dimension 1 (D) of 'weight' to be 64 as in 'x', found 63}}
  %0 = mf.linear ins(%x, %w : tensor<?x64xf32>, tensor<60x63xf32>) outs(%y : tensor<?x60xf32>) -> tensor<?x60xf32>
  return
}

// -----

func.func @linear_c2_rank(%x: tensor<?x64xf32>, %w: tensor<60x64xf32>, %y: tensor<?x60xf32>) {
  // expected-error @below {{expects 'weight' to be stored with #mf.panel_layout<columns = 16> in 3 dimensions, found 'tensor<60x64xf32>'}}
  %0 = mf.linear layout(<columns = 16>) ins(%x, %w : tensor<?x64xf32>, tensor<60x64xf32>) outs(%y : tensor<?x60xf32>)
      -> tensor<?x60xf32>
  return
}

// -----

func.func @linear_c2_columns(%x: tensor<?x64xf32>, %w: tensor<4x64x8xf32>, %y: tensor<?x60xf32>) {
  // expected-error @below {{expects 'weight' to have shape 4x64x16 as #mf.panel_layout<columns = 16> stores 60 columns of 64 features, found 'tensor<4x64x8xf32>'}}
  %0 = mf.linear layout(<columns = 16>) ins(%x, %w : tensor<?x64xf32>, tensor<4x64x8xf32>) outs(%y : tensor<?x60xf32>)
      -> tensor<?x60xf32>
  return
}

// -----

func.func @linear_c2_panels(%x: tensor<?x64xf32>, %w: tensor<3x64x16xf32>, %y: tensor<?x60xf32>) {
  // expected-error @below {{expects 'weight' to have shape 4x64x16 as #mf.panel_layout<columns = 16> stores 60 columns of 64 features, found 'tensor<3x64x16xf32>'}}
  %0 = mf.linear layout(<columns = 16>) ins(%x, %w : tensor<?x64xf32>, tensor<3x64x16xf32>) outs(%y : tensor<?x60xf32>)
      -> tensor<?x60xf32>
  return
}

// -----

func.func @linear_c3_scales(%x: tensor<?x64xi8>, %w: tensor<24x64xi8>, %e: tensor<?x24xf32>) {
  // expected-error @+1 {{expects x and weight of floats without scales, found 'tensor<?x64xi8>'}}
  %0 = mf.linear ins(%x, %w : tensor<?x64xi8>, tensor<24x64xi8>) outs(%e : tensor<?x24xf32>) -> tensor<?x24xf32>
  return
}

// -----

func.func @linear_c3_groups(%x: tensor<?x64xi8>, %w: tensor<24x64xi8>, %xs: tensor<?xf32>, %ws: tensor<24x3xf32>, %e: tensor<?x24xf32>) {
  // expected-error @+1 {{expects a static number of groups of equal size, of at most 65536 features, found 'tensor<24x3xf32>' for 'tensor<?x64xi8>'}}
  %0 = mf.linear ins(%x, %w : tensor<?x64xi8>, tensor<24x64xi8>) scales(%xs, %ws : tensor<?xf32>, tensor<24x3xf32>)
      outs(%e : tensor<?x24xf32>) -> tensor<?x24xf32>
  return
}

// -----

func.func @linear_c4(%x: tensor<?x64xf32>, %w: tensor<64x32xf32>, %f: tensor<2x32xi16>, %e: tensor<?x64xf32>) {
  // expected-error @below {{expects 'pruning' and 'features' together}}
  %0 = mf.linear ins(%x, %w : tensor<?x64xf32>, tensor<64x32xf32>) pruning(<kept = 2, of = 4, columns = 32>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c4_weight(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>, %f: tensor<2x32xi16>, %e: tensor<?x64xf32>) {
  // expected-error @below {{expects dimension 1 (D') of 'features' to be 64 as in 'weight', found 32}}
  %0 = mf.linear ins(%x, %w : tensor<?x64xf32>, tensor<64x64xf32>) pruning(<kept = 2, of = 4, columns = 32>) features(%f : tensor<2x32xi16>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c4_features(%x: tensor<?x64xf32>, %w: tensor<64x32xf32>, %f: tensor<3x32xi16>, %e: tensor<?x64xf32>) {
  // expected-error @below {{expects 'features' to have 32 features for each 32 of 64 columns, found 'tensor<3x32xi16>'}}
  %0 = mf.linear ins(%x, %w : tensor<?x64xf32>, tensor<64x32xf32>) pruning(<kept = 2, of = 4, columns = 32>) features(%f : tensor<3x32xi16>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c4_groups(%x: tensor<?x62xf32>, %w: tensor<64x31xf32>, %f: tensor<2x31xi16>, %e: tensor<?x64xf32>) {
  // expected-error @below {{expects pruned weights to be floats of a multiple of 4 features, at most 32768, found x of 'tensor<?x62xf32>'}}
  %0 = mf.linear ins(%x, %w : tensor<?x62xf32>, tensor<64x31xf32>) pruning(<kept = 2, of = 4, columns = 32>) features(%f : tensor<2x31xi16>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c4_panels(%x: tensor<?x64xf32>, %w: tensor<4x32x16xf32>, %f: tensor<2x32xi16>, %e: tensor<?x64xf32>) {
  // expected-error @below {{expects panels of the 32 columns that keep the same features, found #mf.panel_layout<columns = 16>}}
  %0 = mf.linear layout(<columns = 16>) ins(%x, %w : tensor<?x64xf32>, tensor<4x32x16xf32>) pruning(<kept = 2, of = 4, columns = 32>) features(%f : tensor<2x32xi16>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @embedding_c1_layout(%ids: tensor<?xi32>, %table: tensor<16x64x16xf16>, %y: tensor<?x64xf32>) {
  // expected-error @below {{expects 'table' in panels of 32 columns without interleaved features, found 'tensor<16x64x16xf16>' with #mf.panel_layout<columns = 32>}}
  %0 = mf.embedding layout(<columns = 32>) ins(%ids, %table : tensor<?xi32>, tensor<16x64x16xf16>) outs(%y : tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}
