// The dense layer: tiles of rows against panels or against rows of the weight.
// RUN: mf-opt %s --convert-mf-to-vector --canonicalize --cse --split-input-file | FileCheck %s

// A single row passes a panel in one go, with all its columns, and asks for the weights 4 KiB on.
// CHECK-LABEL: func.func @panel(
// CHECK-SAME: %[[X:.*]]: memref<?x64xf32>, %[[W:.*]]: memref<2x64x8xf16>, %[[Y:.*]]: memref<?x16xf32>
// CHECK: %[[ROWS:.*]] = memref.dim %[[X]], %c0
// CHECK: scf.for %[[R:.*]] = %c0 to %[[ROWS]] step %c1
// CHECK: scf.for %[[P:.*]] = %c0 to %c2 step %c1
// CHECK: scf.for %[[D:.*]] = %c0 to %c64 step %c1 iter_args({{.*}}) -> (vector<4xf32>, vector<4xf32>)
// CHECK: vector.load %[[W]][%[[P]], %[[D]], %c0] : memref<2x64x8xf16>, vector<4xf16>
// CHECK: vector.load %[[W]][%[[P]], %[[D]], %c4] : memref<2x64x8xf16>, vector<4xf16>
// CHECK: memref.load %[[X]][%[[R]], %[[D]]]
// CHECK: %[[AHEAD:.*]] = arith.addi %[[D]], %c256
// CHECK: memref.prefetch %[[W]][%[[P]], %[[AHEAD]], %c0], read, locality<3>, data
// CHECK: vector.store %{{.*}}, %[[Y]][%[[R]],
func.func @panel(%x: memref<?x64xf32>, %w: memref<2x64x8xf16>, %y: memref<?x16xf32>) {
  mf.linear layout(<columns = 8>)
      strategy(#mf.cpu_panel_gemm<rows = 1, columns = 8, lanes = 4, tile_rows = 1, tile_columns = 8, features = 64>)
      ins(%x, %w : memref<?x64xf32>, memref<2x64x8xf16>) outs(%y : memref<?x16xf32>)
  return
}

// -----

// Tiles of 2 rows in blocks of 48 features, whose activations are copied; the later blocks go on from what the
// destination holds. Single rows as above.
// CHECK-LABEL: func.func @blocks(
// CHECK-SAME: %[[X:.*]]: memref<?x64xf32>, %[[W:.*]]: memref<1x64x8xf32>, %[[Y:.*]]: memref<?x8xf32>
// CHECK: %[[COPY:.*]] = memref.alloca() {alignment = 64 : i64} : memref<2x64xf32>
// CHECK: %[[REST:.*]] = arith.remui %[[ROWS:.*]], %c2
// CHECK: %[[EVEN:.*]] = arith.subi %[[ROWS]], %[[REST]]
// CHECK: scf.for %[[FROM:.*]] = %c0 to %c64 step %c48
// CHECK: %[[TO:.*]] = arith.minsi
// CHECK: scf.for %[[R:.*]] = %c0 to %[[EVEN]] step %c2
// CHECK: vector.store %{{.*}}, %[[COPY]][%c0,
// CHECK: vector.store %{{.*}}, %[[COPY]][%c1,
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %[[FROM]], %c0
// CHECK: %[[SUMS:.*]]:2 = scf.if %[[FIRST]]
// CHECK: vector.load %[[Y]]
// CHECK: scf.for %[[D:.*]] = %[[FROM]] to %[[TO]] step %c1 iter_args({{.*}} = %[[SUMS]]#0, {{.*}} = %[[SUMS]]#1)
// CHECK: %[[AT:.*]] = arith.subi %[[D]], %[[FROM]]
// CHECK: memref.load %[[COPY]][%c0, %[[AT]]]
// CHECK: memref.load %[[COPY]][%c1, %[[AT]]]
// CHECK-NOT: memref.prefetch
// CHECK: scf.for %{{.*}} = %[[EVEN]] to %[[ROWS]] step %c1
// CHECK: scf.for {{.*}} = %c0 to %c64 step %c1
// CHECK: memref.load %[[X]]
// CHECK: memref.prefetch
func.func @blocks(%x: memref<?x64xf32>, %w: memref<1x64x8xf32>, %y: memref<?x8xf32>) {
  mf.linear layout(<columns = 8>)
      strategy(#mf.cpu_panel_gemm<rows = 2, columns = 8, lanes = 8, tile_rows = 2, tile_columns = 8, features = 48>)
      ins(%x, %w : memref<?x64xf32>, memref<1x64x8xf32>) outs(%y : memref<?x8xf32>)
  return
}

// -----

// A panel wider than a register tile goes in parts; of the last panel only the columns that the destination has are
// written.
// CHECK-LABEL: func.func @columns(
// CHECK-SAME: %[[X:.*]]: memref<?x64xf32>, %[[W:.*]]: memref<?x64x8xf32>, %[[Y:.*]]: memref<?x?xf32, strided<[60, 1], offset: ?>>
// CHECK: %[[COLUMNS:.*]] = memref.dim %[[Y]], %c1
// CHECK: %[[WHOLE:.*]] = arith.divui %[[COLUMNS]], %c8
// CHECK: scf.for %{{.*}} = %c0 to %[[WHOLE]] step %c1
// CHECK: scf.for {{.*}} -> (vector<4xf32>)
// CHECK: vector.store
// CHECK: scf.for {{.*}} -> (vector<4xf32>)
// CHECK: vector.store
// CHECK: scf.for %[[P:.*]] = %[[WHOLE]] to %{{.*}} step %c1
// CHECK: scf.for {{.*}} -> (vector<4xf32>)
// CHECK: %[[MASK:.*]] = arith.cmpi {{.*}} : vector<4xi32>
// CHECK: vector.maskedstore %[[Y]][{{.*}}], %[[MASK]]
func.func @columns(%x: memref<?x64xf32>, %w: memref<?x64x8xf32>, %y: memref<?x?xf32, strided<[60, 1], offset: ?>>) {
  mf.linear layout(<columns = 8>)
      strategy(#mf.cpu_panel_gemm<rows = 1, columns = 4, lanes = 4, tile_rows = 1, tile_columns = 8, features = 64>)
      ins(%x, %w : memref<?x64xf32>, memref<?x64x8xf32>) outs(%y : memref<?x?xf32, strided<[60, 1], offset: ?>>)
  return
}

// -----

// Dot products along the features; the last 3 are filled up with zeros.
// CHECK-LABEL: func.func @plain(
// CHECK-SAME: %[[X:.*]]: memref<?x11xf32>, %[[W:.*]]: memref<5x11xf32>, %[[Y:.*]]: memref<?x5xf32>
// CHECK: scf.for %[[R:.*]] =
// CHECK: scf.for %[[C:.*]] = %c0 to %c5
// CHECK: %[[SUM:.*]] = scf.for %[[D:.*]] = %c0 to %c8 step %c4
// CHECK: vector.load %[[W]][%[[C]], %[[D]]] : memref<5x11xf32>, vector<4xf32>
// CHECK: vector.load %[[X]][%[[R]], %[[D]]] : memref<?x11xf32>, vector<4xf32>
// CHECK: vector.load %[[W]][%[[C]], %c8] : memref<5x11xf32>, vector<2xf32>
// CHECK: vector.insert_strided_slice
// CHECK: memref.load %[[W]][%[[C]], %c10]
// CHECK: vector.insert
// CHECK: memref.store %{{.*}}, %[[Y]][%[[R]], %[[C]]]
func.func @plain(%x: memref<?x11xf32>, %w: memref<5x11xf32>, %y: memref<?x5xf32>) {
  mf.linear strategy(#mf.cpu_panel_gemm<rows = 1, columns = 4, lanes = 4, tile_rows = 1, tile_columns = 4, features = 4>)
      ins(%x, %w : memref<?x11xf32>, memref<5x11xf32>)
      outs(%y : memref<?x5xf32>)
  return
}

// -----

// A pruned weight: the number of the feature in the panel says which activation a weight meets. Blocks are whole groups.
// CHECK-LABEL: func.func @pruned(
// CHECK-SAME: %[[X:.*]]: memref<?x64xf32>, %[[W:.*]]: memref<2x32x16xf32>, %[[F:.*]]: memref<2x32xi16>, %[[Y:.*]]: memref<?x32xf32>
// CHECK: %[[BLOCK:.*]] = memref.alloca() {{.*}}: memref<2x48xf32>
// CHECK: scf.for %[[FROM:.*]] = %c0 to %c32 step %c16
// CHECK: vector.load %[[W]][%[[P:.*]], %[[J:.*]], %c0]
// CHECK: %[[STORED:.*]] = memref.load %[[F]][%[[P]], %[[J]]]
// CHECK: %[[D:.*]] = arith.index_cast %[[STORED]] : i16 to index
// CHECK: %[[AT:.*]] = arith.subi %[[D]], %{{.*}}
// CHECK: memref.load %[[BLOCK]][%c0, %[[AT]]]
// CHECK: memref.load %[[F]]
// CHECK: memref.load %[[X]]
func.func @pruned(%x: memref<?x64xf32>, %w: memref<2x32x16xf32>, %f: memref<2x32xi16>, %y: memref<?x32xf32>) {
  mf.linear layout(<columns = 16>) strategy(#mf.cpu_panel_gemm<rows = 2, columns = 16, lanes = 16, tile_rows = 2, tile_columns = 32, features = 32>)
      ins(%x, %w : memref<?x64xf32>, memref<2x32x16xf32>) pruning(<kept = 2, of = 4, columns = 16>)
      features(%f : memref<2x32xi16>) outs(%y : memref<?x32xf32>)
  return
}
