// Equal hashes are shared by common-subexpression elimination: an op on tensors is pure.
// RUN: mf-opt %s --cse | FileCheck %s

// CHECK-LABEL: func.func @equal_hashes
// CHECK: %[[H:.*]]:2 = mf.hash
// CHECK-NOT: mf.hash
// CHECK: return %[[H]]#0, %[[H]]#0
func.func @equal_hashes(%x: tensor<?x64xf32>) -> (tensor<?x8xi8>, tensor<?x8xi8>) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x64xf32>
  %c1 = tensor.empty(%n) : tensor<?x8xi8>
  %s1 = tensor.empty(%n) : tensor<?x8xf32>
  %0:2 = mf.hash magnitude bits(8) ins(%x : tensor<?x64xf32>) outs(%c1, %s1 : tensor<?x8xi8>, tensor<?x8xf32>)
      -> tensor<?x8xi8>, tensor<?x8xf32>
  %c2 = tensor.empty(%n) : tensor<?x8xi8>
  %s2 = tensor.empty(%n) : tensor<?x8xf32>
  %1:2 = mf.hash magnitude bits(8) ins(%x : tensor<?x64xf32>) outs(%c2, %s2 : tensor<?x8xi8>, tensor<?x8xf32>)
      -> tensor<?x8xi8>, tensor<?x8xf32>
  return %0#0, %1#0 : tensor<?x8xi8>, tensor<?x8xi8>
}

// CHECK-LABEL: func.func @other_scores
// CHECK: mf.hash magnitude
// CHECK: mf.hash probability
func.func @other_scores(%x: tensor<4x64xf32>, %c: tensor<4x8xi8>, %s: tensor<4x8xf32>)
    -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %0:2 = mf.hash magnitude bits(8) ins(%x : tensor<4x64xf32>) outs(%c, %s : tensor<4x8xi8>, tensor<4x8xf32>)
      -> tensor<4x8xi8>, tensor<4x8xf32>
  %1:2 = mf.hash probability bits(8) ins(%x : tensor<4x64xf32>) outs(%c, %s : tensor<4x8xi8>, tensor<4x8xf32>)
      -> tensor<4x8xi8>, tensor<4x8xf32>
  return %0#1, %1#1 : tensor<4x8xf32>, tensor<4x8xf32>
}

// CHECK-LABEL: func.func @equal_parameters
// CHECK: %[[P:.*]] = mf.get_parameter
// CHECK: return %[[P]], %[[P]]
mf.parameter @p : tensor<4xf32> from #mf.fill<1.0 : f32>
func.func @equal_parameters() -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = mf.get_parameter @p : tensor<4xf32>
  %1 = mf.get_parameter @p : tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

// Ops on memrefs write: they stay.
// CHECK-LABEL: func.func @memrefs
// CHECK-COUNT-2: mf.add
func.func @memrefs(%x: memref<4x64xf32>, %y: memref<4x64xf32>) {
  mf.add ins(%x, %y : memref<4x64xf32>, memref<4x64xf32>) outs(%y : memref<4x64xf32>)
  mf.add ins(%x, %y : memref<4x64xf32>, memref<4x64xf32>) outs(%y : memref<4x64xf32>)
  return
}
