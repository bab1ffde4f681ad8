// RUN: mf-opt %s --convert-mf-to-gpu --cse --split-input-file | FileCheck %s

// Few tokens: the threads of a block share the tables. Many: two tables at a time, whose bytes are interleaved.
// CHECK-LABEL: func.func @lookup
// CHECK: scf.if
// CHECK: gpu.launch_func @kernels::@lookup_integer_gather_0
// CHECK: else
// CHECK: %[[BYTES:.*]] = arith.constant 131072 : i32
// CHECK: gpu.launch_func @kernels::@lookup_integer_tile_1 {{.*}} dynamic_shared_memory_size %[[BYTES]]
func.func @lookup(%c: memref<?x4xi8>, %s: memref<?x4xi8>, %ss: memref<?xf32>, %t: memref<1x4x256x128xi8>,
                  %ts: memref<128xf32>, %b: memref<128xf32>, %y: memref<?x128xf32>) {
  mf.lookup layout(#mf.table_layout<strip_columns = 128>)
      strategy(#mf.gpu_table_tile<threads = 512, tokens = 4, rows = 256, gather_tokens = 64, tables = 2>)
      ins(%c, %s : memref<?x4xi8>, memref<?x4xi8>) score_scales(%ss : memref<?xf32>)
      tables(%t : memref<1x4x256x128xi8>) table_scales(%ts : memref<128xf32>) biases(%b : memref<128xf32>)
      outs(%y : memref<?x128xf32>)
  return
}
// CHECK-LABEL: gpu.func @lookup_integer_gather_0
// CHECK: memref.view {{.*}} to memref<16x128xi32, #gpu.address_space<workgroup>>
// CHECK-COUNT-4: vector.load {{.*}} vector<16xi8>
// CHECK: vector.shuffle {{.*}} [0, 4, 1, 5]
// CHECK: nvvm.dot.accumulate.4way
// CHECK: gpu.barrier
// CHECK-LABEL: gpu.func @lookup_integer_tile_1
// CHECK: memref.view {{.*}} to memref<2x2x1x256x128xi8, #gpu.address_space<workgroup>>
// CHECK: nvgpu.device_async_copy {{.*}}, 16 {bypassL1}
// CHECK: gpu.barrier
// CHECK-COUNT-64: nvvm.dot.accumulate.4way
// CHECK: gpu.barrier
// CHECK: arith.sitofp {{.*}} vector<4xi32> to vector<4xf32>
// CHECK: math.fma

// -----

// Groups of 32 features of i4: a total for each, products with scales not fused.
// CHECK-LABEL: func.func @linear
// CHECK: gpu.launch_func @kernels::@linear_integer_row_0
// CHECK: else
// CHECK: gpu.launch_func @kernels::@linear_integer_stream_1
// CHECK: else
// CHECK: gpu.launch_func @kernels::@linear_integer_tile_2
func.func @linear(%x: memref<?x64xi8>, %s: memref<?xf32>, %w: memref<3x8x32x4xi8>, %ws: memref<3x2x32xbf16>,
                  %y: memref<?x70xf32>) {
  mf.linear layout(#mf.panel_layout<columns = 32, interleave = 4, features_per_byte = 2>)
      strategy(#mf.gpu_integer_dense<rows = 64, columns = 64, features = 64, stream_tokens = 8>)
      ins(%x, %w : memref<?x64xi8>, memref<3x8x32x4xi8>) scales(%s, %ws : memref<?xf32>, memref<3x2x32xbf16>)
      outs(%y : memref<?x70xf32>)
  return
}
// CHECK-LABEL: gpu.func @linear_integer_row_0
// CHECK: memref.collapse_shape {{.*}} into memref<3x8x128xi8>
// CHECK: vector.load {{.*}} memref<3x8x128xi8>, vector<16xi8>
// CHECK: nvvm.dot.accumulate.4way
// CHECK: gpu.barrier
// CHECK-NOT: math.fma
// CHECK: gpu.return
// CHECK-LABEL: gpu.func @linear_integer_tile_2
// CHECK: nvgpu.device_async_copy {{.*}}, 16 {bypassL1}
// CHECK: nvvm.dot.accumulate.4way
// CHECK-NOT: math.fma
// CHECK: gpu.return

// -----

// CHECK-LABEL: gpu.func @quantize_rows_0
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK-NOT: math.fma
// CHECK: vector.store {{.*}} vector<4xi8>
// CHECK-LABEL: gpu.func @map_codes_1
// CHECK: memref.load {{.*}} memref<4x256xi16>
func.func @rows(%x: memref<?x64xf32>, %q: memref<?x64xi8>, %s: memref<?xf32>, %c: memref<?x4xi8>, %m: memref<4x256xi16>,
                %r: memref<?x4xi16>) {
  mf.quantize_rows strategy(#mf.gpu_rows<warps = 8>) ins(%x : memref<?x64xf32>)
      outs(%q, %s : memref<?x64xi8>, memref<?xf32>)
  mf.map_codes strategy(#mf.gpu_rows<warps = 8>) ins(%c, %m : memref<?x4xi8>, memref<4x256xi16>)
      outs(%r : memref<?x4xi16>)
  return
}
