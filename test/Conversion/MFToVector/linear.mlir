// The dense layer: tiles of rows against panels or against rows of the weight.
// RUN: mf-opt %s --convert-mf-to-vector --canonicalize --cse | FileCheck %s

// Tiles of 2 rows, then single rows. The destination may be narrower than its panel.
// CHECK-LABEL: func.func @panel(
// CHECK-SAME: %[[X:.*]]: memref<?x64xf32>, %[[W:.*]]: memref<1x64x8xf16>, %[[Y:.*]]: memref<?x?xf32, strided<[60, 1], offset: ?>>
// CHECK: %[[ROWS:.*]] = memref.dim %[[X]], %c0
// CHECK: %[[REST:.*]] = arith.remui %[[ROWS]], %c2
// CHECK: %[[EVEN:.*]] = arith.subi %[[ROWS]], %[[REST]]
// CHECK: scf.for %[[R:.*]] = %c0 to %[[EVEN]] step %c2
// CHECK: scf.for %[[D:.*]] = %c0 to %c64 step %c1 iter_args({{.*}}) -> (vector<4xf32>, vector<4xf32>, vector<4xf32>, vector<4xf32>)
// CHECK: vector.load %[[W]][%c0, %[[D]], %c0] : memref<1x64x8xf16>, vector<4xf16>
// CHECK: vector.load %[[W]][%c0, %[[D]], %c4] : memref<1x64x8xf16>, vector<4xf16>
// CHECK: memref.load %[[X]][%[[R]], %[[D]]]
// CHECK: %[[NEXT:.*]] = arith.addi %[[R]], %c1
// CHECK: memref.load %[[X]][%[[NEXT]], %[[D]]]
// CHECK: %[[COLUMNS:.*]] = memref.dim %[[Y]], %c1
// CHECK: %[[WHOLE:.*]] = arith.cmpi sge, %[[COLUMNS]], %c4
// CHECK: scf.if %[[WHOLE]] {
// CHECK: vector.store
// CHECK: } else {
// CHECK: %[[MASK:.*]] = arith.cmpi {{.*}} : vector<4xi32>
// CHECK: vector.maskedstore %[[Y]][%[[R]], %c0], %[[MASK]]
// CHECK: scf.for %{{.*}} = %[[EVEN]] to %[[ROWS]] step %c1
// CHECK: scf.for {{.*}} -> (vector<4xf32>, vector<4xf32>)
func.func @panel(%x: memref<?x64xf32>, %w: memref<1x64x8xf16>, %y: memref<?x?xf32, strided<[60, 1], offset: ?>>) {
  mf.linear layout(<columns = 8>) strategy(#mf.cpu_panel_gemm<rows = 2, lanes = 4>)
      ins(%x, %w : memref<?x64xf32>, memref<1x64x8xf16>) outs(%y : memref<?x?xf32, strided<[60, 1], offset: ?>>)
  return
}

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
  mf.linear strategy(#mf.cpu_panel_gemm<rows = 1, lanes = 4>) ins(%x, %w : memref<?x11xf32>, memref<5x11xf32>)
      outs(%y : memref<?x5xf32>)
  return
}
