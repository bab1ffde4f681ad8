// RUN: mf-opt %s --mf-select-layouts --split-input-file | FileCheck %s
// RUN: mf-opt %s --mf-select-layouts="table-strip-columns=16 panel-columns=0" --split-input-file | FileCheck %s --check-prefix=STRIP
// RUN: not mf-opt %s --mf-select-layouts=panel-columns=-1 --split-input-file 2>&1 | FileCheck %s --check-prefix=INVALID
// RUN: mf-opt %s --mf-select-layouts --split-input-file --remarks-filter="mf-select-layouts" --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// REMARK: remark: [Passed] SelectLayouts {{.*}} Remark="#mf.table_layout<strip_columns = 32>"
// REMARK: remark: [Passed] SelectLayouts {{.*}} Remark="#mf.panel_layout<columns = 32>"
// REMARK: remark: [Missed] SelectLayouts {{.*}} Remark="no layout: a parameter has another use"

// INVALID: error: mf-select-layouts: expects panel-columns to be 0 or more, found -1

// CHECK: mf.parameter @t : tensor<8x256x40xf32> {{.*}} layout #mf.table_layout<strip_columns = 32>
// CHECK: mf.parameter @w : tensor<60x64xf32> {{.*}} layout #mf.panel_layout<columns = 32>
// STRIP: mf.parameter @t : tensor<8x256x40xf32> {{.*}} layout #mf.table_layout<strip_columns = 16>
// STRIP: mf.parameter @w : tensor<60x64xf32>
// STRIP-NOT: layout
mf.parameter @t : tensor<8x256x40xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
mf.parameter @w : tensor<60x64xf32> from #mf.random<seed = 2, scale = 1.0 : f32>

// CHECK-LABEL: func.func @lookup
// CHECK: mf.get_parameter @t : tensor<2x8x256x32xf32>
// CHECK: mf.lookup layout(<strip_columns = 32>)
// STRIP-LABEL: func.func @lookup
// STRIP: mf.get_parameter @t : tensor<3x8x256x16xf32>
// STRIP: mf.lookup layout(<strip_columns = 16>)
// STRIP-SAME: tables(%{{.*}} : tensor<3x8x256x16xf32>)
func.func @lookup(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %y: tensor<?x40xf32>) -> tensor<?x40xf32> {
  %t = mf.get_parameter @t : tensor<8x256x40xf32>
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x40xf32>)
      outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %0 : tensor<?x40xf32>
}

// CHECK-LABEL: func.func @linear
// CHECK: mf.get_parameter @w : tensor<2x64x32xf32>
// CHECK: mf.linear layout(<columns = 32>)
// CHECK-SAME: tensor<2x64x32xf32>
// STRIP-LABEL: func.func @linear
// STRIP: mf.linear ins
func.func @linear(%x: tensor<?x64xf32>, %y: tensor<?x60xf32>) -> tensor<?x60xf32> {
  %w = mf.get_parameter @w : tensor<60x64xf32>
  %0 = mf.linear ins(%x, %w : tensor<?x64xf32>, tensor<60x64xf32>) outs(%y : tensor<?x60xf32>) -> tensor<?x60xf32>
  return %0 : tensor<?x60xf32>
}

// -----

// A weight that is also an embedding has panels, which the embedding reads too; one that is no parameter keeps its rows.
// CHECK: mf.parameter @shared : {{.*}} layout #mf.panel_layout<columns = 32>
mf.parameter @shared : tensor<512x64xf32> from #mf.random<seed = 2, scale = 1.0 : f32>
// CHECK-LABEL: func.func @tied
// CHECK: mf.get_parameter @shared : tensor<16x64x32xf32>
// CHECK: mf.embedding layout(<columns = 32>)
// CHECK: mf.linear layout(<columns = 32>)
// CHECK: mf.linear ins
func.func @tied(%ids: tensor<?xi32>, %w: tensor<512x64xf32>, %x: tensor<?x64xf32>, %y: tensor<?x512xf32>)
    -> (tensor<?x512xf32>, tensor<?x512xf32>) {
  %t = mf.get_parameter @shared : tensor<512x64xf32>
  %0 = mf.embedding ins(%ids, %t : tensor<?xi32>, tensor<512x64xf32>) outs(%x : tensor<?x64xf32>) -> tensor<?x64xf32>
  %1 = mf.linear ins(%0, %t : tensor<?x64xf32>, tensor<512x64xf32>) outs(%y : tensor<?x512xf32>) -> tensor<?x512xf32>
  %2 = mf.linear ins(%0, %w : tensor<?x64xf32>, tensor<512x64xf32>) outs(%y : tensor<?x512xf32>) -> tensor<?x512xf32>
  return %1, %2 : tensor<?x512xf32>, tensor<?x512xf32>
}

