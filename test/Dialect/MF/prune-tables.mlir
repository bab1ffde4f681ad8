// RUN: mf-opt %s --mf-prune-tables=counts=%S/Inputs/counts.json --cse --split-input-file | FileCheck %s
// RUN: mf-opt %s --mf-prune-tables="counts=%S/Inputs/counts.json at-most=3" --cse --split-input-file | FileCheck %s --check-prefix=MORE
// RUN: mf-opt %s --mf-prune-tables=counts=%S/Inputs/counts.json --split-input-file | mf-opt --mf-quantize-parameters=table-dtype=i8 --cse --mf-fuse-lookups --mf-select-layouts --split-input-file | FileCheck %s --check-prefix=ALL

// Rows that never came go: one of the first table is left, three of the second. Equal rows share a map; a name that is
// taken is not taken again.
// CHECK: mf.parameter @t : tensor<1x5x64xf32> from #mf.kept_rows<source = #mf.random<seed = 1, scale = 1.000000e+00 : f32>, kept = dense<{{\[\[}}true, false, false, false], [true, true, true, false]]> : tensor<2x4xi1>>
// CHECK-NEXT: mf.parameter @[[MAP:t.rows_.*]] : tensor<2x4xi16> from #mf.row_map<kept = dense<{{.*}}> : tensor<2x4xi1>>
// CHECK: mf.parameter @u : tensor<1x5x64xf32>
// CHECK-NOT: mf.row_map
// CHECK-LABEL: func.func @shared_codes(
// CHECK-SAME: %[[C:.*]]: tensor<?x2xi8>
// CHECK: %[[M:.*]] = mf.get_parameter @[[MAP]] : tensor<2x4xi16>
// CHECK: %[[R:.*]] = mf.map_codes ins(%[[C]], %[[M]] : tensor<?x2xi8>, tensor<2x4xi16>)
// CHECK-NOT: mf.map_codes
// CHECK: mf.lookup ins(%[[R]], %{{.*}} : tensor<?x2xi16>, tensor<?x2xf32>) tables(%{{.*}} : tensor<1x5x64xf32>)
// CHECK: mf.lookup ins(%[[R]],

// MORE: mf.parameter @t : tensor<1x3x64xf32>

// What later passes make of it: one lookup of two sets of integers in strips.
// ALL: mf.parameter @t : tensor<1x5x64xi8> from #mf.quantized<source = #mf.kept_rows<{{.*}} layout #mf.table_layout<strip_columns = 64>
// ALL: mf.lookup layout(<strip_columns = 64>) ins(%{{.*}} : tensor<?x2xi16>, tensor<?x2xi8>) {{.*}} tables(%{{.*}}, %{{.*}} : tensor<1x1x5x64xi8>, tensor<1x1x5x64xi8>)
mf.parameter @t : tensor<2x4x64xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
mf.parameter @t.rows : tensor<4xf32> from #mf.fill<1.0 : f32>
mf.parameter @u : tensor<2x4x64xf32> from #mf.random<seed = 2, scale = 1.0 : f32>
func.func @shared_codes(%c: tensor<?x2xi8>, %s: tensor<?x2xf32>, %e: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %t = mf.get_parameter @t : tensor<2x4x64xf32>
  %u = mf.get_parameter @u : tensor<2x4x64xf32>
  %0 = mf.lookup ins(%c, %s : tensor<?x2xi8>, tensor<?x2xf32>) tables(%t : tensor<2x4x64xf32>)
      outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  %1 = mf.lookup ins(%c, %s : tensor<?x2xi8>, tensor<?x2xf32>) tables(%u : tensor<2x4x64xf32>)
      outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}

// -----

// One lookup of two sets that keep the same rows.
// CHECK: mf.parameter @u : tensor<1x5x64xf32>
// CHECK: mf.parameter @v : tensor<1x5x32xf32>
// CHECK-LABEL: func.func @two_sets(
// CHECK: mf.map_codes
// CHECK-NOT: mf.map_codes
mf.parameter @u : tensor<2x4x64xf32> from #mf.random<seed = 2, scale = 1.0 : f32>
mf.parameter @v : tensor<2x4x32xf32> from #mf.random<seed = 2, scale = 1.0 : f32>
func.func @two_sets(%c: tensor<?x2xi8>, %s: tensor<?x2xf32>, %e: tensor<?x64xf32>, %f: tensor<?x32xf32>) -> (tensor<?x64xf32>, tensor<?x32xf32>) {
  %u = mf.get_parameter @u : tensor<2x4x64xf32>
  %v = mf.get_parameter @v : tensor<2x4x32xf32>
  %0:2 = mf.lookup ins(%c, %s : tensor<?x2xi8>, tensor<?x2xf32>) tables(%u, %v : tensor<2x4x64xf32>, tensor<2x4x32xf32>)
      outs(%e, %f : tensor<?x64xf32>, tensor<?x32xf32>) -> tensor<?x64xf32>, tensor<?x32xf32>
  return %0#0, %0#1 : tensor<?x64xf32>, tensor<?x32xf32>
}

// -----

// Nothing is dropped where too little would go, where sets differ, where another op reads the tables, or where they are
// converted.
// CHECK-NOT: mf.kept_rows
// CHECK-LABEL: func.func @kept(
// CHECK-NOT: mf.map_codes
mf.parameter @full : tensor<2x4x64xf32> from #mf.random<seed = 2, scale = 1.0 : f32>
mf.parameter @t : tensor<2x4x64xf32> from #mf.random<seed = 2, scale = 1.0 : f32>
mf.parameter @shared : tensor<2x4x64xf32> from #mf.random<seed = 2, scale = 1.0 : f32>
mf.parameter @converted : tensor<2x4x64xf16> from #mf.rounded<source = #mf.random<seed = 2, scale = 1.0 : f32>>
func.func @kept(%c: tensor<?x2xi8>, %s: tensor<?x2xf32>, %e: tensor<?x64xf32>)
    -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<2x4x64xf32>) {
  %full = mf.get_parameter @full : tensor<2x4x64xf32>
  %t = mf.get_parameter @t : tensor<2x4x64xf32>
  %shared = mf.get_parameter @shared : tensor<2x4x64xf32>
  %converted = mf.get_parameter @converted : tensor<2x4x64xf16>
  %0:2 = mf.lookup ins(%c, %s : tensor<?x2xi8>, tensor<?x2xf32>) tables(%full, %t : tensor<2x4x64xf32>, tensor<2x4x64xf32>)
      outs(%e, %e : tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>, tensor<?x64xf32>
  %1 = mf.lookup ins(%c, %s : tensor<?x2xi8>, tensor<?x2xf32>) tables(%shared : tensor<2x4x64xf32>)
      outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  %2 = mf.lookup ins(%c, %s : tensor<?x2xi8>, tensor<?x2xf32>) tables(%converted : tensor<2x4x64xf16>)
      outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %0#0, %0#1, %1, %2, %shared : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<2x4x64xf32>
}
