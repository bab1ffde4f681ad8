// Folds and canonicalisation of the compute ops.
// RUN: mf-opt %s --canonicalize | FileCheck %s

mf.parameter @zeros : tensor<40xf32> from #mf.fill<0.0 : f32>
mf.parameter @negative_zeros : tensor<40xf32> from #mf.fill<-0.0 : f32>
mf.parameter @bias : tensor<40xf32> from #mf.random<seed = 1, scale = 1.0 : f32>

// CHECK-LABEL: func.func @zero_bias
// CHECK: mf.lookup
// CHECK-NOT: biases
// CHECK-SAME: outs
func.func @zero_bias(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x40xf32>, %y: tensor<?x40xf32>)
    -> (tensor<?x40xf32>, tensor<?x40xf32>) {
  %zeros = mf.get_parameter @zeros : tensor<40xf32>
  %constant = arith.constant dense<0.0> : tensor<40xf32>
  %0:2 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>)
      tables(%t, %t : tensor<8x256x40xf32>, tensor<8x256x40xf32>)
      biases(%zeros, %constant : tensor<40xf32>, tensor<40xf32>)
      outs(%y, %y : tensor<?x40xf32>, tensor<?x40xf32>) -> tensor<?x40xf32>, tensor<?x40xf32>
  return %0#0, %0#1 : tensor<?x40xf32>, tensor<?x40xf32>
}

// One bias that says something keeps them all.
// CHECK-LABEL: func.func @some_zero_bias
// CHECK: biases(%{{.*}}, %{{.*}} : tensor<40xf32>, tensor<40xf32>)
func.func @some_zero_bias(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x40xf32>, %y: tensor<?x40xf32>)
    -> (tensor<?x40xf32>, tensor<?x40xf32>) {
  %zeros = mf.get_parameter @zeros : tensor<40xf32>
  %bias = mf.get_parameter @bias : tensor<40xf32>
  %0:2 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>)
      tables(%t, %t : tensor<8x256x40xf32>, tensor<8x256x40xf32>)
      biases(%zeros, %bias : tensor<40xf32>, tensor<40xf32>)
      outs(%y, %y : tensor<?x40xf32>, tensor<?x40xf32>) -> tensor<?x40xf32>, tensor<?x40xf32>
  return %0#0, %0#1 : tensor<?x40xf32>, tensor<?x40xf32>
}

// A sum that starts at -0 can be -0.
// CHECK-LABEL: func.func @negative_zero_bias
// CHECK: biases
func.func @negative_zero_bias(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x40xf32>, %y: tensor<?x40xf32>)
    -> tensor<?x40xf32> {
  %bias = mf.get_parameter @negative_zeros : tensor<40xf32>
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x40xf32>)
      biases(%bias : tensor<40xf32>) outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %0 : tensor<?x40xf32>
}

// A set whose result nobody uses goes, with its bias and its destination.
// CHECK-LABEL: func.func @unused_set(
// CHECK-SAME: %[[T:[a-z0-9]+]]: tensor<8x256x40xf32>, %[[U:[a-z0-9]+]]: tensor<8x256x20xf32>
// CHECK: %[[R:.*]] = mf.lookup
// CHECK-SAME: tables(%[[U]] : tensor<8x256x20xf32>) biases(%{{.*}} : tensor<20xf32>) outs(%{{.*}} : tensor<?x20xf32>)
// CHECK: return %[[R]]
func.func @unused_set(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x40xf32>, %u: tensor<8x256x20xf32>,
                      %a: tensor<40xf32>, %b: tensor<20xf32>, %y: tensor<?x40xf32>, %z: tensor<?x20xf32>)
    -> tensor<?x20xf32> {
  %0:2 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>)
      tables(%t, %u : tensor<8x256x40xf32>, tensor<8x256x20xf32>) biases(%a, %b : tensor<40xf32>, tensor<20xf32>)
      outs(%y, %z : tensor<?x40xf32>, tensor<?x20xf32>) -> tensor<?x40xf32>, tensor<?x20xf32>
  return %0#1 : tensor<?x20xf32>
}

// CHECK-LABEL: func.func @add_negative_zero(
// CHECK-SAME: %[[X:.*]]: tensor<4x40xf32>, %[[Y:.*]]: tensor<4x40xf32>)
// CHECK-NEXT: return %[[X]], %[[X]]
func.func @add_negative_zero(%x: tensor<4x40xf32>, %y: tensor<4x40xf32>) -> (tensor<4x40xf32>, tensor<4x40xf32>) {
  %zero = arith.constant dense<-0.0> : tensor<4x40xf32>
  %0 = mf.add ins(%x, %zero : tensor<4x40xf32>, tensor<4x40xf32>) outs(%y : tensor<4x40xf32>) -> tensor<4x40xf32>
  %1 = mf.add ins(%zero, %x : tensor<4x40xf32>, tensor<4x40xf32>) outs(%y : tensor<4x40xf32>) -> tensor<4x40xf32>
  return %0, %1 : tensor<4x40xf32>, tensor<4x40xf32>
}