// -----

// Tables that two lookups share have one layout, unless one of the two cannot have it.
// STRIP: mf.parameter @both : {{.*}} layout
// STRIP: mf.parameter @half : {{.*}} from #mf.random<seed = 2, scale = 1.000000e+00 : f32>{{$}}
mf.parameter @both : tensor<8x256x40xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
mf.parameter @half : tensor<8x256x40xf32> from #mf.random<seed = 2, scale = 1.0 : f32>
// STRIP-LABEL: func.func @shared
// STRIP-COUNT-2: mf.lookup layout(<strip_columns = 16>)
// STRIP-COUNT-2: mf.lookup ins
func.func @shared(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %d: tensor<?x8xi8>, %u: tensor<8x256x40xf32>,
                  %y: tensor<?x40xf32>)
    -> (tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>) {
  %t = mf.get_parameter @both : tensor<8x256x40xf32>
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x40xf32>)
      outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  %1 = mf.lookup ins(%d, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x40xf32>)
      outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  %h = mf.get_parameter @half : tensor<8x256x40xf32>
  %2 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%h : tensor<8x256x40xf32>)
      outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  %3:2 = mf.lookup ins(%d, %s : tensor<?x8xi8>, tensor<?x8xf32>)
      tables(%h, %u : tensor<8x256x40xf32>, tensor<8x256x40xf32>)
      outs(%y, %y : tensor<?x40xf32>, tensor<?x40xf32>) -> tensor<?x40xf32>, tensor<?x40xf32>
  return %0, %1, %2, %3#0, %3#1 : tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>
}

// -----

// A layout that is written by hand wins.
// CHECK: layout #mf.panel_layout<columns = 8>
mf.parameter @w : tensor<60x64xf32> from #mf.fill<1.0 : f32> layout #mf.panel_layout<columns = 8>
// CHECK-LABEL: func.func @by_hand
// CHECK: mf.linear layout(<columns = 8>)
func.func @by_hand(%x: tensor<?x64xf32>, %y: tensor<?x60xf32>) -> tensor<?x60xf32> {
  %w = mf.get_parameter @w : tensor<8x64x8xf32>
  %0 = mf.linear layout(<columns = 8>) ins(%x, %w : tensor<?x64xf32>, tensor<8x64x8xf32>) outs(%y : tensor<?x60xf32>)
      -> tensor<?x60xf32>
  return %0 : tensor<?x60xf32>
}

// -----

// Strips of one cache line for tables of few bits and many rows, of two for others.
// CHECK: mf.parameter @narrow : tensor<8x1024x256xi8> {{.*}} layout #mf.table_layout<strip_columns = 64>
// CHECK: mf.parameter @few : tensor<8x256x256xi8> {{.*}} layout #mf.table_layout<strip_columns = 128>
// CHECK: mf.parameter @half : tensor<8x1024x256xf16> {{.*}} layout #mf.table_layout<strip_columns = 64>
mf.parameter @narrow : tensor<8x1024x256xi8> from #mf.quantized<source = #mf.random<seed = 1, scale = 1.0 : f32>, element_type = f32, axis = columns>
mf.parameter @few : tensor<8x256x256xi8> from #mf.quantized<source = #mf.random<seed = 1, scale = 1.0 : f32>, element_type = f32, axis = columns>
mf.parameter @half : tensor<8x1024x256xf16> from #mf.random<seed = 1, scale = 1.0 : f32>
func.func @rows_and_bits(%c: tensor<?x8xi16>, %s: tensor<?x8xi8>, %ss: tensor<?xf32>, %ts: tensor<256xf32>, %f: tensor<?x8xf32>, %y: tensor<?x256xf32>)
    -> (tensor<?x256xf32>, tensor<?x256xf32>, tensor<?x256xf32>) {
  %narrow = mf.get_parameter @narrow : tensor<8x1024x256xi8>
  %few = mf.get_parameter @few : tensor<8x256x256xi8>
  %half = mf.get_parameter @half : tensor<8x1024x256xf16>
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi16>, tensor<?x8xi8>) score_scales(%ss : tensor<?xf32>) tables(%narrow : tensor<8x1024x256xi8>)
      table_scales(%ts : tensor<256xf32>) outs(%y : tensor<?x256xf32>) -> tensor<?x256xf32>
  %1 = mf.lookup ins(%c, %s : tensor<?x8xi16>, tensor<?x8xi8>) score_scales(%ss : tensor<?xf32>) tables(%few : tensor<8x256x256xi8>)
      table_scales(%ts : tensor<256xf32>) outs(%y : tensor<?x256xf32>) -> tensor<?x256xf32>
  %2 = mf.lookup ins(%c, %f : tensor<?x8xi16>, tensor<?x8xf32>) tables(%half : tensor<8x1024x256xf16>)
      outs(%y : tensor<?x256xf32>) -> tensor<?x256xf32>
  return %0, %1, %2 : tensor<?x256xf32>, tensor<?x256xf32>, tensor<?x256xf32>
}

