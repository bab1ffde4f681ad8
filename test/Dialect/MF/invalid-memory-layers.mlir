// One case per numbered constraint of mf.hash and mf.lookup.
// RUN: mf-opt %s --split-input-file --verify-diagnostics

func.func @hash_c1(%x: tensor<4x34xf32>, %c: tensor<4x2xi32>, %s: tensor<4x2xf32>) {
  // expected-error @below {{expects 'bits' to be in [1, 16], found 17}}
  %0:2 = mf.hash magnitude bits(17) ins(%x : tensor<4x34xf32>) outs(%c, %s : tensor<4x2xi32>, tensor<4x2xf32>)
      -> tensor<4x2xi32>, tensor<4x2xf32>
  return
}

// -----

func.func @hash_c1_zero(%x: tensor<4x34xf32>, %c: tensor<4x2xi32>, %s: tensor<4x2xf32>) {
  // expected-error @below {{expects 'bits' to be in [1, 16], found 0}}
  %0:2 = mf.hash magnitude bits(0) ins(%x : tensor<4x34xf32>) outs(%c, %s : tensor<4x2xi32>, tensor<4x2xf32>)
      -> tensor<4x2xi32>, tensor<4x2xf32>
  return
}

// -----

func.func @hash_c2(%x: tensor<?x63xf32>, %c: tensor<?x8xi8>, %s: tensor<?x8xf32>) {
  // expected-error @below {{expects 'x' to have 64 features (8 chunks of 8), found 63}}
  %0:2 = mf.hash magnitude bits(8) ins(%x : tensor<?x63xf32>) outs(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>)
      -> tensor<?x8xi8>, tensor<?x8xf32>
  return
}

// -----

func.func @hash_c3_tables(%x: tensor<?x64xf32>, %c: tensor<?x8xi8>, %s: tensor<?x7xf32>) {
  // expected-error @below {{expects dimension 1 (K) of 'scores' to be 8 as in 'codes', found 7}}
  %0:2 = mf.hash magnitude bits(8) ins(%x : tensor<?x64xf32>) outs(%c, %s : tensor<?x8xi8>, tensor<?x7xf32>)
      -> tensor<?x8xi8>, tensor<?x7xf32>
  return
}

// -----

func.func @hash_c3_tokens(%x: tensor<3x64xf32>, %c: tensor<?x8xi8>, %s: tensor<4x8xf32>) {
  // expected-error @below {{expects dimension 0 (tokens) of 'scores' to be 3 as in 'x', found 4}}
  %0:2 = mf.hash magnitude bits(8) ins(%x : tensor<3x64xf32>) outs(%c, %s : tensor<?x8xi8>, tensor<4x8xf32>)
      -> tensor<?x8xi8>, tensor<4x8xf32>
  return
}

// -----

func.func @hash_c4(%x: tensor<?x90xf32>, %c: tensor<?x10xi8>, %s: tensor<?x10xf32>) {
  // expected-error @below {{expects an element type of 'codes' with at least 9 bits, found 'i8'}}
  %0:2 = mf.hash magnitude bits(9) ins(%x : tensor<?x90xf32>) outs(%c, %s : tensor<?x10xi8>, tensor<?x10xf32>)
      -> tensor<?x10xi8>, tensor<?x10xf32>
  return
}

// -----

func.func @hash_c5(%x: tensor<?x64xf32>, %c: tensor<?x8xi8>, %s: tensor<?x8xf32>) {
  // expected-error @below {{expects 'temperature' to be positive and finite, found 0.000000e+00 : f64}}
  %0:2 = mf.hash probability bits(8) temperature(0.0) ins(%x : tensor<?x64xf32>)
      outs(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) -> tensor<?x8xi8>, tensor<?x8xf32>
  return
}

// -----

func.func @hash_c5_magnitude(%x: tensor<?x64xf32>, %c: tensor<?x8xi8>, %s: tensor<?x8xf32>) {
  // expected-error @below {{expects 'temperature' to be 1 for the score 'magnitude', found 2.000000e+00 : f64}}
  %0:2 = mf.hash magnitude bits(8) temperature(2.0) ins(%x : tensor<?x64xf32>)
      outs(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) -> tensor<?x8xi8>, tensor<?x8xf32>
  return
}

// -----

