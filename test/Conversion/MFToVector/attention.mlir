// Attention: runs of queries, parts and blocks of keys, register tiles; nothing is read behind the last key or value.
// RUN: mf-opt %s --convert-mf-to-vector --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @causal(
// CHECK-SAME: %[[Q:.*]]: memref<?x1x8xf32>, %[[K:.*]]: memref<?x1x8xf32>, %[[V:.*]]: memref<?x1x6xf32>, %[[Y:.*]]: memref<?x1x6xf32>
// State of two queries twice, the part in hand and the parts before; a block of keys and one of values.
// CHECK-DAG: memref.alloca() {alignment = 64 : i64} : memref<2xf32>
// CHECK-DAG: memref.alloca() {alignment = 64 : i64} : memref<2x4xf32>
// CHECK-DAG: memref.alloca() {alignment = 64 : i64} : memref<2x6xf32>
// CHECK-DAG: %[[SCORES:.*]] = memref.alloca() {alignment = 64 : i64} : memref<2x16xf32>
// CHECK-DAG: %[[PACKED:.*]] = memref.alloca() {alignment = 64 : i64} : memref<128xf32>
// CHECK-DAG: %[[VALUES:.*]] = memref.alloca() {alignment = 64 : i64} : memref<16x6xf32>
// The scale, times the logarithm of e, goes into the queries.
// CHECK: %[[LONGEST:.*]] = scf.for
// CHECK: vector.load %[[Q]]
// CHECK: arith.mulf %{{.*}}, %cst{{.*}} : vector<4xf32>
// Parts, then blocks. Keys behind the last one are the last one again.
// CHECK: scf.for %{{.*}} = %c0 to %[[LONGEST]] step %c1024
// CHECK: scf.for {{.*}} step %c16
// CHECK: arith.minsi
// CHECK: vector.load %[[K]]
// CHECK: vector.store %{{.*}}, %[[PACKED]]
// CHECK: vector.load %[[V]]
// CHECK: vector.store %{{.*}}, %[[VALUES]]
// A tile: two queries and two vectors of keys, all features in order.
// CHECK: scf.for {{.*}} -> (vector<4xf32>, vector<4xf32>, vector<4xf32>, vector<4xf32>)
// CHECK: vector.load %[[PACKED]]
// CHECK: vector.store %{{.*}}, %[[SCORES]]
// Blocks that all queries see whole need no mask; in the others, scores behind the count are -inf.
// CHECK: scf.if
// CHECK-NOT: arith.cmpi sgt, {{.*}} : vector<4xi32>
// CHECK: scf.for {{.*}} -> (vector<4xf32>, vector<2xf32>, vector<4xf32>, vector<2xf32>)
// CHECK: } else {
// CHECK: arith.cmpi sgt, {{.*}} : vector<4xi32>
// What both see, then what one alone does.
// CHECK: scf.for {{.*}} -> (vector<4xf32>, vector<2xf32>, vector<4xf32>, vector<2xf32>)
// CHECK: scf.for {{.*}} -> (vector<4xf32>, vector<2xf32>)
// A query without keys gives 0.
// CHECK: arith.divf
// CHECK: vector.store %{{.*}}, %[[Y]]
func.func @causal(%q: memref<?x1x8xf32>, %k: memref<?x1x8xf32>, %v: memref<?x1x6xf32>, %y: memref<?x1x6xf32>) {
  mf.attention causal scale(0.5) strategy(#mf.cpu_flash<queries = 2, keys = 16, rows = 2, vectors = 2, lanes = 4>)
      ins(%q, %k, %v : memref<?x1x8xf32>, memref<?x1x8xf32>, memref<?x1x6xf32>) outs(%y : memref<?x1x6xf32>)
  return
}

// Groups of four heads share a key head; tokens of one sequence are one run; keys with a layout are read as they lie,
// extended, and a single query asks for those of the next block.
// CHECK-LABEL: func.func @cached(
// CHECK-SAME: %{{.*}}: memref<?x8x8xf32>, %[[K:.*]]: memref<?x2x?x8xbf16>, %[[V:.*]]: memref<?x2x?x8xbf16>, %[[SLOTS:.*]]: memref<?xi32>, %[[POSITIONS:.*]]: memref<?xi32>
// CHECK-DAG: %[[FLAT:.*]] = memref.collapse_shape %[[K]] {{\[\[}}0], [1], [2, 3]] : memref<?x2x?x8xbf16> into memref<?x2x?xbf16>
// CHECK: scf.for %[[H:.*]] = %c0 to %c8
// CHECK: %[[G:.*]] = arith.divui %[[H]], %c4
// CHECK: memref.load %[[SLOTS]]
// CHECK: memref.load %[[POSITIONS]]
// CHECK: vector.load %[[FLAT]][%{{.*}}, %[[G]], %{{.*}}] : memref<?x2x?xbf16>, vector<8xbf16>
// CHECK-NOT: memref.prefetch %[[FLAT]]
// CHECK: vector.load %[[V]]
// CHECK: memref.prefetch %[[FLAT]]
// CHECK: memref.prefetch %[[V]]
func.func @cached(%q: memref<?x8x8xf32>, %k: memref<?x2x?x8xbf16>, %v: memref<?x2x?x8xbf16>, %s: memref<?xi32>,
                  %p: memref<?xi32>, %y: memref<?x8x8xf32>) {
  mf.cached_attention scale(0.5) layout(<keys = 16>)
      strategy(#mf.cpu_flash<queries = 16, keys = 32, rows = 2, vectors = 2, lanes = 8>)
      ins(%q, %k, %v, %s, %p : memref<?x8x8xf32>, memref<?x2x?x8xbf16>, memref<?x2x?x8xbf16>, memref<?xi32>,
          memref<?xi32>)
      outs(%y : memref<?x8x8xf32>)
  return
}

// Rows are rounded by vectors, by integers where no instruction does it; then an element of a cache with a layout goes to
// its feature's place.
// CHECK-LABEL: func.func @update(
// CHECK-SAME: %[[X:.*]]: memref<?x2x8xf32>, {{.*}}, %[[STATE:.*]]: memref<?x2x?x8xbf16>
// CHECK: %[[FLAT:.*]] = memref.collapse_shape %[[STATE]]
// CHECK: %[[BITS:.*]] = arith.bitcast %{{.*}} : vector<8xf32> to vector<8xi32>
// CHECK: arith.shrui
// CHECK: arith.remui %{{.*}}, %c16
// CHECK: memref.store %{{.*}}, %[[FLAT]]
func.func @update(%x: memref<?x2x8xf32>, %s: memref<?xi32>, %p: memref<?xi32>, %state: memref<?x2x?x8xbf16>) {
  mf.update_state layout(<keys = 16>) strategy(#mf.cpu_rows<tokens = 0, lanes = 8>)
      ins(%x, %s, %p : memref<?x2x8xf32>, memref<?xi32>, memref<?xi32>) outs(%state : memref<?x2x?x8xbf16>)
  return
}
