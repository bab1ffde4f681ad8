// The lookup: sums in registers while all tables pass; every column range in whole vectors, then narrower ones.
// RUN: mf-opt %s --convert-mf-to-vector --canonicalize --cse --split-input-file | FileCheck %s

// Strips of 12 columns, 19 in all: 8 + 4 of the first strip, 4 + 2 + 1 of the second.
// CHECK-LABEL: func.func @strips(
// CHECK-SAME: %[[C:.*]]: memref<?x5xi8>, %[[S:.*]]: memref<?x5xf32>, %[[T:.*]]: memref<2x5x16x12xf32>, %[[B:.*]]: memref<19xf32>, %[[Y:.*]]: memref<?x19xf32, strided<[40, 1], offset: ?>>
// CHECK: scf.for %[[M:.*]] =
// CHECK: %[[B0:.*]] = vector.load %[[B]][%c0] : memref<19xf32>, vector<4xf32>
// CHECK: %[[B4:.*]] = vector.load %[[B]][%c4] : memref<19xf32>, vector<4xf32>
// CHECK: %[[SUMS:.*]]:2 = scf.for %[[K:.*]] = %c0 to %c5 step %c1 iter_args(%[[A0:.*]] = %[[B0]], %{{.*}} = %[[B4]])
// CHECK: %[[CODE:.*]] = memref.load %[[C]][%[[M]], %[[K]]]
// CHECK: %[[ROW:.*]] = arith.index_castui %[[CODE]] : i8 to index
// CHECK: %[[SCORE:.*]] = memref.load %[[S]][%[[M]], %[[K]]]
// CHECK: %[[W:.*]] = vector.broadcast %[[SCORE]]
// CHECK: %[[E0:.*]] = vector.load %[[T]][%c0, %[[K]], %[[ROW]], %c0]
// CHECK: %[[P:.*]] = arith.mulf %[[W]], %[[E0]]
// CHECK: arith.addf %[[P]], %[[A0]]
// CHECK: vector.load %[[T]][%c0, %[[K]], %[[ROW]], %c4]
// CHECK: vector.store %[[SUMS]]#0, %[[Y]][%[[M]], %c0]
// CHECK: scf.for {{.*}} -> (vector<4xf32>) {
// CHECK: vector.store %{{.*}}, %[[Y]][%[[M]], %c8]
// CHECK: scf.for {{.*}} -> (vector<4xf32>, vector<2xf32>, f32) {
// CHECK: vector.load %[[T]][%c1, %{{.*}}, %{{.*}}, %c0] {{.*}}, vector<4xf32>
// CHECK: vector.load %[[T]][%c1, %{{.*}}, %{{.*}}, %c4] {{.*}}, vector<2xf32>
// CHECK: memref.load %[[T]][%c1, %{{.*}}, %{{.*}}, %c6]
// CHECK: memref.store %{{.*}}, %[[Y]][%[[M]], %c18]
func.func @strips(%c: memref<?x5xi8>, %s: memref<?x5xf32>, %t: memref<2x5x16x12xf32>, %b: memref<19xf32>,
                  %y: memref<?x19xf32, strided<[40, 1], offset: ?>>) {
  mf.lookup layout(<strip_columns = 12>) strategy(#mf.cpu_row_gather<tokens = 16, columns = 8, lanes = 4>)
      ins(%c, %s : memref<?x5xi8>, memref<?x5xf32>) tables(%t : memref<2x5x16x12xf32>) biases(%b : memref<19xf32>)
      outs(%y : memref<?x19xf32, strided<[40, 1], offset: ?>>)
  return
}

// -----

// Two sets in one loop over tokens; bf16 by shifts, f16 by the target's conversion; fused products.
module attributes {mf.target = #mf.cpu_target<variant = "x86-64-v3", triple = "x86_64-unknown-linux-gnu",
    cpu = "x86-64-v3", features = "", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 524288>} {
// CHECK-LABEL: func.func @halves(
// CHECK: scf.for %[[M:.*]] =
// CHECK: scf.for %[[COLUMN:.*]] = %c0 to %c32 step %c16
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[ZERO:.*]], %{{.*}} = %[[ZERO]])
// CHECK: arith.extf %{{.*}} : vector<8xf16> to vector<8xf32>
// CHECK: math.fma
// CHECK: scf.for
// CHECK: %[[LOW:.*]] = arith.bitcast %{{.*}} : vector<8xbf16> to vector<8xi16>
// CHECK: %[[WIDE:.*]] = arith.extui %[[LOW]] : vector<8xi16> to vector<8xi32>
// CHECK: arith.shli %[[WIDE]]
// CHECK: math.fma
func.func @halves(%c: memref<?x5xi16>, %s: memref<?x5xf32>, %t: memref<5x1024x32xf16>, %u: memref<5x1024x8xbf16>,
                  %y: memref<?x32xf32>, %z: memref<?x8xf32>) {
  mf.lookup strategy(#mf.cpu_row_gather<tokens = 16, columns = 16, lanes = 8>)
      ins(%c, %s : memref<?x5xi16>, memref<?x5xf32>) tables(%t, %u : memref<5x1024x32xf16>, memref<5x1024x8xbf16>)
      outs(%y, %z : memref<?x32xf32>, memref<?x8xf32>)
  return
}
}

// -----

// A target without fused products has no conversion of f16 either.
// CHECK-LABEL: func.func @baseline(
// CHECK-NOT: arith.extf
// CHECK: arith.bitcast %{{.*}} : vector<4xf16> to vector<4xi16>
// CHECK-NOT: math.fma
func.func @baseline(%c: memref<?x5xi8>, %s: memref<?x5xf32>, %t: memref<5x256x4xf16>, %y: memref<?x4xf32>) {
  mf.lookup strategy(#mf.cpu_row_gather<tokens = 16, columns = 4, lanes = 4>)
      ins(%c, %s : memref<?x5xi8>, memref<?x5xf32>) tables(%t : memref<5x256x4xf16>) outs(%y : memref<?x4xf32>)
  return
}

// -----

// Rows of pruned tables lie in one table, whatever the chunk.
// CHECK-LABEL: func.func @shared_rows(
// CHECK-SAME: %[[C:.*]]: memref<?x8xi16>, %{{.*}}: memref<?x8xf32>, %[[T:.*]]: memref<1x500x16xf32>
// CHECK: %[[CODE:.*]] = memref.load %[[C]]
// CHECK: %[[ROW:.*]] = arith.index_castui %[[CODE]] : i16 to index
// CHECK: vector.load %[[T]][%c0, %[[ROW]], %{{.*}}]
func.func @shared_rows(%c: memref<?x8xi16>, %s: memref<?x8xf32>, %t: memref<1x500x16xf32>, %y: memref<?x16xf32>) {
  mf.lookup strategy(#mf.cpu_row_gather<tokens = 16, columns = 16, lanes = 16>) ins(%c, %s : memref<?x8xi16>, memref<?x8xf32>)
      tables(%t : memref<1x500x16xf32>) outs(%y : memref<?x16xf32>)
  return
}
