// RUN: mf-opt %s --mf-plan-workspace --cse --split-input-file | FileCheck %s

// %a and %c do not live at the same time and share a place of the larger size; %b lives with both.
// CHECK-LABEL: func.func @share(
// CHECK-SAME: %[[FRAME:.*]]: !mf.frame)
// CHECK-DAG: %[[ZERO:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[T:.*]] = mf.frame_dim %[[FRAME]][0]
// CHECK-DAG: %[[C128:.*]] = arith.constant 128 : index
// CHECK-DAG: %[[AC:.*]] = arith.muli %[[T]], %[[C128]]
// CHECK-DAG: %[[C64:.*]] = arith.constant 64 : index
// CHECK-DAG: %[[B:.*]] = arith.muli %[[T]], %[[C64]]
// CHECK-DAG: %[[TOTAL:.*]] = arith.addi %[[AC]], %[[B]]
// CHECK: %[[W:.*]] = mf.frame_workspace %[[FRAME]](%[[TOTAL]])
// CHECK-NOT: memref.alloc
// CHECK: memref.view %[[W]][%[[ZERO]]][%[[T]]] : memref<?xi8> to memref<?x16xf32>
// CHECK: memref.view %[[W]][%[[AC]]][%[[T]]] : memref<?xi8> to memref<?x16xf32>
// CHECK: memref.view %[[W]][%[[ZERO]]][%[[T]]] : memref<?xi8> to memref<?x32xf32>
// CHECK-LABEL: func.func @share.workspace(
// CHECK-SAME: %[[FRAME:.*]]: !mf.frame) -> i64
// CHECK-DAG: %[[T:.*]] = mf.frame_dim %[[FRAME]][0]
// CHECK-DAG: %[[C128:.*]] = arith.constant 128 : index
// CHECK-DAG: %[[AC:.*]] = arith.muli %[[T]], %[[C128]]
// CHECK-DAG: %[[C64:.*]] = arith.constant 64 : index
// CHECK-DAG: %[[B:.*]] = arith.muli %[[T]], %[[C64]]
// CHECK-DAG: %[[TOTAL:.*]] = arith.addi %[[AC]], %[[B]]
// CHECK: %[[BYTES:.*]] = arith.index_cast %[[TOTAL]] : index to i64
// CHECK: return %[[BYTES]]
func.func @share(%frame: !mf.frame) {
  %t = mf.frame_dim %frame[0] : index
  %x = mf.frame_operand %frame[0](%t) : memref<?x16xf32>
  %y = mf.frame_operand %frame[1](%t) : memref<?x32xf32>
  %a = memref.alloc(%t) : memref<?x16xf32>
  %b = memref.alloc(%t) : memref<?x16xf32>
  %c = memref.alloc(%t) : memref<?x32xf32>
  memref.copy %x, %a : memref<?x16xf32> to memref<?x16xf32>
  %view = memref.subview %a[0, 0] [%t, 16] [1, 1] : memref<?x16xf32> to memref<?x16xf32, strided<[16, 1]>>
  memref.copy %view, %b : memref<?x16xf32, strided<[16, 1]>> to memref<?x16xf32>
  memref.copy %y, %c : memref<?x32xf32> to memref<?x32xf32>
  memref.copy %b, %x : memref<?x16xf32> to memref<?x16xf32>
  memref.copy %c, %y : memref<?x32xf32> to memref<?x32xf32>
  return
}

// -----

// Sizes of other dimensions share by their maximum, what is no multiple of 64 is rounded up, a view keeps its buffer
// alive, and a size may be made of dimensions by growing ops.
// CHECK-LABEL: func.func @sizes.workspace(
// CHECK-SAME: %[[FRAME:.*]]: !mf.frame) -> i64
// CHECK-DAG: %[[T:.*]] = mf.frame_dim %[[FRAME]][0]
// CHECK-DAG: %[[U:.*]] = mf.frame_dim %[[FRAME]][1]
// CHECK-DAG: %[[C12:.*]] = arith.constant 12 : index
// CHECK-DAG: %[[TB:.*]] = arith.muli %[[T]], %[[C12]]
// CHECK-DAG: %[[H:.*]] = affine.apply #{{.*}}()[%[[U]]]
// CHECK-DAG: %[[C4:.*]] = arith.constant 4 : index
// CHECK-DAG: %[[UB:.*]] = arith.muli %[[H]], %[[C4]]
// CHECK-DAG: %[[MAX:.*]] = arith.maxui %[[TB]], %[[UB]]
// CHECK-DAG: %[[C63:.*]] = arith.constant 63 : index
// CHECK-DAG: %[[UP:.*]] = arith.addi %[[MAX]], %[[C63]]
// CHECK-DAG: %[[MASK:.*]] = arith.constant -64 : index
// CHECK-DAG: %[[PLACE:.*]] = arith.andi %[[UP]], %[[MASK]]
// CHECK: arith.index_cast %[[PLACE]]
func.func @sizes(%frame: !mf.frame) {
  %t = mf.frame_dim %frame[0] : index
  %u = mf.frame_dim %frame[1] : index
  %h = affine.apply affine_map<()[s0] -> (s0 ceildiv 2 + 1)>()[%u]
  %x = mf.frame_operand %frame[0](%t) : memref<?x3xf32>
  %y = mf.frame_operand %frame[1](%u) : memref<?xf32>
  %a = memref.alloc(%t) : memref<?x3xf32>
  memref.copy %x, %a : memref<?x3xf32> to memref<?x3xf32>
  %flat = memref.collapse_shape %a [[0, 1]] : memref<?x3xf32> into memref<?xf32>
  memref.copy %a, %x : memref<?x3xf32> to memref<?x3xf32>
  memref.copy %flat, %y : memref<?xf32> to memref<?xf32>
  %b = memref.alloc(%h) : memref<?xf32>
  memref.copy %b, %y : memref<?xf32> to memref<?xf32>
  return
}

