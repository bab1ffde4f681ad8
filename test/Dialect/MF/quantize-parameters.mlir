// RUN: mf-opt %s --mf-quantize-parameters="table-dtype=i8 head-dtype=i4" --cse --split-input-file | FileCheck %s
// RUN: mf-opt %s --mf-quantize-parameters="table-dtype=f16" --split-input-file | FileCheck %s --check-prefix=HALF
// RUN: mf-opt %s --mf-quantize-parameters --split-input-file | FileCheck %s --check-prefix=KEEP
// RUN: mf-opt %s --mf-quantize-parameters="weight-dtype=i4 weight-group=16" --split-input-file | FileCheck %s --check-prefix=WEIGHT
// RUN: not mf-opt %s --mf-quantize-parameters=weight-dtype=i5 --split-input-file 2>&1 | FileCheck %s --check-prefix=WEIGHTTYPE
// RUN: not mf-opt %s --mf-quantize-parameters=table-dtype=i5 --split-input-file 2>&1 | FileCheck %s --check-prefix=TYPE
// RUN: not mf-opt %s --mf-quantize-parameters="head-dtype=i4 head-group=7" --split-input-file 2>&1 | FileCheck %s --check-prefix=GROUP

// TYPE: error: mf-quantize-parameters: expects 'table-dtype' to be keep, f32, bf16, f16, i8 or i4, found 'i5'
// GROUP: error: 'mf.parameter' op expects groups that divide its rows, found groups of 7 for 'tensor<24x64xf32>'

// WEIGHTTYPE: error: mf-quantize-parameters: expects 'weight-dtype' to be keep, f32, bf16, f16, i8 or i4, found 'i5'

// KEEP-NOT: mf.quantized
// KEEP-NOT: mf.quantize_rows

// Scores that two lookups share are quantised once. A name that is taken is not taken again.
// CHECK: mf.parameter @t.scales : tensor<4xf32> from #mf.fill
// CHECK: mf.parameter @t : tensor<8x16x64xi8> from #mf.quantized<source = #mf.tensor_file<path = "a", offset = 0, element_type = f32>, element_type = f32, axis = columns>
// CHECK-NEXT: mf.parameter @[[TS:t.scales_.*]] : tensor<64xf32> from #mf.quantization_scales<parameter = @t>
// CHECK-NEXT: mf.parameter @u : tensor<8x16x64xi8>
// CHECK-NEXT: mf.parameter @u.scales : tensor<64xf32>
// CHECK-LABEL: func.func @shared(
// CHECK: %[[Q:.*]]:2 = mf.quantize_rows ins(%arg1
// CHECK-NOT: mf.quantize_rows
// CHECK-DAG: %[[T:.*]] = mf.get_parameter @t : tensor<8x16x64xi8>
// CHECK-DAG: %[[S:.*]] = mf.get_parameter @[[TS]] : tensor<64xf32>
// CHECK: mf.lookup ins(%arg0, %[[Q]]#0 : tensor<?x8xi8>, tensor<?x8xi8>) score_scales(%[[Q]]#1 : tensor<?xf32>) tables(%[[T]] {{.*}}) table_scales(%[[S]]
// CHECK: mf.lookup ins(%arg0, %[[Q]]#0

// f32 in a file is rounded, computed elements are computed as f16.
// HALF: mf.parameter @t : tensor<8x16x64xf16> from #mf.rounded<source = #mf.tensor_file<
// HALF: mf.parameter @u : tensor<8x16x64xf16> from #mf.random<
mf.parameter @t.scales : tensor<4xf32> from #mf.fill<1.0 : f32>
mf.parameter @t : tensor<8x16x64xf32> from #mf.tensor_file<path = "a", offset = 0, element_type = f32>
mf.parameter @u : tensor<8x16x64xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
func.func @shared(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %e: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %t = mf.get_parameter @t : tensor<8x16x64xf32>
  %u = mf.get_parameter @u : tensor<8x16x64xf32>
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x16x64xf32>)
      outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  %1 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%u : tensor<8x16x64xf32>)
      outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}

// -----

