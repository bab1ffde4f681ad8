// Attention: blocks of keys against a tile of queries, state on the stack of the function, keys never read behind the last.
// RUN: mf-opt %s --convert-mf-to-vector --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @causal(
// CHECK-SAME: %[[Q:.*]]: memref<?x1x8xf32>, %[[K:.*]]: memref<?x1x8xf32>, %[[V:.*]]: memref<?x1x6xf32>, %[[Y:.*]]: memref<?x1x6xf32>
// CHECK-DAG: %[[SCORES:.*]] = memref.alloca() {alignment = 64 : i64} : memref<16xf32>
// CHECK-DAG: %[[MAXIMA:.*]] = memref.alloca() {alignment = 64 : i64} : memref<2xf32>
// CHECK-DAG: %[[SUMS:.*]] = memref.alloca() {alignment = 64 : i64} : memref<2x4xf32>
// CHECK-DAG: %[[RESULTS:.*]] = memref.alloca() {alignment = 64 : i64} : memref<2x6xf32>
// CHECK-NOT: memref.alloc
// CHECK-DAG: %[[KEYS:.*]] = memref.dim %[[K]], %c0
// CHECK-DAG: %[[QUERIES:.*]] = memref.dim %[[Q]], %c0
// CHECK-DAG: arith.subi %[[KEYS]], %[[QUERIES]]
// Tiles of two queries: the state begins at -inf and 0, the longest limit bounds the loop over blocks.
// CHECK: scf.for %{{.*}} = %c0 to %[[QUERIES]] step %c2
// CHECK: %[[LONGEST:.*]] = scf.for
// CHECK: memref.store %{{.*}}, %[[MAXIMA]]
// CHECK: scf.for %[[BLOCK:.*]] = %c0 to %[[LONGEST]] step %c16
// CHECK: scf.for %[[I:.*]] = %c0 to
// CHECK: scf.if
// Whole groups of four keys, then one whose keys are at most the last one.
// CHECK: vector.load %[[Q]]
// CHECK: scf.for
// CHECK: vector.load %[[K]]
// CHECK: vector.store %{{.*}}, %[[SCORES]][%{{.*}}] : memref<16xf32>, vector<4xf32>
// CHECK: scf.for
// CHECK: arith.minsi
// CHECK: vector.load %[[K]]
// CHECK: vector.store %{{.*}}, %[[SCORES]]
// Scores behind the count are -inf.
// CHECK: arith.select %{{.*}} : vector<4xi1>, vector<4xf32>
// CHECK: memref.store %{{.*}}, %[[MAXIMA]][%[[I]]]
// CHECK: vector.store %{{.*}}, %[[SUMS]][%[[I]], %c0]
// CHECK: scf.for {{.*}} -> (vector<4xf32>, vector<2xf32>) {
// CHECK: memref.load %[[SCORES]]
// CHECK: vector.load %[[V]]
// CHECK: vector.store %{{.*}}, %[[RESULTS]][%[[I]], %c0]
// A query without keys gives 0.
// CHECK: arith.cmpf oeq
// CHECK: vector.store %{{.*}}, %[[Y]]
func.func @causal(%q: memref<?x1x8xf32>, %k: memref<?x1x8xf32>, %v: memref<?x1x6xf32>, %y: memref<?x1x6xf32>) {
  mf.attention causal scale(0.5) strategy(#mf.cpu_flash<queries = 2, keys = 16, lanes = 4>)
      ins(%q, %k, %v : memref<?x1x8xf32>, memref<?x1x8xf32>, memref<?x1x6xf32>) outs(%y : memref<?x1x6xf32>)
  return
}

// Each token has its own sequence and limit; groups of four heads share a key head.
// CHECK-LABEL: func.func @cached(
// CHECK-SAME: %{{.*}}: memref<?x8x8xf32>, %[[K:.*]]: memref<?x2x?x8xf32>, %{{.*}}: memref<?x2x?x8xf32>, %[[SLOTS:.*]]: memref<?xi32>, %[[POSITIONS:.*]]: memref<?xi32>
// CHECK: scf.for %[[H:.*]] = %c0 to %c8
// CHECK: %[[G:.*]] = arith.divui %[[H]], %c4
// CHECK: memref.load %[[SLOTS]]
// CHECK: memref.load %[[POSITIONS]]
// CHECK: vector.load %[[K]][%{{.*}}, %[[G]], %{{.*}}, %c0]
func.func @cached(%q: memref<?x8x8xf32>, %k: memref<?x2x?x8xf32>, %v: memref<?x2x?x8xf32>, %s: memref<?xi32>,
                  %p: memref<?xi32>, %y: memref<?x8x8xf32>) {
  mf.cached_attention scale(0.5) strategy(#mf.cpu_flash<queries = 16, keys = 32, lanes = 8>)
      ins(%q, %k, %v, %s, %p : memref<?x8x8xf32>, memref<?x2x?x8xf32>, memref<?x2x?x8xf32>, memref<?xi32>,
          memref<?xi32>)
      outs(%y : memref<?x8x8xf32>)
  return
}
