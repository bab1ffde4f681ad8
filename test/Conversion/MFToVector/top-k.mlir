// The largest elements of runs: vectors compared with what is best in each lane, then the lowest place of the largest.
// RUN: mf-opt %s --convert-mf-to-vector --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @runs(
// CHECK-SAME: %[[X:.*]]: memref<?x60xf32>, %[[V:.*]]: memref<?x4x2xf32>, %[[I:.*]]: memref<?x4x2xi32>
// CHECK: scf.for %[[ROW:.*]] =
// CHECK: scf.for %[[PART:.*]] = %c0 to %c4
// CHECK: %[[FIRST:.*]] = arith.muli %[[PART]], %c16
// CHECK: scf.for %[[RANK:.*]] = %c0 to %c2 step %c1 iter_args(%[[LAST:.*]] = %{{.*}}, %[[LASTID:.*]] = %c-1_i32) -> (f32, i32)
// CHECK: scf.for {{.*}} step %c8 iter_args(%[[BEST:.*]] = %{{.*}}, %{{.*}} = %{{.*}}) -> (vector<8xf32>, vector<8xi32>)
// CHECK: %[[VALUES:.*]] = vector.load %[[X]]
// CHECK-DAG: arith.cmpf olt, %[[VALUES]]
// CHECK-DAG: arith.cmpf oeq, %[[VALUES]]
// CHECK-DAG: arith.cmpi sgt
// CHECK: arith.cmpf ogt, %[[VALUES]], %[[BEST]]
// CHECK: arith.minsi
// CHECK: scf.for {{.*}} step %c1 iter_args({{.*}}) -> (f32, i32)
// CHECK: memref.store %{{.*}}, %[[V]][%[[ROW]], %[[PART]], %[[RANK]]]
// CHECK: memref.store %{{.*}}, %[[I]][%[[ROW]], %[[PART]], %[[RANK]]]
func.func @runs(%x: memref<?x60xf32>, %v: memref<?x4x2xf32>, %i: memref<?x4x2xi32>) {
  mf.top_k columns(16) strategy(#mf.cpu_rows<tokens = 0, lanes = 8>) ins(%x : memref<?x60xf32>)
      outs(%v, %i : memref<?x4x2xf32>, memref<?x4x2xi32>)
  return
}

// A head per run; the one with the largest is moved on.
// CHECK-LABEL: func.func @merge(
// CHECK-SAME: %[[RV:.*]]: memref<?x4x2xf32>, %[[RI:.*]]: memref<?x4x2xi32>, %[[V:.*]]: memref<?x2xf32>, %[[I:.*]]: memref<?x2xi32>
// CHECK: %[[HEADS:.*]] = memref.alloca() {{.*}} : memref<4xindex>
// CHECK: scf.for %[[PART:.*]] = %c0 to %c4 step %c1 iter_args({{.*}}) -> (f32, index)
// CHECK: %[[HEAD:.*]] = memref.load %[[HEADS]][%[[PART]]]
// CHECK: arith.cmpi slt, %[[HEAD]], %c2
// CHECK: memref.load %[[RV]]
// CHECK: arith.cmpf ogt
// CHECK: scf.if
// CHECK: memref.store %{{.*}}, %[[HEADS]]
// CHECK: memref.load %[[RI]]
// CHECK: memref.store %{{.*}}, %[[I]]
func.func @merge(%rv: memref<?x4x2xf32>, %ri: memref<?x4x2xi32>, %v: memref<?x2xf32>, %i: memref<?x2xi32>) {
  mf.merge_top_k columns(16) strategy(#mf.cpu_rows<tokens = 16, lanes = 8>)
      ins(%rv, %ri : memref<?x4x2xf32>, memref<?x4x2xi32>) outs(%v, %i : memref<?x2xf32>, memref<?x2xi32>)
  return
}