// A dense weight has scales of groups of 32 features.
// CHECK: mf.parameter @w : tensor<24x64xi4> from #mf.quantized<source = {{.*}}, element_type = f32, axis = rows, group = 32>
// CHECK-NEXT: mf.parameter @w.scales : tensor<24x2xbf16>
// CHECK-LABEL: func.func @head(
// CHECK: %[[Q:.*]]:2 = mf.quantize_rows ins(%arg0
// CHECK: mf.linear ins(%[[Q]]#0, %{{.*}} : tensor<?x64xi8>, tensor<24x64xi4>) scales(%[[Q]]#1, %{{.*}} : tensor<?xf32>, tensor<24x2xbf16>)
mf.parameter @w : tensor<24x64xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
func.func @head(%x: tensor<?x64xf32>, %e: tensor<?x24xf32>) -> tensor<?x24xf32> {
  %w = mf.get_parameter @w : tensor<24x64xf32>
  %0 = mf.linear ins(%x, %w : tensor<?x64xf32>, tensor<24x64xf32>) outs(%e : tensor<?x24xf32>) -> tensor<?x24xf32>
  return %0 : tensor<?x24xf32>
}

// -----

// An embedding reads the weight too; a rounded source and a layout were chosen by hand: all of them stay.
// CHECK: mf.parameter @both : tensor<24x64xf32> from #mf.random
// CHECK: mf.parameter @rounded : tensor<8x16x64xf16> from #mf.rounded
// CHECK: mf.parameter @rows : tensor<8x16x64xf32> from #mf.random{{.*}} layout #mf.table_layout
// CHECK-NOT: mf.quantize_rows
mf.parameter @both : tensor<24x64xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
mf.parameter @rounded : tensor<8x16x64xf16> from #mf.rounded<source = #mf.random<seed = 1, scale = 1.0 : f32>>
mf.parameter @rows : tensor<8x16x64xf32> from #mf.random<seed = 1, scale = 1.0 : f32> layout #mf.table_layout<>
func.func @kept(%ids: tensor<?xi32>, %x: tensor<?x64xf32>, %c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %e: tensor<?x24xf32>)
    -> (tensor<?x64xf32>, tensor<?x24xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %w = mf.get_parameter @both : tensor<24x64xf32>
  %r = mf.get_parameter @rounded : tensor<8x16x64xf16>
  %t = mf.get_parameter @rows : tensor<8x16x64xf32>
  %0 = mf.embedding ins(%ids, %w : tensor<?xi32>, tensor<24x64xf32>) outs(%x : tensor<?x64xf32>) -> tensor<?x64xf32>
  %1 = mf.linear ins(%x, %w : tensor<?x64xf32>, tensor<24x64xf32>) outs(%e : tensor<?x24xf32>) -> tensor<?x24xf32>
  %2 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%r : tensor<8x16x64xf16>)
      outs(%x : tensor<?x64xf32>) -> tensor<?x64xf32>
  %3 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x16x64xf32>)
      outs(%x : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %0, %1, %2, %3 : tensor<?x64xf32>, tensor<?x24xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// -----

// The head's result comes into no other layer, a hidden one's does. A weight of both keeps its type.
// WEIGHT: mf.parameter @hidden : tensor<64x64xi4> from #mf.quantized<{{.*}}, group = 16>
// WEIGHT: mf.parameter @hidden.scales : tensor<64x4xbf16>
// WEIGHT-NEXT: mf.parameter @shared : tensor<64x64xf32> from #mf.random
// WEIGHT-NEXT: mf.parameter @last : tensor<64x64xf32> from #mf.random
// CHECK: mf.parameter @hidden : tensor<64x64xf32> from #mf.random
// CHECK: mf.parameter @shared : tensor<64x64xf32> from #mf.random
// CHECK: mf.parameter @last : tensor<64x64xi4> from #mf.quantized
mf.parameter @hidden : tensor<64x64xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
mf.parameter @shared : tensor<64x64xf32> from #mf.random<seed = 2, scale = 1.0 : f32>
mf.parameter @last : tensor<64x64xf32> from #mf.random<seed = 3, scale = 1.0 : f32>
func.func @layers(%x: tensor<?x64xf32>, %e: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %h = mf.get_parameter @hidden : tensor<64x64xf32>
  %s = mf.get_parameter @shared : tensor<64x64xf32>
  %l = mf.get_parameter @last : tensor<64x64xf32>
  %0 = mf.linear ins(%x, %h : tensor<?x64xf32>, tensor<64x64xf32>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  %1 = mf.linear ins(%0, %s : tensor<?x64xf32>, tensor<64x64xf32>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  %2 = mf.linear ins(%1, %l : tensor<?x64xf32>, tensor<64x64xf32>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  %3 = mf.linear ins(%1, %s : tensor<?x64xf32>, tensor<64x64xf32>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %2, %3 : tensor<?x64xf32>, tensor<?x64xf32>
}
