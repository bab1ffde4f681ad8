// Parallel loops: a closure in the caller's entry block, one thunk a kernel.
// RUN: mf-opt %s --convert-scf-to-cf --convert-mf-to-llvm --reconcile-unrealized-casts --canonicalize | FileCheck %s

// CHECK: llvm.func @mf_rt_parallel_for(!llvm.ptr, !llvm.ptr, !llvm.ptr, i64)

// CHECK: llvm.func internal @kernel(
// CHECK-SAME: always_inline
func.func private @kernel(%begin: index, %end: index, %worker: index, %x: memref<?xf32>, %v: f32) {
  memref.store %v, %x[%begin] : memref<?xf32>
  return
}

// The room is taken once, outside the loop, and is alive during a call.
// CHECK-LABEL: llvm.func @f(
// CHECK-SAME: %[[FRAME:.*]]: !llvm.ptr)
// CHECK-DAG: %[[THUNK:.*]] = llvm.mlir.addressof @kernel.thunk
// CHECK-DAG: %[[CLOSURE:.*]] = llvm.alloca %{{.*}} x !llvm.struct<(ptr, ptr, i64, i64, i64, f32)>
// CHECK: llvm.cond_br
// CHECK-NOT: llvm.alloca
// CHECK: llvm.intr.lifetime.start %[[CLOSURE]]
// CHECK: %[[LAST:.*]] = llvm.getelementptr inbounds %[[CLOSURE]][0, 5]
// CHECK: llvm.store %{{.*}}, %[[LAST]] : f32
// CHECK: llvm.call @mf_rt_parallel_for(%[[FRAME]], %[[THUNK]], %[[CLOSURE]], %{{.*}}) : (!llvm.ptr, !llvm.ptr, !llvm.ptr, i64) -> ()
// CHECK: llvm.intr.lifetime.end %[[CLOSURE]]
// CHECK-LABEL: llvm.func @g(
// CHECK: llvm.mlir.addressof @kernel.thunk
func.func @f(%frame: !mf.frame) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %v = arith.constant 1.0 : f32
  %n = mf.frame_dim %frame[0] : index
  %x = mf.frame_operand %frame[0](%n) : memref<?xf32>
  scf.for %i = %c0 to %n step %c1 {
    mf.parallel_for @kernel on %frame count(%n) (%x, %v : memref<?xf32>, f32)
  }
  return
}
func.func @g(%frame: !mf.frame, %x: memref<?xf32>, %n: index, %v: f32) {
  mf.parallel_for @kernel on %frame count(%n) (%x, %v : memref<?xf32>, f32)
  return
}

// CHECK-LABEL: llvm.func internal @kernel.thunk(
// CHECK-SAME: %[[CLOSURE:.*]]: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64, %[[WORKER:.*]]: i64)
// CHECK: %[[FIRST:.*]] = llvm.getelementptr inbounds %[[CLOSURE]][0, 0]
// CHECK: %[[BASE:.*]] = llvm.load %[[FIRST]] : !llvm.ptr -> !llvm.ptr
// CHECK: %[[FIELD:.*]] = llvm.getelementptr inbounds %[[CLOSURE]][0, 5]
// CHECK: %[[V:.*]] = llvm.load %[[FIELD]] : !llvm.ptr -> f32
// CHECK: llvm.call @kernel(%[[BEGIN]], %[[END]], %[[WORKER]], %[[BASE]], {{.*}}, %[[V]])
// CHECK-NOT: @kernel.thunk
