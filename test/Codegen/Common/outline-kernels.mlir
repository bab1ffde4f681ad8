// RUN: mf-opt %s --mf-outline-kernels --split-input-file | FileCheck %s

// Constants are cloned, all else is captured; the bounds that only count iterations stay outside.
// CHECK-LABEL: func.func @one(
// CHECK-SAME: %[[FRAME:.*]]: !mf.frame)
// CHECK: %[[T:.*]] = mf.frame_dim
// CHECK: %[[X:.*]] = mf.frame_operand
// CHECK: %[[COUNT:.*]] = affine.apply #[[CEIL:.*]]()[%[[T]]]
// CHECK: mf.parallel_for @one_kernel_0 on %[[FRAME]] count(%[[COUNT]]) (%[[T]], %[[X]] : index, memref<?xf32>)
// CHECK: return
// CHECK-LABEL: func.func private @one_kernel_0(
// CHECK-SAME: %[[BEGIN:.*]]: index, %[[END:.*]]: index, %[[WORKER:.*]]: index, %[[T:.*]]: index, %[[X:.*]]: memref<?xf32>)
// CHECK-DAG: %[[CST:.*]] = arith.constant 1.000000e+00 : f32
// CHECK-DAG: %[[STEP:.*]] = arith.constant 1 : index
// CHECK: scf.for %[[N:.*]] = %[[BEGIN]] to %[[END]] step %[[STEP]]
// CHECK: %[[I:.*]] = affine.apply #{{.*}}(%[[N]])
// CHECK: affine.min #{{.*}}(%[[I]])[%[[T]]]
// CHECK: memref.store %[[CST]], %[[X]][%[[WORKER]]]
func.func @one(%frame: !mf.frame) {
  %cst = arith.constant 1.0 : f32
  %t = mf.frame_dim %frame[0] : index
  %x = mf.frame_operand %frame[0](%t) : memref<?xf32>
  scf.forall (%i) = (0) to (%t) step (16) {
    %size = affine.min affine_map<(d0)[s0] -> (16, s0 - d0)>(%i)[%t]
    %w = mf.worker_index : index
    memref.store %cst, %x[%w] : memref<?xf32>
    memref.store %cst, %x[%size] : memref<?xf32>
  }
  return
}

// -----

// The last loop runs fastest. Inner parallel loops run in sequence.
// CHECK-DAG: #[[FIRST:.*]] = affine_map<(d0)[s0] -> (d0 * 2 + s0)>
// CHECK-LABEL: func.func @two(
// CHECK: %[[OUTER:.*]] = affine.apply
// CHECK: %[[INNER:.*]] = affine.apply
// CHECK: %[[COUNT:.*]] = arith.muli %[[OUTER]], %[[INNER]]
// CHECK: mf.parallel_for @two_kernel_0 on %{{.*}} count(%[[COUNT]])
// CHECK-LABEL: func.func private @two_kernel_0(
// CHECK-SAME: %{{.*}}: index, %{{.*}}: index, %{{.*}}: index, %[[X:.*]]: memref<?x?xf32>, %[[LOW:.*]]: index, %[[INNER:.*]]: index)
// CHECK: scf.for %[[N:.*]] =
// CHECK: %[[J:.*]] = arith.remui %[[N]], %[[INNER]]
// CHECK: %[[I:.*]] = arith.divui %[[N]], %[[INNER]]
// CHECK: affine.apply #[[FIRST]](%[[I]])[%[[LOW]]]
// CHECK-NOT: scf.forall
// CHECK: scf.for
// CHECK: memref.store
func.func @two(%frame: !mf.frame) {
  %t = mf.frame_dim %frame[0] : index
  %u = mf.frame_dim %frame[1] : index
  %x = mf.frame_operand %frame[0](%t, %u) : memref<?x?xf32>
  %cst = arith.constant 1.0 : f32
  scf.forall (%i, %j) = (%u, 0) to (%t, %u) step (2, 3) {
    scf.forall (%k) in (3) {
      %n = arith.addi %j, %k : index
      memref.store %cst, %x[%i, %n] : memref<?x?xf32>
    }
  }
  return
}

// -----

// Loops that differ in what they capture, not in what they do, have equal kernels.
// CHECK-LABEL: func.func @layers(
// CHECK: mf.parallel_for @layers_kernel_0 on %{{.*}} count(%{{.*}}) (%[[X:.*]], %[[Y:.*]] :
// CHECK: mf.parallel_for @layers_kernel_1 on %{{.*}} count(%{{.*}}) (%[[Y]], %[[X]] :
func.func @layers(%frame: !mf.frame) {
  %x = mf.frame_operand %frame[0] : memref<4xf32>
  %y = mf.frame_operand %frame[1] : memref<4xf32>
  scf.forall (%i) in (4) {
    memref.copy %x, %y : memref<4xf32> to memref<4xf32>
  }
  scf.forall (%i) in (4) {
    memref.copy %y, %x : memref<4xf32> to memref<4xf32>
  }
  return
}

// -----

// CHECK-LABEL: func.func @nothing(
// CHECK-NEXT: return
// CHECK-NOT: func.func
func.func @nothing(%frame: !mf.frame) {
  return
}
