// Compute ops on memrefs: results in the buffers of the destinations, which only mf.update_state reads.
// RUN: mf-opt %s --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map" --canonicalize | FileCheck %s

// Nothing of an empty destination is copied.
// CHECK-LABEL: func.func @hash(
// CHECK-SAME: %[[X:.*]]: memref<?x64xf32>)
// CHECK: %[[C:.*]] = memref.alloc(%{{.*}}) {{.*}} : memref<?x8xi8>
// CHECK: %[[S:.*]] = memref.alloc(%{{.*}}) {{.*}} : memref<?x8xf32>
// CHECK: mf.hash magnitude bits(8) ins(%[[X]] : memref<?x64xf32>) outs(%[[C]], %[[S]] : memref<?x8xi8>, memref<?x8xf32>)
// CHECK-NEXT: return %[[C]], %[[S]]
func.func @hash(%x: tensor<?x64xf32>) -> (tensor<?x8xi8>, tensor<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x64xf32>
  %c = tensor.empty(%n) : tensor<?x8xi8>
  %s = tensor.empty(%n) : tensor<?x8xf32>
  %0:2 = mf.hash magnitude bits(8) ins(%x : tensor<?x64xf32>) outs(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>)
      -> tensor<?x8xi8>, tensor<?x8xf32>
  return %0#0, %0#1 : tensor<?x8xi8>, tensor<?x8xf32>
}

// Two results want two buffers, also where their destinations are one tensor.
// CHECK-LABEL: func.func @lookup(
// CHECK: %[[A:.*]] = memref.alloc
// CHECK: %[[B:.*]] = memref.alloc
// CHECK-NOT: memref.copy
// CHECK: mf.lookup {{.*}} outs(%[[A]], %[[B]] : memref<?x40xf32>, memref<?x40xf32>)
// CHECK: return %[[A]], %[[B]]
func.func @lookup(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x40xf32>, %n: index)
    -> (tensor<?x40xf32>, tensor<?x40xf32>) {
  %y = tensor.empty(%n) : tensor<?x40xf32>
  %0:2 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>)
      tables(%t, %t : tensor<8x256x40xf32>, tensor<8x256x40xf32>)
      outs(%y, %y : tensor<?x40xf32>, tensor<?x40xf32>) -> tensor<?x40xf32>, tensor<?x40xf32>
  return %0#0, %0#1 : tensor<?x40xf32>, tensor<?x40xf32>
}

// A sum may overwrite its term.
// CHECK-LABEL: func.func @add_in_place(
// CHECK-SAME: %[[X:.*]]: memref<?x40xf32>, %[[Y:.*]]: memref<?x40xf32>)
// CHECK-NEXT: mf.add ins(%[[X]], %[[Y]] : memref<?x40xf32>, memref<?x40xf32>) outs(%[[X]] : memref<?x40xf32>)
// CHECK-NEXT: return %[[X]]
func.func @add_in_place(%x: tensor<?x40xf32>, %y: tensor<?x40xf32>) -> tensor<?x40xf32> {
  %0 = mf.add ins(%x, %y : tensor<?x40xf32>, tensor<?x40xf32>) outs(%x : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %0 : tensor<?x40xf32>
}

// A norm must not overwrite its input.
// CHECK-LABEL: func.func @norm_not_in_place(
// CHECK-SAME: %[[X:.*]]: memref<?x40xf32>
// CHECK: %[[Y:.*]] = memref.alloc
// CHECK-NOT: memref.copy
// CHECK: mf.rms_norm ins(%[[X]], %{{.*}}) outs(%[[Y]] : memref<?x40xf32>)
func.func @norm_not_in_place(%x: tensor<?x40xf32>, %scale: tensor<40xf32>) -> tensor<?x40xf32> {
  %0 = mf.rms_norm ins(%x, %scale : tensor<?x40xf32>, tensor<40xf32>) outs(%x : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %0 : tensor<?x40xf32>
}

// State is updated in place, and what it held is kept where the old state is still wanted.
// CHECK-LABEL: func.func @update(
// CHECK-SAME: %[[X:.*]]: memref<?x4x16xf32>, %[[S:.*]]: memref<?xi32>, %[[C:.*]]: memref<?x4x?x16xf32>)
// CHECK-NEXT: mf.update_state ins(%[[X]], %[[S]], %[[S]] {{.*}}) outs(%[[C]] : memref<?x4x?x16xf32>)
// CHECK-NEXT: return %[[C]]
func.func @update(%x: tensor<?x4x16xf32>, %s: tensor<?xi32>, %c: tensor<?x4x?x16xf32>) -> tensor<?x4x?x16xf32> {
  %0 = mf.update_state ins(%x, %s, %s : tensor<?x4x16xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%c : tensor<?x4x?x16xf32>) -> tensor<?x4x?x16xf32>
  return %0 : tensor<?x4x?x16xf32>
}

// CHECK-LABEL: func.func @update_copy(
// CHECK-SAME: %{{.*}}: memref<?x4x16xf32>, %{{.*}}: memref<?xi32>, %[[C:.*]]: memref<?x4x?x16xf32>)
// CHECK: %[[NEW:.*]] = memref.alloc
// CHECK: memref.copy %[[C]], %[[NEW]]
// CHECK: mf.update_state {{.*}} outs(%[[NEW]] : memref<?x4x?x16xf32>)
func.func @update_copy(%x: tensor<?x4x16xf32>, %s: tensor<?xi32>, %c: tensor<?x4x?x16xf32>)
    -> (tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>) {
  %0 = mf.update_state ins(%x, %s, %s : tensor<?x4x16xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%c : tensor<?x4x?x16xf32>) -> tensor<?x4x?x16xf32>
  return %0, %c : tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>
}

// So may the result of an activation.
// CHECK-LABEL: func.func @activation_in_place(
// CHECK-SAME: %[[X:.*]]: memref<?x40xf32>, %[[F:.*]]: memref<?x40xf32>)
// CHECK-NEXT: mf.activation silu ins(%[[X]] : memref<?x40xf32>) factor(%[[F]] : memref<?x40xf32>) outs(%[[F]] : memref<?x40xf32>)
func.func @activation_in_place(%x: tensor<?x40xf32>, %f: tensor<?x40xf32> {bufferization.writable = true})
    -> tensor<?x40xf32> {
  %0 = mf.activation silu ins(%x : tensor<?x40xf32>) factor(%f : tensor<?x40xf32>) outs(%f : tensor<?x40xf32>)
      -> tensor<?x40xf32>
  return %0 : tensor<?x40xf32>
}
