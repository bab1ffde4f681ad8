// One case per numbered constraint of the attention ops and of mf.update_state.
// RUN: mf-opt %s --split-input-file --verify-diagnostics

func.func @attention_c1(%q: tensor<?x8x64xf32>, %k: tensor<?x8x32xf32>, %v: tensor<?x8x64xf32>) {
  // expected-error @below {{expects dimension 2 (d) of 'k' to be 64 as in 'q', found 32}}
  %0 = mf.attention scale(0.125) ins(%q, %k, %v : tensor<?x8x64xf32>, tensor<?x8x32xf32>, tensor<?x8x64xf32>)
      outs(%q : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
  return
}

// -----

func.func @attention_c1_destination(%q: tensor<?x8x64xf32>, %v: tensor<?x8x32xf32>) {
  // expected-error @below {{expects dimension 2 (e) of 'outs' to be 32 as in 'v', found 64}}
  %0 = mf.attention scale(0.125) ins(%q, %q, %v : tensor<?x8x64xf32>, tensor<?x8x64xf32>, tensor<?x8x32xf32>)
      outs(%q : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
  return
}

// -----

func.func @attention_c2(%q: tensor<?x8x64xf32>, %k: tensor<?x3x64xf32>) {
  // expected-error @below {{expects the number of key-value heads to divide the 8 query heads, found 3}}
  %0 = mf.attention scale(0.125) ins(%q, %k, %k : tensor<?x8x64xf32>, tensor<?x3x64xf32>, tensor<?x3x64xf32>)
      outs(%q : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
  return
}

// -----

func.func @attention_c3(%q: tensor<?x8x64xf32>) {
  // expected-error @below {{expects 'scale' to be finite, found 0x7FF0000000000000 : f64}}
  %0 = mf.attention scale(0x7FF0000000000000) ins(%q, %q, %q : tensor<?x8x64xf32>, tensor<?x8x64xf32>, tensor<?x8x64xf32>)
      outs(%q : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
  return
}

// -----

func.func @cached_attention_c1(%q: tensor<4x8x64xf32>, %c: tensor<?x8x?x64xf32>, %s: tensor<5xi32>) {
  // expected-error @below {{expects dimension 0 (T) of 'slots' to be 4 as in 'q', found 5}}
  %0 = mf.cached_attention scale(0.125)
      ins(%q, %c, %c, %s, %s : tensor<4x8x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<5xi32>, tensor<5xi32>)
      outs(%q : tensor<4x8x64xf32>) -> tensor<4x8x64xf32>
  return
}

// -----

func.func @cached_attention_c2(%q: tensor<?x8x64xf32>, %c: tensor<?x5x?x64xf32>, %s: tensor<?xi32>) {
  // expected-error @below {{expects the number of key-value heads to divide the 8 query heads, found 5}}
  %0 = mf.cached_attention scale(0.125)
      ins(%q, %c, %c, %s, %s : tensor<?x8x64xf32>, tensor<?x5x?x64xf32>, tensor<?x5x?x64xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%q : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
  return
}

// -----

func.func @cached_attention_c3(%q: tensor<?x8x64xf32>, %c: tensor<?x8x?x64xf32>, %s: tensor<?xi32>) {
  // expected-error @below {{expects 'scale' to be finite, found 0x7FF8000000000000 : f64}}
  %0 = mf.cached_attention scale(0x7FF8000000000000)
      ins(%q, %c, %c, %s, %s : tensor<?x8x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%q : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
  return
}

// -----

func.func @update_state_c1(%x: tensor<?x8x64xf32>, %s: tensor<?xi32>, %state: tensor<?x4x?x64xf32>) {
  // expected-error @below {{expects dimension 1 (H) of 'outs' to be 8 as in 'x', found 4}}
  %0 = mf.update_state ins(%x, %s, %s : tensor<?x8x64xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%state : tensor<?x4x?x64xf32>) -> tensor<?x4x?x64xf32>
  return
}

// -----

func.func @cached_attention_c4(%q: tensor<?x8x64xf32>, %c: tensor<?x8x24x64xf32>, %s: tensor<?xi32>) {
  // expected-error @+1 {{expects the positions of a cache with layout #mf.cache_layout<keys = 16> to be a multiple of 16, found 24}}
  %0 = mf.cached_attention scale(0.125) layout(<keys = 16>)
      ins(%q, %c, %c, %s, %s : tensor<?x8x64xf32>, tensor<?x8x24x64xf32>, tensor<?x8x24x64xf32>, tensor<?xi32>,
          tensor<?xi32>) outs(%q : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
  return
}

// -----

func.func @update_state_c2(%x: tensor<?x8x64xf32>, %s: tensor<?xi32>, %state: tensor<?x8x24x64xf32>) {
  // expected-error @+1 {{expects the positions of a cache with layout #mf.cache_layout<keys = 16> to be a multiple of 16, found 24}}
  %0 = mf.update_state layout(<keys = 16>) ins(%x, %s, %s : tensor<?x8x64xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%state : tensor<?x8x24x64xf32>) -> tensor<?x8x24x64xf32>
  return
}

// -----

func.func @cached_attention_c4_features(%q: tensor<?x8x5xf32>, %c: tensor<?x8x?x5xbf16>, %s: tensor<?xi32>) {
  // expected-error @+1 {{expects the features of a cache with layout #mf.cache_layout<keys = 16, features = 2> to be a multiple of 2, found 5}}
  %0 = mf.cached_attention scale(0.125) layout(<keys = 16, features = 2>)
      ins(%q, %c, %c, %s, %s : tensor<?x8x5xf32>, tensor<?x8x?x5xbf16>, tensor<?x8x?x5xbf16>, tensor<?xi32>,
          tensor<?xi32>) outs(%q : tensor<?x8x5xf32>) -> tensor<?x8x5xf32>
  return
}

// -----

func.func @cached_attention_c5(%q: tensor<?x8x64xf32>, %c: tensor<?x8x?x64xf16>, %s: tensor<?xi32>) {
  // expected-error @+1 {{expects a cache with layout #mf.cache_layout<keys = 2> to be of bf16, found 'f16'}}
  %0 = mf.cached_attention scale(0.125) values_layout(<keys = 2>)
      ins(%q, %c, %c, %s, %s : tensor<?x8x64xf32>, tensor<?x8x?x64xf16>, tensor<?x8x?x64xf16>, tensor<?xi32>,
          tensor<?xi32>) outs(%q : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
  return
}

// -----

func.func @cached_attention_c5_keys(%q: tensor<?x8x64xf32>, %c: tensor<?x8x?x64xbf16>, %s: tensor<?xi32>) {
  // expected-error @+1 {{expects the layout of keys to have 16 keys, found #mf.cache_layout<keys = 2>}}
  %0 = mf.cached_attention scale(0.125) layout(<keys = 2>)
      ins(%q, %c, %c, %s, %s : tensor<?x8x64xf32>, tensor<?x8x?x64xbf16>, tensor<?x8x?x64xbf16>, tensor<?xi32>,
          tensor<?xi32>) outs(%q : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
  return
}

// -----

func.func @cached_attention_c5_values(%q: tensor<?x8x64xf32>, %c: tensor<?x8x?x64xbf16>, %s: tensor<?xi32>) {
  // expected-error @+1 {{expects the layout of values to have 2 keys, found #mf.cache_layout<keys = 16>}}
  %0 = mf.cached_attention scale(0.125) values_layout(<keys = 16>)
      ins(%q, %c, %c, %s, %s : tensor<?x8x64xf32>, tensor<?x8x?x64xbf16>, tensor<?x8x?x64xbf16>, tensor<?xi32>,
          tensor<?xi32>) outs(%q : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
  return
}

// -----

func.func @update_state_c2_type(%x: tensor<?x8x64xf32>, %s: tensor<?xi32>, %state: tensor<?x8x?x64xf32>) {
  // expected-error @+1 {{expects a cache with layout #mf.cache_layout<keys = 16, features = 2> to be of bf16, found 'f32'}}
  %0 = mf.update_state layout(<keys = 16, features = 2>) ins(%x, %s, %s : tensor<?x8x64xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%state : tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32>
  return
}

// -----

// expected-error @+1 {{expects keys to be 16 and features 1 or 2, or keys to be 2 and features 1, found 8 and 1}}
func.func private @layout() attributes {layout = #mf.cache_layout<keys = 8>}
