// Every compute op on tensors, and some on memrefs: pretty, generic and bytecode round trips.
// RUN: mf-opt %s | mf-opt | FileCheck %s
// RUN: mf-opt %s --mlir-print-op-generic | mf-opt | FileCheck %s
// RUN: mf-opt %s --emit-bytecode | mf-opt | FileCheck %s

// CHECK-LABEL: func.func @hash
func.func @hash(%x: tensor<?x64xf32>, %c: tensor<?x8xi8>, %s: tensor<?x8xf32>) -> (tensor<?x8xi8>, tensor<?x8xf32>) {
  // CHECK: mf.hash magnitude bits(8) ins(%{{.*}} : tensor<?x64xf32>)
  // CHECK-SAME: outs(%{{.*}}, %{{.*}} : tensor<?x8xi8>, tensor<?x8xf32>) -> tensor<?x8xi8>, tensor<?x8xf32>
  %a:2 = mf.hash magnitude bits(8) ins(%x : tensor<?x64xf32>)
      outs(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) -> tensor<?x8xi8>, tensor<?x8xf32>
  // CHECK: mf.hash probability bits(8) temperature(5.000000e-01) strategy(#mf.cpu_hash<tokens = 16, tables = 8>)
  %b:2 = mf.hash probability bits(8) temperature(0.5) strategy(#mf.cpu_hash<tokens = 16, tables = 8>)
      ins(%x : tensor<?x64xf32>)
      outs(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) -> tensor<?x8xi8>, tensor<?x8xf32>
  return %a#0, %b#1 : tensor<?x8xi8>, tensor<?x8xf32>
}

// CHECK-LABEL: func.func @lookup
func.func @lookup(%codes: tensor<?x8xi8>, %scores: tensor<?x8xf32>, %tables: tensor<8x256x40xf16>,
                  %strips: tensor<3x8x256x16xbf16>, %bias: tensor<40xf32>, %init: tensor<?x40xf32>)
    -> (tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>) {
  // CHECK: mf.lookup ins(%{{.*}}, %{{.*}} : tensor<?x8xi8>, tensor<?x8xf32>)
  // CHECK-SAME: tables(%{{.*}}, %{{.*}} : tensor<8x256x40xf16>, tensor<8x256x40xf16>)
  // CHECK-SAME: biases(%{{.*}}, %{{.*}} : tensor<40xf32>, tensor<40xf32>)
  // CHECK-SAME: outs(%{{.*}}, %{{.*}} : tensor<?x40xf32>, tensor<?x40xf32>) -> tensor<?x40xf32>, tensor<?x40xf32>
  %a, %b = mf.lookup ins(%codes, %scores : tensor<?x8xi8>, tensor<?x8xf32>)
      tables(%tables, %tables : tensor<8x256x40xf16>, tensor<8x256x40xf16>)
      biases(%bias, %bias : tensor<40xf32>, tensor<40xf32>)
      outs(%init, %init : tensor<?x40xf32>, tensor<?x40xf32>) -> tensor<?x40xf32>, tensor<?x40xf32>
  // CHECK: mf.lookup layout(<strip_columns = 16>)
  // CHECK-SAME: tables(%{{.*}} : tensor<3x8x256x16xbf16>) outs
  %c = mf.lookup layout(<strip_columns = 16>) ins(%codes, %scores : tensor<?x8xi8>, tensor<?x8xf32>)
      tables(%strips : tensor<3x8x256x16xbf16>) outs(%init : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %a, %b, %c : tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>
}

// CHECK-LABEL: func.func @rows
func.func @rows(%x: tensor<?x40xf32>, %scale: tensor<40xf16>, %bias: tensor<40xf32>, %init: tensor<?x40xf32>)
    -> tensor<?x40xf32> {
  // CHECK: mf.rms_norm ins(%{{.*}}, %{{.*}} : tensor<?x40xf32>, tensor<40xf16>) outs(%{{.*}} : tensor<?x40xf32>)
  // CHECK-NOT: eps
  // CHECK-SAME: -> tensor<?x40xf32>
  %a = mf.rms_norm ins(%x, %scale : tensor<?x40xf32>, tensor<40xf16>) outs(%init : tensor<?x40xf32>)
      -> tensor<?x40xf32>
  // CHECK: mf.layer_norm strategy(#mf.cpu_rows<tokens = 16, lanes = 8>)
  // CHECK-SAME: {eps = 1.000000e-03 : f64}
  %b = mf.layer_norm strategy(#mf.cpu_rows<tokens = 16, lanes = 8>)
      ins(%a, %scale, %bias : tensor<?x40xf32>, tensor<40xf16>, tensor<40xf32>)
      outs(%init : tensor<?x40xf32>) {eps = 1.0e-3 : f64} -> tensor<?x40xf32>
  // CHECK: mf.add ins(%{{.*}}, %{{.*}} : tensor<?x40xf32>, tensor<?x40xf32>)
  %c = mf.add ins(%a, %b : tensor<?x40xf32>, tensor<?x40xf32>) outs(%init : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %c : tensor<?x40xf32>
}

// CHECK-LABEL: func.func @embed
func.func @embed(%ids: tensor<?xi32>, %table: tensor<512x64xf16>, %x: tensor<?x64xf32>, %weight: tensor<60x64xf32>,
                 %panels: tensor<4x64x16xf32>, %logits: tensor<?x60xf32>) -> tensor<?x60xf32> {
  // CHECK: mf.embedding ins(%{{.*}}, %{{.*}} : tensor<?xi32>, tensor<512x64xf16>) outs(%{{.*}} : tensor<?x64xf32>)
  %a = mf.embedding ins(%ids, %table : tensor<?xi32>, tensor<512x64xf16>) outs(%x : tensor<?x64xf32>)
      -> tensor<?x64xf32>
  // CHECK: mf.linear ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<60x64xf32>)
  %b = mf.linear ins(%a, %weight : tensor<?x64xf32>, tensor<60x64xf32>) outs(%logits : tensor<?x60xf32>)
      -> tensor<?x60xf32>
  // CHECK: mf.linear layout(<columns = 16>) strategy(#mf.cpu_panel_gemm<rows = 6, columns = 16, lanes = 8, tile_rows = 96, tile_columns = 64, features = 256>)
  %c = mf.linear layout(<columns = 16>) strategy(#mf.cpu_panel_gemm<rows = 6, columns = 16, lanes = 8, tile_rows = 96, tile_columns = 64, features = 256>)
      ins(%a, %panels : tensor<?x64xf32>, tensor<4x64x16xf32>) outs(%b : tensor<?x60xf32>) -> tensor<?x60xf32>
  return %c : tensor<?x60xf32>
}

// CHECK-LABEL: func.func @activate
func.func @activate(%x: tensor<?x64xf32>, %bias: tensor<64xf16>, %scale: tensor<64xf32>) -> tensor<?x64xf32> {
  // CHECK: mf.activation gelu ins(%{{.*}} : tensor<?x64xf32>) outs(%{{.*}} : tensor<?x64xf32>) -> tensor<?x64xf32>
  %a = mf.activation gelu ins(%x : tensor<?x64xf32>) outs(%x : tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: mf.activation gelu_tanh ins(%{{.*}} : tensor<?x64xf32>) bias(%{{.*}} : tensor<64xf16>) outs
  %b = mf.activation gelu_tanh ins(%a : tensor<?x64xf32>) bias(%bias : tensor<64xf16>) outs(%x : tensor<?x64xf32>)
      -> tensor<?x64xf32>
  // CHECK: mf.activation silu strategy(#mf.cpu_rows<tokens = 16, lanes = 8>) ins(%{{.*}}) factor(%{{.*}} : tensor<?x64xf32>)
  %c = mf.activation silu strategy(#mf.cpu_rows<tokens = 16, lanes = 8>) ins(%b : tensor<?x64xf32>)
      factor(%a : tensor<?x64xf32>) outs(%x : tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: mf.add ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<64xf16>)
  %d = mf.add ins(%c, %bias : tensor<?x64xf32>, tensor<64xf16>) outs(%x : tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: mf.rms_norm {{.*}} {eps = 1.000000e-05 : f64, eps_inside_root}
  %e = mf.rms_norm ins(%d, %scale : tensor<?x64xf32>, tensor<64xf32>) outs(%x : tensor<?x64xf32>)
      {eps = 1.0e-5 : f64, eps_inside_root} -> tensor<?x64xf32>
  return %e : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @attend
func.func @attend(%x: tensor<?x8x64xf32>, %k: tensor<?x2x64xf32>, %v: tensor<?x2x32xf32>, %positions: tensor<?xi32>,
                  %angles: tensor<2048x8x2xf32>, %slots: tensor<?xi32>, %keys: tensor<?x2x?x64xf32>,
                  %values: tensor<?x2x?x32xf32>, %init: tensor<?x8x32xf32>)
    -> (tensor<?x8x32xf32>, tensor<?x8x32xf32>, tensor<?x2x?x64xf32>) {
  // CHECK: mf.rope ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x8x64xf32>, tensor<?xi32>, tensor<2048x8x2xf32>)
  %q = mf.rope ins(%x, %positions, %angles : tensor<?x8x64xf32>, tensor<?xi32>, tensor<2048x8x2xf32>)
      outs(%x : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
  // CHECK: mf.attention causal scale(1.250000e-01) ins
  %a = mf.attention causal scale(0.125)
      ins(%q, %k, %v : tensor<?x8x64xf32>, tensor<?x2x64xf32>, tensor<?x2x32xf32>)
      outs(%init : tensor<?x8x32xf32>) -> tensor<?x8x32xf32>
  // CHECK: mf.attention scale(1.250000e-01) strategy(#mf.cpu_flash<queries = 16, keys = 32, rows = 2, vectors = 2, lanes = 8>) ins
  %b = mf.attention scale(0.125) strategy(#mf.cpu_flash<queries = 16, keys = 32, rows = 2, vectors = 2, lanes = 8>)
      ins(%q, %k, %v : tensor<?x8x64xf32>, tensor<?x2x64xf32>, tensor<?x2x32xf32>)
      outs(%a : tensor<?x8x32xf32>) -> tensor<?x8x32xf32>
  // CHECK: %[[NEW:.*]] = mf.update_state ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x2x64xf32>, tensor<?xi32>, tensor<?xi32>)
  %new = mf.update_state ins(%k, %slots, %positions : tensor<?x2x64xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%keys : tensor<?x2x?x64xf32>) -> tensor<?x2x?x64xf32>
  // CHECK: mf.cached_attention scale(1.250000e-01)
  // CHECK-SAME: ins(%{{.*}}, %[[NEW]]
  %c = mf.cached_attention scale(0.125)
      ins(%q, %new, %values, %slots, %positions : tensor<?x8x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x32xf32>,
          tensor<?xi32>, tensor<?xi32>)
      outs(%init : tensor<?x8x32xf32>) -> tensor<?x8x32xf32>
  return %b, %c, %new : tensor<?x8x32xf32>, tensor<?x8x32xf32>, tensor<?x2x?x64xf32>
}

// CHECK-LABEL: func.func @memrefs
func.func @memrefs(%x: memref<?x64xf32, strided<[128, 1], offset: ?>>, %c: memref<?x8xi8>, %s: memref<?x8xf32>) {
  // CHECK: mf.hash magnitude bits(8) ins(%{{.*}} : memref<?x64xf32, strided<[128, 1], offset: ?>>)
  // CHECK-SAME: outs(%{{.*}}, %{{.*}} : memref<?x8xi8>, memref<?x8xf32>){{$}}
  mf.hash magnitude bits(8) ins(%x : memref<?x64xf32, strided<[128, 1], offset: ?>>)
      outs(%c, %s : memref<?x8xi8>, memref<?x8xf32>)
  return
}

// CHECK-LABEL: func.func @pruned(
// CHECK: mf.map_codes ins(%{{.*}}, %{{.*}} : tensor<?x64xi8>, tensor<64x256xi16>) outs(%{{.*}} : tensor<?x64xi16>) -> tensor<?x64xi16>
// CHECK: mf.lookup ins(%{{.*}}, %{{.*}} : tensor<?x64xi16>, tensor<?x64xf32>) tables(%{{.*}} : tensor<1x5000x512xf32>)
func.func @pruned(%c: tensor<?x64xi8>, %m: tensor<64x256xi16>, %r: tensor<?x64xi16>, %s: tensor<?x64xf32>,
                  %t: tensor<1x5000x512xf32>, %y: tensor<?x512xf32>) -> tensor<?x512xf32> {
  %rows = mf.map_codes ins(%c, %m : tensor<?x64xi8>, tensor<64x256xi16>) outs(%r : tensor<?x64xi16>) -> tensor<?x64xi16>
  %0 = mf.lookup ins(%rows, %s : tensor<?x64xi16>, tensor<?x64xf32>) tables(%t : tensor<1x5000x512xf32>)
      outs(%y : tensor<?x512xf32>) -> tensor<?x512xf32>
  return %0 : tensor<?x512xf32>
}