// -0 + +0 is +0.
// CHECK-LABEL: func.func @add_positive_zero
// CHECK: mf.add
func.func @add_positive_zero(%x: tensor<4x40xf32>, %y: tensor<4x40xf32>) -> tensor<4x40xf32> {
  %zero = arith.constant dense<0.0> : tensor<4x40xf32>
  %0 = mf.add ins(%x, %zero : tensor<4x40xf32>, tensor<4x40xf32>) outs(%y : tensor<4x40xf32>) -> tensor<4x40xf32>
  return %0 : tensor<4x40xf32>
}

// CHECK-LABEL: func.func @tensor_casts(
// CHECK-SAME: %[[X:.*]]: tensor<4x64xf32>, %[[C:.*]]: tensor<4x8xi8>, %[[S:.*]]: tensor<4x8xf32>
// CHECK: mf.hash magnitude bits(8) ins(%[[X]] : tensor<4x64xf32>)
// CHECK-SAME: outs(%[[C]], %[[S]] : tensor<4x8xi8>, tensor<4x8xf32>) -> tensor<4x8xi8>, tensor<4x8xf32>
// CHECK: tensor.cast %{{.*}} : tensor<4x8xi8> to tensor<?x8xi8>
func.func @tensor_casts(%x: tensor<4x64xf32>, %c: tensor<4x8xi8>, %s: tensor<4x8xf32>)
    -> (tensor<?x8xi8>, tensor<?x8xf32>) {
  %0 = tensor.cast %x : tensor<4x64xf32> to tensor<?x64xf32>
  %1 = tensor.cast %c : tensor<4x8xi8> to tensor<?x8xi8>
  %2 = tensor.cast %s : tensor<4x8xf32> to tensor<?x8xf32>
  %3:2 = mf.hash magnitude bits(8) ins(%0 : tensor<?x64xf32>) outs(%1, %2 : tensor<?x8xi8>, tensor<?x8xf32>)
      -> tensor<?x8xi8>, tensor<?x8xf32>
  return %3#0, %3#1 : tensor<?x8xi8>, tensor<?x8xf32>
}

// A cast that forgets goes, one that knows stays.
// CHECK-LABEL: func.func @memref_casts(
// CHECK-SAME: %[[X:.*]]: memref<4x64xf32>, %{{.*}}: memref<?x64xf32>
// CHECK: %[[Y:.*]] = memref.cast
// CHECK: mf.add ins(%[[X]], %[[X]] : memref<4x64xf32>, memref<4x64xf32>) outs(%[[Y]] : memref<4x64xf32>)
func.func @memref_casts(%x: memref<4x64xf32>, %y: memref<?x64xf32>) {
  %0 = memref.cast %x : memref<4x64xf32> to memref<?x64xf32>
  %1 = memref.cast %y : memref<?x64xf32> to memref<4x64xf32>
  mf.add ins(%0, %0 : memref<?x64xf32>, memref<?x64xf32>) outs(%1 : memref<4x64xf32>)
  return
}

// Without users an op on tensors goes; an op on memrefs writes.
// CHECK-LABEL: func.func @dead
// CHECK-NEXT: mf.add {{.*}}memref
// CHECK-NEXT: return
func.func @dead(%x: tensor<4x64xf32>, %y: memref<4x64xf32>) {
  %0 = mf.add ins(%x, %x : tensor<4x64xf32>, tensor<4x64xf32>) outs(%x : tensor<4x64xf32>) -> tensor<4x64xf32>
  mf.add ins(%y, %y : memref<4x64xf32>, memref<4x64xf32>) outs(%y : memref<4x64xf32>)
  return
}

// The shape of a result is that of its destination.
// CHECK-LABEL: func.func @dim(
// CHECK-SAME: %{{.*}}: tensor<?x40xf32>, %[[Y:.*]]: tensor<?x40xf32>)
// CHECK: tensor.dim %[[Y]]
func.func @dim(%x: tensor<?x40xf32>, %y: tensor<?x40xf32>) -> index {
  %c0 = arith.constant 0 : index
  %0 = mf.add ins(%x, %x : tensor<?x40xf32>, tensor<?x40xf32>) outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  %1 = tensor.dim %0, %c0 : tensor<?x40xf32>
  return %1 : index
}
