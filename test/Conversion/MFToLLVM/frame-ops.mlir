// Reads of a frame: mf_rt_frame has dims, operands, parameters, workspace and workers at bytes 0, 8, 16, 24 and 32.
// RUN: mf-opt %s --convert-mf-to-llvm --reconcile-unrealized-casts --canonicalize | FileCheck %s

// CHECK-LABEL: llvm.func @f(
// CHECK-SAME: %[[FRAME:.*]]: !llvm.ptr)
// CHECK: %[[DIMS:.*]] = llvm.load %[[FRAME]] invariant {alignment = 8 : i64} : !llvm.ptr -> !llvm.ptr
// CHECK: %[[DIM:.*]] = llvm.getelementptr inbounds %[[DIMS]][1] : (!llvm.ptr) -> !llvm.ptr, i64
// CHECK: %[[N:.*]] = llvm.load %[[DIM]] invariant {alignment = 8 : i64} : !llvm.ptr -> i64
// CHECK: llvm.getelementptr inbounds %[[FRAME]][8] : (!llvm.ptr) -> !llvm.ptr, i8
// CHECK: %[[X:.*]] = llvm.load %{{.*}} invariant
// CHECK: llvm.getelementptr inbounds %[[FRAME]][16]
// CHECK: llvm.getelementptr inbounds %{{.*}}[3] : (!llvm.ptr) -> !llvm.ptr, i64
// CHECK: %[[P:.*]] = llvm.load %{{.*}} invariant
// CHECK: llvm.intr.assume %{{.*}} ["align"(%[[P]], %{{.*}} : !llvm.ptr, i64)]
// CHECK: llvm.getelementptr inbounds %[[FRAME]][24]
// CHECK: %[[W:.*]] = llvm.load %{{.*}} invariant
// CHECK: llvm.intr.assume %{{.*}} ["align"(%[[W]], %{{.*}} : !llvm.ptr, i64)]
func.func @f(%frame: !mf.frame) {
  %c0 = arith.constant 0 : index
  %n = mf.frame_dim %frame[1] : index
  %x = mf.frame_operand %frame[0](%n) : memref<?x8xf32>
  %p = mf.frame_parameter %frame[3] : memref<4xf32>
  %w = mf.frame_workspace %frame(%n) : memref<?xi8>
  %e = memref.load %p[%c0] : memref<4xf32>
  memref.store %e, %x[%n, %c0] : memref<?x8xf32>
  %v = memref.view %w[%c0][] : memref<?xi8> to memref<1xf32>
  memref.store %e, %v[%c0] : memref<1xf32>
  return
}

// CHECK-LABEL: llvm.func @f.workspace(
// CHECK-SAME: %[[FRAME:.*]]: !llvm.ptr) -> i64
// CHECK: llvm.getelementptr inbounds %[[FRAME]][32]
// CHECK: %[[WORKERS:.*]] = llvm.load %{{.*}} invariant {alignment = 8 : i64} : !llvm.ptr -> i64
// CHECK: llvm.return %[[WORKERS]]
func.func @f.workspace(%frame: !mf.frame) -> i64 {
  %n = mf.frame_workers %frame : index
  %bytes = arith.index_cast %n : index to i64
  return %bytes : i64
}
