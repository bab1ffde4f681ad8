// An op on tensors leaves a loop that it does not depend on; an op on memrefs writes, also where nothing reads after it.
// RUN: mf-opt %s --allow-unregistered-dialect --loop-invariant-code-motion --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @tensors
// CHECK: %[[H:.*]]:2 = mf.hash
// CHECK: scf.for
// CHECK-NOT: mf.hash
// CHECK: "use"(%[[H]]#0)
func.func @tensors(%x: tensor<4x64xf32>, %c: tensor<4x8xi8>, %s: tensor<4x8xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %0:2 = mf.hash magnitude bits(8) ins(%x : tensor<4x64xf32>) outs(%c, %s : tensor<4x8xi8>, tensor<4x8xf32>)
        -> tensor<4x8xi8>, tensor<4x8xf32>
    "use"(%0#0) : (tensor<4x8xi8>) -> ()
  }
  return
}

// CHECK-LABEL: func.func @memrefs
// CHECK: scf.for
// CHECK-NEXT: mf.hash
func.func @memrefs(%x: memref<4x64xf32>, %c: memref<4x8xi8>, %s: memref<4x8xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    mf.hash magnitude bits(8) ins(%x : memref<4x64xf32>) outs(%c, %s : memref<4x8xi8>, memref<4x8xf32>)
  }
  return
}
