// RUN: mf-opt %s --mf-share-parameters | FileCheck %s
// RUN: mf-opt %s --mf-share-parameters --mf-select-layouts | FileCheck %s --check-prefix=LAYOUT
// RUN: mf-opt %s --mf-quantize-parameters=head-dtype=i8 --mf-share-parameters --mf-select-layouts | FileCheck %s --check-prefix=I8

// A tied head is the embedding; other elements are not, and what only has the same name for its source is its own.
// CHECK: mf.parameter @embedding
// CHECK-NOT: mf.parameter @head
// CHECK: mf.parameter @other
// CHECK-LABEL: func.func @tied(
// CHECK-DAG: mf.get_parameter @embedding : tensor<64x32xf16>
// CHECK-DAG: mf.get_parameter @embedding : tensor<64x32xf16>
// CHECK-DAG: mf.get_parameter @other : tensor<64x32xf16>

// The embedding reads the panels that the head wants.
// LAYOUT: mf.parameter @embedding : tensor<64x32xf16> {{.*}} layout #mf.panel_layout<columns = 32>
// LAYOUT: mf.embedding layout(<columns = 32>) ins(%{{.*}}, %{{.*}} : tensor<?xi32>, tensor<2x32x32xf16>)
// LAYOUT: mf.linear layout(<columns = 32>) ins(%{{.*}}, %{{.*}} : tensor<?x32xf32>, tensor<2x32x32xf16>)

// I8: mf.parameter @embedding : tensor<64x32xf16>
// I8: mf.parameter @head : tensor<64x32xi8>
// I8: mf.embedding ins(
mf.parameter @embedding : tensor<64x32xf16> from #mf.tensor_file<path = "m", offset = 64, element_type = f16>
mf.parameter @head : tensor<64x32xf16> from #mf.tensor_file<path = "m", offset = 64, element_type = f16>
mf.parameter @other : tensor<64x32xf16> from #mf.tensor_file<path = "m", offset = 128, element_type = f16>
func.func @tied(%ids: tensor<?xi32>, %x: tensor<?x32xf32>, %y: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x32xf32>) {
  %e = mf.get_parameter @embedding : tensor<64x32xf16>
  %h = mf.get_parameter @head : tensor<64x32xf16>
  %o = mf.get_parameter @other : tensor<64x32xf16>
  %0 = mf.embedding ins(%ids, %e : tensor<?xi32>, tensor<64x32xf16>) outs(%x : tensor<?x32xf32>) -> tensor<?x32xf32>
  %1 = mf.linear ins(%0, %h : tensor<?x32xf32>, tensor<64x32xf16>) outs(%y : tensor<?x64xf32>) -> tensor<?x64xf32>
  %2 = mf.embedding ins(%ids, %o : tensor<?xi32>, tensor<64x32xf16>) outs(%x : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %1, %2 : tensor<?x64xf32>, tensor<?x32xf32>
}
