// What is not needed for the fault, here an mf.lookup, goes.
// RUN: mf-reduce %s --reduction-tree="traversal-mode=0 test=%S/Inputs/has-lookup.sh" | FileCheck %s

// CHECK-NOT: @other
// CHECK: func.func @lookup
// CHECK: mf.lookup
// CHECK-NOT: @third
func.func @other(%x: tensor<?x40xf32>) -> tensor<?x40xf32> {
  %0 = mf.add ins(%x, %x : tensor<?x40xf32>, tensor<?x40xf32>) outs(%x : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %0 : tensor<?x40xf32>
}
func.func @lookup(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x40xf32>, %y: tensor<?x40xf32>)
    -> tensor<?x40xf32> {
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x40xf32>)
      outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %0 : tensor<?x40xf32>
}
func.func @third() {
  return
}