// -----

// Buffers of parallel loops are in the worker's scratch, which all loops share: 16 * 16 bytes for %a or %c, then 16 * 8
// for %b.
// CHECK-LABEL: func.func @scratch(
// CHECK-SAME: %[[FRAME:.*]]: !mf.frame)
// CHECK-DAG: %[[WORKERS:.*]] = mf.frame_workers %[[FRAME]]
// CHECK-DAG: %[[STRIDE:.*]] = arith.constant 384 : index
// CHECK: %[[TOTAL:.*]] = arith.muli %[[WORKERS]], %[[STRIDE]]
// CHECK: %[[W:.*]] = mf.frame_workspace %[[FRAME]](%[[TOTAL]])
// CHECK: scf.forall
// CHECK: %[[WORKER:.*]] = mf.worker_index
// CHECK: %[[OWN:.*]] = arith.muli %[[WORKER]], %[[STRIDE]]
// CHECK: %[[C256:.*]] = arith.constant 256 : index
// CHECK: %[[SECOND:.*]] = arith.addi %[[OWN]], %[[C256]]
// CHECK: %[[A:.*]] = memref.view %[[W]][%[[OWN]]][%{{.*}}] : memref<?xi8> to memref<?x4xf32>
// CHECK: memref.view %[[W]][%[[SECOND]]]{{.*}} to memref<?x8xi8>
// CHECK: mf.add {{.*}} outs(%[[A]]
// CHECK: mf.add ins(%[[A]]
// CHECK: mf.add {{.*}} outs(%[[A]]
// CHECK: scf.forall
// CHECK: mf.worker_index
// CHECK: memref.view %[[W]]{{.*}} to memref<3xf32>
func.func @scratch(%frame: !mf.frame) {
  %t = mf.frame_dim %frame[0] : index
  %x = mf.frame_operand %frame[0](%t) : memref<?x4xf32>
  %y = mf.frame_operand %frame[1] : memref<3xf32>
  %z = mf.frame_operand %frame[2](%t) : memref<?x8xi8>
  scf.forall (%i) = (0) to (%t) step (16) {
    %size = affine.min affine_map<(d0)[s0] -> (16, s0 - d0)>(%i)[%t]
    %s = memref.subview %x[%i, 0] [%size, 4] [1, 1]
        : memref<?x4xf32> to memref<?x4xf32, strided<[4, 1], offset: ?>>
    %u = memref.subview %z[%i, 0] [%size, 8] [1, 1]
        : memref<?x8xi8> to memref<?x8xi8, strided<[8, 1], offset: ?>>
    %a = memref.alloc(%size) : memref<?x4xf32>
    %b = memref.alloc(%size) : memref<?x8xi8>
    mf.add ins(%s, %s : memref<?x4xf32, strided<[4, 1], offset: ?>>, memref<?x4xf32, strided<[4, 1], offset: ?>>)
        outs(%a : memref<?x4xf32>)
    memref.copy %u, %b : memref<?x8xi8, strided<[8, 1], offset: ?>> to memref<?x8xi8>
    mf.add ins(%a, %a : memref<?x4xf32>, memref<?x4xf32>)
        outs(%s : memref<?x4xf32, strided<[4, 1], offset: ?>>)
    %c = memref.alloc(%size) : memref<?x4xf32>
    mf.add ins(%s, %s : memref<?x4xf32, strided<[4, 1], offset: ?>>, memref<?x4xf32, strided<[4, 1], offset: ?>>)
        outs(%c : memref<?x4xf32>)
    memref.copy %b, %u : memref<?x8xi8> to memref<?x8xi8, strided<[8, 1], offset: ?>>
  }
  scf.forall (%i) in (2) {
    %d = memref.alloc() : memref<3xf32>
    memref.copy %y, %d : memref<3xf32> to memref<3xf32>
  }
  return
}

// -----

// Nothing is allocated: the function stays, its workspace is empty. Functions without a frame have none.
// CHECK-LABEL: func.func @nothing(
// CHECK-NEXT: return
// CHECK-LABEL: func.func @nothing.workspace(
// CHECK: %[[ZERO:.*]] = arith.constant 0 : index
// CHECK: arith.index_cast %[[ZERO]]
func.func @nothing(%frame: !mf.frame) {
  return
}
// CHECK-LABEL: func.func private @no_frame(
// CHECK-NEXT: memref.alloc
// CHECK-NOT: @no_frame.workspace
func.func private @no_frame() -> memref<4xf32> {
  %a = memref.alloc() : memref<4xf32>
  return %a : memref<4xf32>
}
