// One case per numbered constraint of the parameter ops and of the ops of lowered entry points.
// RUN: mf-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{attribute 'type' failed to satisfy constraint}}
mf.parameter @parameter_c1 : tensor<?x4xf32> from #mf.fill<0.0 : f32>

// -----

// expected-error @below {{attribute 'type' failed to satisfy constraint}}
mf.parameter @parameter_c1_element : tensor<4xi64> from #mf.fill<0.0 : f32>

// -----

// expected-error @below {{expects i16 and i32 to be numbers of rows or of features, and nothing else, found 'i16' from #mf.fill<0.000000e+00 : f32>}}
mf.parameter @parameter_c2_indices : tensor<4xi16> from #mf.fill<0.0 : f32>

// -----

// expected-error @below {{expects kept rows and the row of zeros to have a type [1, 3, columns], found 'tensor<1x2x16xf32>'}}
mf.parameter @parameter_c6 : tensor<1x2x16xf32> from #mf.kept_rows<source = #mf.fill<0.0 : f32>, kept = dense<[[true, false], [false, true]]> : tensor<2x2xi1>>

// -----

// expected-error @below {{expects a map of rows to have the shape of its mask, 'tensor<2x2xi1>', found 'tensor<4xi16>'}}
mf.parameter @parameter_c6_map : tensor<4xi16> from #mf.row_map<kept = dense<[[true, false], [false, true]]> : tensor<2x2xi1>>

// -----

// expected-error @below {{expects i32 for a map of 65536 rows, found 'tensor<1x65536xi16>'}}
mf.parameter @parameter_c6_rows : tensor<1x65536xi16> from #mf.row_map<kept = dense<true> : tensor<1x65536xi1>>

// -----

// expected-error @below {{expects integers to be quantised, and nothing else, found 'i8' from #mf.fill<0.000000e+00 : f32>}}
mf.parameter @parameter_c2_integers : tensor<4xi8> from #mf.fill<0.0 : f32>

// -----

// expected-error @below {{expects a source of elements that convert to 'f16' without loss, found 'f32'}}
mf.parameter @parameter_c2 : tensor<4xf16> from #mf.tensor_file<path = "a", offset = 0, element_type = f32>

// -----

// expected-error @below {{expects a source of elements that convert to 'bf16' without loss, found 'f16'}}
mf.parameter @parameter_c2_halves : tensor<4xbf16> from #mf.tensor_file<path = "a", offset = 0, element_type = f16>

// -----

// expected-error @below {{expects a layout for its shape: a panel layout applies to weights [N, D], found rank 1}}
mf.parameter @parameter_c3 : tensor<4xf32> from #mf.fill<0.0 : f32> layout #mf.panel_layout<columns = 16>

// -----

// expected-error @below {{expects rotary angles to have a type [positions, r / 2, 2] of f32, found 'tensor<64x8x3xf32>'}}
mf.parameter @parameter_c4 : tensor<64x8x3xf32> from #mf.rotary_angles<base = 1.0e4 : f64>

// -----

// expected-note @below {{the parameter's type and layout}}
mf.parameter @w : tensor<60x64xf32> from #mf.fill<0.0 : f32> layout #mf.panel_layout<columns = 16>

func.func @get_parameter_c1() {
  // expected-error @below {{expects the result type 'tensor<4x64x16xf32>', found 'tensor<60x64xf32>'}}
  %0 = mf.get_parameter @w : tensor<60x64xf32>
  return
}

// -----

func.func @get_parameter_c1_symbol() {
  // expected-error @below {{expects @get_parameter_c1_symbol to be an 'mf.parameter'}}
  %0 = mf.get_parameter @get_parameter_c1_symbol : tensor<4xf32>
  return
}

// -----

func.func @frame_operand_sizes(%frame: !mf.frame) {
  // expected-error @below {{expects 1 sizes for the dynamic dimensions of 'memref<?x4xf32>', found 0}}
  %0 = mf.frame_operand %frame[0] : memref<?x4xf32>
  return
}

// -----

func.func @frame_operand_strides(%frame: !mf.frame) {
  // expected-error @below {{expects a ranked memref without strides, found}}
  %0 = mf.frame_operand %frame[0] : memref<4x4xf32, strided<[8, 1]>>
  return
}

// -----

// expected-note @below {{the kernel}}
func.func private @kernel(index, index, memref<4xf32>)

func.func @parallel_for_c1(%frame: !mf.frame, %n: index, %x: memref<4xf32>) {
  // expected-error @below {{expects a kernel of type '(index, index, index, memref<4xf32>) -> ()', found '(index, index, memref<4xf32>) -> ()'}}
  mf.parallel_for @kernel on %frame count(%n) (%x : memref<4xf32>)
  return
}

// -----

func.func @parallel_for_c1_symbol(%frame: !mf.frame, %n: index) {
  // expected-error @below {{expects @missing to be a function}}
  mf.parallel_for @missing on %frame count(%n) ()
  return
}

// -----

// expected-error @+1 {{expects a layout of pairs for i4, and of whole elements for others}}
mf.parameter @parameter_c3_pairs : tensor<8x16x64xi8> from #mf.quantized<source = #mf.fill<0.0 : f32>, element_type = f32, axis = columns>
    layout #mf.table_layout<strip_columns = 64, columns_per_byte = 2>

// -----

// expected-error @+1 {{expects groups that divide the last dimension, found groups of 7}}
mf.parameter @parameter_c5 : tensor<24x64xi8> from #mf.quantized<source = #mf.fill<0.0 : f32>, element_type = f32, axis = rows, group = 7>

// -----

// expected-error @below {{expects pruned features to have a type [columns, features] of floats, and 2 features of each group, found 'tensor<8x5xf32>'}}
mf.parameter @parameter_c7 : tensor<8x5xf32> from #mf.pruned_features<source = #mf.fill<0.0 : f32>, pruning = <kept = 2, of = 4, columns = 32>>