func.func @mixed(%x: tensor<?x64xf32>, %c: memref<?x8xi8>, %s: memref<?x8xf32>) {
  // expected-error @below {{expects its operands to be all tensors or all memrefs}}
  mf.hash magnitude bits(8) ins(%x : tensor<?x64xf32>) outs(%c, %s : memref<?x8xi8>, memref<?x8xf32>)
  return
}

// -----

func.func @lookup_c1_destinations(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x40xf32>,
                                  %y: tensor<?x40xf32>) {
  // expected-error @below {{expects 2 destinations, one per set of tables, found 1}}
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>)
      tables(%t, %t : tensor<8x256x40xf32>, tensor<8x256x40xf32>) outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  return
}

// -----

func.func @lookup_c1_biases(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x40xf32>, %b: tensor<40xf32>,
                            %y: tensor<?x40xf32>) {
  // expected-error @below {{expects no biases or 2, one per set of tables, found 1}}
  %0:2 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>)
      tables(%t, %t : tensor<8x256x40xf32>, tensor<8x256x40xf32>) biases(%b : tensor<40xf32>)
      outs(%y, %y : tensor<?x40xf32>, tensor<?x40xf32>) -> tensor<?x40xf32>, tensor<?x40xf32>
  return
}

// -----

func.func @lookup_c2(%c: tensor<?x8xi8>, %s: tensor<?x9xf32>, %t: tensor<8x256x40xf32>, %y: tensor<?x40xf32>) {
  // expected-error @below {{expects dimension 1 (K) of 'scores' to be 8 as in 'codes', found 9}}
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x9xf32>) tables(%t : tensor<8x256x40xf32>)
      outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  return
}

// -----

func.func @lookup_c3(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<7x256x40xf32>, %y: tensor<?x40xf32>) {
  // expected-error @below {{expects 'tables' 0 to have shape 8x256x40 (8 tables of 256 rows and 40 columns), found 7x256x40}}
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<7x256x40xf32>)
      outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  return
}

// -----

func.func @lookup_c3_rows(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x255x40xf32>, %y: tensor<?x40xf32>) {
  // expected-error @below {{expects 'tables' 0 to have a power of two in [2, 65536] rows, found 'tensor<8x255x40xf32>'}}
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x255x40xf32>)
      outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  return
}

// -----

func.func @lookup_c3_sets(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x40xf32>, %u: tensor<8x128x40xf32>,
                          %y: tensor<?x40xf32>) {
  // expected-error @below {{expects 'tables' 1 to have shape 8x256x40 (8 tables of 256 rows and 40 columns), found 8x128x40}}
  %0:2 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>)
      tables(%t, %u : tensor<8x256x40xf32>, tensor<8x128x40xf32>)
      outs(%y, %y : tensor<?x40xf32>, tensor<?x40xf32>) -> tensor<?x40xf32>, tensor<?x40xf32>
  return
}

// -----

func.func @lookup_c3_layout(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<2x8x256x16xf32>, %y: tensor<?x40xf32>) {
  // expected-error @below {{expects 'tables' 0 to have shape 3x8x256x16 (8 tables of 256 rows and 40 columns), found 2x8x256x16}}
  %0 = mf.lookup layout(<strip_columns = 16>) ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>)
      tables(%t : tensor<2x8x256x16xf32>) outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  return
}

// -----

func.func @lookup_c4(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x512x40xf32>, %y: tensor<?x40xf32>) {
  // expected-error @below {{expects an element type of 'codes' with at least 9 bits for 512 rows, found 'i8'}}
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x512x40xf32>)
      outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  return
}

// -----

func.func @lookup_c5(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x40xf32>, %b: tensor<41xf32>,
                     %y: tensor<?x40xf32>) {
  // expected-error @below {{expects dimension 0 (N_0) of 'biases 0' to be 40 as in 'outs 0', found 41}}
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x40xf32>)
      biases(%b : tensor<41xf32>) outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  return
}

// -----

