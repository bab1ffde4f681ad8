// The hash: chunks in lanes, narrower vectors for the rest, no fused product even where the target has them.
// RUN: mf-opt %s --convert-mf-to-vector --canonicalize --cse | FileCheck %s
// RUN: mf-opt %s --convert-mf-to-vector | FileCheck %s --check-prefix=FUSED

// FUSED-NOT: math.fma
module attributes {mf.target = #mf.cpu_target<variant = "x86-64-v3", triple = "x86_64-unknown-linux-gnu",
    cpu = "x86-64-v3", features = "", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 524288>} {

// 6 chunks of 3: four lanes, then two.
// CHECK-LABEL: func.func @narrow(
// CHECK-SAME: %[[X:.*]]: memref<?x18xf32>, %[[C:.*]]: memref<?x6xi8>, %[[S:.*]]: memref<?x6xf32>
// CHECK: scf.for %[[T:.*]] =
// CHECK: %[[Z0:.*]] = vector.from_elements {{.*}} : vector<4xf32>
// CHECK: %[[Z1:.*]] = vector.from_elements {{.*}} : vector<4xf32>
// CHECK: %[[Z2:.*]] = vector.from_elements {{.*}} : vector<4xf32>
// CHECK: %[[B0:.*]] = arith.cmpf oge, %[[Z0]], %{{.*}} : vector<4xf32>
// CHECK: arith.select %[[B0]], %{{.*}}, %{{.*}} : vector<4xi1>, vector<4xi32>
// CHECK: arith.cmpf oge, %[[Z1]]
// CHECK: arith.cmpf oge, %[[Z2]]
// CHECK: math.absf %[[Z0]]
// CHECK: %[[BYTES:.*]] = vector.bitcast %{{.*}} : vector<4xi32> to vector<16xi8>
// CHECK: %[[HIGHEST:.*]] = vector.shuffle %[[BYTES]], %[[BYTES]] [3, 7, 11, 15]
// CHECK: %[[CODES:.*]] = arith.shrui %[[HIGHEST]], %{{.*}} : vector<4xi8>
// CHECK: vector.store %[[CODES]], %[[C]][%[[T]], %c0]
// CHECK: %[[SCORES:.*]] = arith.divf %{{.*}} : vector<4xf32>
// CHECK: vector.store %[[SCORES]], %[[S]][%[[T]], %c0]
// CHECK: arith.divf %{{.*}} : vector<2xf32>
// CHECK: vector.store %{{.*}}, %[[S]][%[[T]], %c4] : memref<?x6xf32>, vector<2xf32>
func.func @narrow(%x: memref<?x18xf32>, %c: memref<?x6xi8>, %s: memref<?x6xf32>) {
  mf.hash magnitude bits(3) strategy(#mf.cpu_hash<tokens = 16, tables = 4>)
      ins(%x : memref<?x18xf32>) outs(%c, %s : memref<?x6xi8>, memref<?x6xf32>)
  return
}

// Eight lanes: rows of four elements from two chunks, transposed inside quarters. The last block of 10 bits overlaps.
// CHECK-LABEL: func.func @transposed(
// CHECK: scf.for
// CHECK: scf.for %[[CHUNK:.*]] = %c0 to %c16 step %c8
// CHECK: %[[BASE:.*]] = arith.muli %[[CHUNK]], %c10
// CHECK: vector.load %{{.*}} : memref<?x160xf32>, vector<4xf32>
// CHECK: vector.shuffle %{{.*}} [0, 1, 2, 3, 4, 5, 6, 7] : vector<4xf32>, vector<4xf32>
// CHECK: vector.shuffle %{{.*}} [0, 8, 1, 9, 4, 12, 5, 13] : vector<8xf32>, vector<8xf32>
// CHECK: vector.shuffle %{{.*}} [0, 1, 8, 9, 4, 5, 12, 13] : vector<8xf32>, vector<8xf32>
// CHECK: arith.addi %[[BASE]], %c4
// CHECK: arith.addi %[[BASE]], %c6
// CHECK-NOT: vector.from_elements
// CHECK: vector.shuffle %{{.*}} [1, 3, 5, 7, 9, 11, 13, 15] : vector<16xi16>
func.func @transposed(%x: memref<?x160xf32>, %c: memref<?x16xi16>, %s: memref<?x16xf32>) {
  mf.hash probability bits(10) temperature(0.5) strategy(#mf.cpu_hash<tokens = 16, tables = 8>)
      ins(%x : memref<?x160xf32>) outs(%c, %s : memref<?x16xi16>, memref<?x16xf32>)
  return
}

// One chunk is computed with scalars; rows of tiles are strided.
// CHECK-LABEL: func.func @scalar(
// CHECK-NOT: vector
// CHECK: arith.cmpf oge, %{{.*}} : f32
// CHECK: memref.store %{{.*}} : memref<?x1xi32>
func.func @scalar(%x: memref<?x2xf32, strided<[7, 1], offset: ?>>, %c: memref<?x1xi32>, %s: memref<?x1xf32>) {
  mf.hash magnitude bits(2) strategy(#mf.cpu_hash<tokens = 16, tables = 8>)
      ins(%x : memref<?x2xf32, strided<[7, 1], offset: ?>>) outs(%c, %s : memref<?x1xi32>, memref<?x1xf32>)
  return
}
}
