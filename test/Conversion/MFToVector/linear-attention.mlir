// Linear attention: keys of a run into the chunk, queries against chunk and sums, full chunks into the sums.
// RUN: mf-opt %s --convert-mf-to-vector --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @recurrent(
// CHECK-SAME: %[[Q:.*]]: memref<?x1x8xf32>, %[[V:.*]]: memref<?x1x4xf32>, %[[SLOTS:.*]]: memref<?xi32>, %[[POSITIONS:.*]]: memref<?xi32>, %[[STATE:.*]]: memref<?x1x96xf32>
// CHECK-DAG: %[[FEATURES:.*]] = memref.alloca() {alignment = 64 : i64} : memref<2x8xf32>
// CHECK-DAG: %[[WEIGHTS:.*]] = memref.alloca() {alignment = 64 : i64} : memref<2x4xf32>
// CHECK: scf.for %[[T:.*]] = %c0 to %{{.*}} step %c1 iter_args(%[[NEXT:.*]] = %c0)
// Only where a run begins: its chunk's column, and its length.
// CHECK: arith.cmpi eq, %[[T]], %[[NEXT]]
// CHECK: scf.if
// CHECK: memref.load %[[SLOTS]][%[[T]]]
// CHECK: %[[P:.*]] = memref.load %[[POSITIONS]][%[[T]]]
// CHECK: arith.remui
// CHECK: scf.for
// The parts of the state: sums [8, 4], keys [8, 4], values [4, 4].
// CHECK: %[[SUMS:.*]] = memref.reinterpret_cast %{{.*}} sizes: [8, 4], strides: [4, 1]
// CHECK: %[[KEYS:.*]] = memref.reinterpret_cast %{{.*}} sizes: [8, 4], strides: [4, 1]
// CHECK: %[[VALUES:.*]] = memref.reinterpret_cast %{{.*}} sizes: [4, 4], strides: [4, 1]
// CHECK: %[[TOTALS:.*]] = memref.reinterpret_cast %{{.*}} sizes: [8], strides: [1]
// A key's features are a column.
// CHECK: memref.store %{{.*}}, %[[KEYS]]
// CHECK: vector.store %{{.*}}, %[[VALUES]]
// Two queries at a time, then one; what lies behind a query is masked.
// CHECK: vector.store %{{.*}}, %[[FEATURES]]
// CHECK: vector.load %[[KEYS]]
// CHECK: vector.load %[[TOTALS]]
// CHECK: arith.cmpi sgt
// CHECK: arith.select
// CHECK: vector.store %{{.*}}, %[[WEIGHTS]]
// CHECK: vector.load %[[SUMS]]
// CHECK: vector.load %[[VALUES]]
// A full chunk joins the sums.
// CHECK: scf.if
// CHECK: vector.store %{{.*}}, %[[SUMS]]
// CHECK: memref.store %{{.*}}, %[[TOTALS]]
func.func @recurrent(%q: memref<?x1x8xf32>, %v: memref<?x1x4xf32>, %slots: memref<?xi32>, %positions: memref<?xi32>,
                     %state: memref<?x1x96xf32>) {
  mf.recurrent_attention features(#mf.elu_features) chunk(4)
      strategy(#mf.cpu_linear_attention<rows = 2, columns = 4, lanes = 4>)
      ins(%q, %q, %v, %slots, %positions : memref<?x1x8xf32>, memref<?x1x8xf32>, memref<?x1x4xf32>, memref<?xi32>,
          memref<?xi32>)
      outs(%v, %state : memref<?x1x4xf32>, memref<?x1x96xf32>)
  return
}
