// Copies of strided memrefs become loops; others stay, they become memcpy.
// RUN: mf-opt %s --pass-pipeline='builtin.module(func.func(mf-lower-memref-copies))' | FileCheck %s
// RUN: mf-opt %s --mf-lower-to-llvm-pipeline | FileCheck %s --check-prefix=LLVM

// LLVM-NOT: memrefCopy

// CHECK-LABEL: func.func @compact(
// CHECK-NEXT: memref.copy
// LLVM: llvm.intr.memcpy
func.func @compact(%a: memref<?x4xf32>, %b: memref<?x4xf32>) {
  memref.copy %a, %b : memref<?x4xf32> to memref<?x4xf32>
  return
}

// CHECK-LABEL: func.func @strided(
// CHECK-SAME: %[[A:.*]]: memref<?x4xf32>, %[[B:.*]]: memref<?x4xf32, strided<[?, 1], offset: ?>>
// CHECK: %[[N:.*]] = memref.dim %[[A]]
// CHECK: scf.for %[[I:.*]] = %{{.*}} to %[[N]]
// CHECK: scf.for %[[J:.*]] =
// CHECK: %[[E:.*]] = memref.load %[[A]][%[[I]], %[[J]]]
// CHECK: memref.store %[[E]], %[[B]][%[[I]], %[[J]]]
// CHECK-NOT: memref.copy
func.func @strided(%a: memref<?x4xf32>, %b: memref<?x4xf32, strided<[?, 1], offset: ?>>) {
  memref.copy %a, %b : memref<?x4xf32> to memref<?x4xf32, strided<[?, 1], offset: ?>>
  return
}