// -----

// The scales of a quantised weight lie in its panels.
// CHECK: mf.parameter @w : tensor<60x64xi8> {{.*}} layout #mf.panel_layout<columns = 32, interleave = 4>
// CHECK: mf.parameter @w.scales : tensor<60x2xf32> {{.*}} layout #mf.panel_layout<columns = 32>
// CHECK-LABEL: func.func @quantized
// CHECK: mf.linear layout(<columns = 32, interleave = 4>) {{.*}} tensor<2x16x32x4xi8>) scales(%{{.*}}, %{{.*}} : tensor<?xf32>, tensor<2x2x32xf32>)
mf.parameter @w : tensor<60x64xi8> from #mf.quantized<source = #mf.random<seed = 1, scale = 1.0 : f32>, element_type = f32, axis = rows, group = 32>
mf.parameter @w.scales : tensor<60x2xf32> from #mf.quantization_scales<parameter = @w>
func.func @quantized(%x: tensor<?x64xi8>, %xs: tensor<?xf32>, %init: tensor<?x60xf32>) -> tensor<?x60xf32> {
  %w = mf.get_parameter @w : tensor<60x64xi8>
  %s = mf.get_parameter @w.scales : tensor<60x2xf32>
  %y = mf.linear ins(%x, %w : tensor<?x64xi8>, tensor<60x64xi8>) scales(%xs, %s : tensor<?xf32>, tensor<60x2xf32>)
      outs(%init : tensor<?x60xf32>) -> tensor<?x60xf32>
  return %y : tensor<?x60xf32>
}

// -----

// A projection of random features is read in whole panels, so its rows are a multiple of their columns.
// CHECK: mf.parameter @even : tensor<64x8xf32> {{.*}} layout #mf.panel_layout<columns = 32>
// CHECK: mf.parameter @odd : tensor<40x8xf32>
// CHECK-NOT: layout
// CHECK-LABEL: func.func @random_features
// CHECK: mf.linear_attention causal features(#mf.favor_features<kind = relu>) chunk(16) layout(<columns = 32>)
// CHECK-SAME: projection(%{{.*}} : tensor<2x8x32xf32>)
// CHECK: mf.linear_attention causal features(#mf.favor_features<kind = relu>) chunk(16) ins
mf.parameter @even : tensor<64x8xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
mf.parameter @odd : tensor<40x8xf32> from #mf.random<seed = 2, scale = 1.0 : f32>
func.func @random_features(%q: tensor<?x2x8xf32>) -> tensor<?x2x8xf32> {
  %even = mf.get_parameter @even : tensor<64x8xf32>
  %odd = mf.get_parameter @odd : tensor<40x8xf32>
  %0 = mf.linear_attention causal features(#mf.favor_features<kind = relu>) chunk(16)
      ins(%q, %q, %q : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>) projection(%even : tensor<64x8xf32>)
      outs(%q : tensor<?x2x8xf32>) -> tensor<?x2x8xf32>
  %1 = mf.linear_attention causal features(#mf.favor_features<kind = relu>) chunk(16)
      ins(%0, %q, %q : tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>) projection(%odd : tensor<40x8xf32>)
      outs(%q : tensor<?x2x8xf32>) -> tensor<?x2x8xf32>
  return %1 : tensor<?x2x8xf32>
}