func.func @lookup_c6_scales(%c: tensor<?x8xi8>, %s: tensor<?x8xi8>, %ss: tensor<?xf32>, %t: tensor<8x16x64xi8>, %e: tensor<?x64xf32>) {
  // expected-error @+1 {{expects 'score_scales' and 'table_scales' together}}
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xi8>) score_scales(%ss : tensor<?xf32>)
      tables(%t : tensor<8x16x64xi8>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @lookup_c6_scores(%c: tensor<?x8xi8>, %s: tensor<?x8xi8>, %t: tensor<8x16x64xf32>, %e: tensor<?x64xf32>) {
  // expected-error @+1 {{expects scores of f32 without scales, found 'tensor<?x8xi8>'}}
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xi8>) tables(%t : tensor<8x16x64xf32>)
      outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @lookup_c6_tables(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x16x64xi8>, %e: tensor<?x64xf32>) {
  // expected-error @+1 {{expects 'tables' 0 to be of floats without scales, found 'tensor<8x16x64xi8>'}}
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x16x64xi8>)
      outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @quantize_rows_c1(%x: tensor<?x8xf32>, %q: tensor<?x7xi8>, %s: tensor<?xf32>) {
  // expected-error @+1 {{expects dimension 1 (d) of 'q' to be 8 as in 'x', found 7}}
  %0:2 = mf.quantize_rows ins(%x : tensor<?x8xf32>) outs(%q, %s : tensor<?x7xi8>, tensor<?xf32>) -> tensor<?x7xi8>, tensor<?xf32>
  return
}

// -----

func.func @lookup_c4_shared(%c: tensor<?x2xi8>, %s: tensor<?x2xf32>, %t: tensor<1x300x16xf32>, %e: tensor<?x16xf32>) {
  // expected-error @below {{expects an element type of 'codes' with at least 9 bits for 300 rows, found 'i8'}}
  %0 = mf.lookup ins(%c, %s : tensor<?x2xi8>, tensor<?x2xf32>) tables(%t : tensor<1x300x16xf32>)
      outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  return
}

// -----

func.func @lookup_c3_shared_sets(%c: tensor<?x2xi8>, %s: tensor<?x2xf32>, %t: tensor<1x30x16xf32>, %u: tensor<1x31x16xf32>, %e: tensor<?x16xf32>) {
  // expected-error @below {{expects 'tables' 1 to have shape 1x30x16 (1 tables of 30 rows and 16 columns), found 1x31x16}}
  %0:2 = mf.lookup ins(%c, %s : tensor<?x2xi8>, tensor<?x2xf32>) tables(%t, %u : tensor<1x30x16xf32>, tensor<1x31x16xf32>)
      outs(%e, %e : tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>, tensor<?x16xf32>
  return
}

// -----

func.func @map_codes_c1(%c: tensor<?x3xi8>, %m: tensor<2x256xi16>, %r: tensor<?x3xi16>) {
  // expected-error @below {{expects dimension 0 (K) of 'map' to be 3 as in 'codes', found 2}}
  %0 = mf.map_codes ins(%c, %m : tensor<?x3xi8>, tensor<2x256xi16>) outs(%r : tensor<?x3xi16>) -> tensor<?x3xi16>
  return
}

// -----

func.func @map_codes_c1_rows(%c: tensor<?x2xi8>, %m: tensor<2x255xi16>, %r: tensor<?x2xi16>) {
  // expected-error @below {{expects 'map' to have a power of two in [2, 65536] rows of each table, found 'tensor<2x255xi16>'}}
  %0 = mf.map_codes ins(%c, %m : tensor<?x2xi8>, tensor<2x255xi16>) outs(%r : tensor<?x2xi16>) -> tensor<?x2xi16>
  return
}

// -----

func.func @map_codes_c2(%c: tensor<?x2xi8>, %m: tensor<2x256xi16>, %r: tensor<?x2xi32>) {
  // expected-error @below {{expects 'map' and its destination to have one element type, found 'i16' and 'i32'}}
  %0 = mf.map_codes ins(%c, %m : tensor<?x2xi8>, tensor<2x256xi16>) outs(%r : tensor<?x2xi32>) -> tensor<?x2xi32>
  return
}

// -----

func.func @map_codes_c2_bits(%c: tensor<?x2xi8>, %m: tensor<2x512xi16>, %r: tensor<?x2xi16>) {
  // expected-error @below {{expects an element type of 'codes' with at least 9 bits for 512 rows, found 'i8'}}
  %0 = mf.map_codes ins(%c, %m : tensor<?x2xi8>, tensor<2x512xi16>) outs(%r : tensor<?x2xi16>) -> tensor<?x2xi16>
  return
}
