// RUN: mf-opt %s --mf-fuse-lookups --split-input-file | FileCheck %s

// Query, key and value, with the tables of the later ones behind the first.
// CHECK-LABEL: func.func @qkv(
// CHECK-SAME: %[[C:.*]]: tensor<?x8xi8>, %[[S:.*]]: tensor<?x8xf32>, %[[Y:.*]]: tensor<?x40xf32>, %[[Z:.*]]: tensor<?x20xf32>
// CHECK: %[[TQ:.*]] = mf.get_parameter @tq
// CHECK: %[[TK:.*]] = mf.get_parameter @tk
// CHECK: %[[TV:.*]] = mf.get_parameter @tv
// CHECK: %[[QKV:.*]]:3 = mf.lookup ins(%[[C]], %[[S]]
// CHECK-SAME: tables(%[[TQ]], %[[TK]], %[[TV]]
// CHECK-SAME: outs(%[[Y]], %[[Y]], %[[Z]]
// CHECK: %[[SUM:.*]] = mf.add ins(%[[QKV]]#0, %[[QKV]]#1
// CHECK: return %[[SUM]], %[[QKV]]#2
mf.parameter @tq : tensor<8x256x40xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
mf.parameter @tk : tensor<8x256x40xf32> from #mf.random<seed = 2, scale = 1.0 : f32>
mf.parameter @tv : tensor<8x256x20xf16> from #mf.random<seed = 3, scale = 1.0 : f32>
func.func @qkv(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %y: tensor<?x40xf32>, %z: tensor<?x20xf32>)
    -> (tensor<?x40xf32>, tensor<?x20xf32>) {
  %tq = mf.get_parameter @tq : tensor<8x256x40xf32>
  %q = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%tq : tensor<8x256x40xf32>)
      outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  %tk = mf.get_parameter @tk : tensor<8x256x40xf32>
  %k = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%tk : tensor<8x256x40xf32>)
      outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  %sum = mf.add ins(%q, %k : tensor<?x40xf32>, tensor<?x40xf32>) outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  %tv = mf.get_parameter @tv : tensor<8x256x20xf16>
  %v = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%tv : tensor<8x256x20xf16>)
      outs(%z : tensor<?x20xf32>) -> tensor<?x20xf32>
  return %sum, %v : tensor<?x40xf32>, tensor<?x20xf32>
}

// -----

// CHECK-LABEL: func.func @biases
// CHECK: mf.lookup
// CHECK-SAME: biases(%{{.*}}, %{{.*}} : tensor<40xf32>, tensor<40xf16>)
// CHECK-NOT: mf.lookup
func.func @biases(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x40xf32>, %a: tensor<40xf32>,
                  %b: tensor<40xf16>, %y: tensor<?x40xf32>) -> (tensor<?x40xf32>, tensor<?x40xf32>) {
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x40xf32>)
      biases(%a : tensor<40xf32>) outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  %1 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x40xf32>)
      biases(%b : tensor<40xf16>) outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %0, %1 : tensor<?x40xf32>, tensor<?x40xf32>
}

// -----

// Other codes, other scores, a bias on one side only, another strategy: nothing to fuse.
// CHECK-LABEL: func.func @different
// CHECK-COUNT-4: mf.lookup
func.func @different(%c: tensor<?x8xi8>, %d: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x40xf32>,
                     %b: tensor<40xf32>, %y: tensor<?x40xf32>)
    -> (tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>) {
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x40xf32>)
      outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  %1 = mf.lookup ins(%d, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x40xf32>)
      outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  %2 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x40xf32>)
      biases(%b : tensor<40xf32>) outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  %3 = mf.lookup strategy(#mf.cpu_row_gather<tokens = 16, columns = 40, lanes = 8>)
      ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x40xf32>)
      outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %0, %1, %2, %3 : tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>
}

// -----

// The second lookup writes over the result of the first.
// CHECK-LABEL: func.func @dependent
// CHECK-COUNT-2: mf.lookup
func.func @dependent(%c: tensor<?x8xi8>, %s: tensor<?x8xf32>, %t: tensor<8x256x40xf32>, %y: tensor<?x40xf32>)
    -> tensor<?x40xf32> {
  %0 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x40xf32>)
      outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  %1 = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x256x40xf32>)
      outs(%0 : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %1 : tensor<?x40xf32>
}

// -----

// CHECK-LABEL: func.func @memrefs
// CHECK-COUNT-2: mf.lookup
func.func @memrefs(%c: memref<?x8xi8>, %s: memref<?x8xf32>, %t: memref<8x256x40xf32>, %y: memref<?x40xf32>) {
  mf.lookup ins(%c, %s : memref<?x8xi8>, memref<?x8xf32>) tables(%t : memref<8x256x40xf32>) outs(%y : memref<?x40xf32>)
  mf.lookup ins(%c, %s : memref<?x8xi8>, memref<?x8xf32>) tables(%t : memref<8x256x40xf32>) outs(%y : memref<?x40xf32>)
  return
}
