// RUN: mf-opt %s --mf-share-kernels --split-input-file | FileCheck %s

// Equal kernels are one; entry points that are equal stay two.
// CHECK-LABEL: func.func @first(
// CHECK: mf.parallel_for @first_kernel_0
func.func @first(%frame: !mf.frame) {
  %n = mf.frame_dim %frame[0] : index
  mf.parallel_for @first_kernel_0 on %frame count(%n) (%n : index)
  return
}
// CHECK-LABEL: func.func @second(
// CHECK: mf.parallel_for @first_kernel_0
func.func @second(%frame: !mf.frame) {
  %n = mf.frame_dim %frame[0] : index
  mf.parallel_for @second_kernel_0 on %frame count(%n) (%n : index)
  return
}
// CHECK: func.func private @first_kernel_0
func.func private @first_kernel_0(%begin: index, %end: index, %worker: index, %n: index) {
  %m = memref.alloca() : memref<4xf32>
  return
}
// CHECK-NOT: @second_kernel_0
func.func private @second_kernel_0(%begin: index, %end: index, %worker: index, %n: index) {
  %m = memref.alloca() : memref<4xf32>
  return
}

// -----

// Kernels that differ in a type stay.
// CHECK-LABEL: func.func @differ(
// CHECK: mf.parallel_for @differ_kernel_0
// CHECK: mf.parallel_for @differ_kernel_1
func.func @differ(%frame: !mf.frame) {
  %n = mf.frame_dim %frame[0] : index
  mf.parallel_for @differ_kernel_0 on %frame count(%n) ()
  mf.parallel_for @differ_kernel_1 on %frame count(%n) ()
  return
}
func.func private @differ_kernel_0(%begin: index, %end: index, %worker: index) {
  %m = memref.alloca() : memref<4xf32>
  return
}
func.func private @differ_kernel_1(%begin: index, %end: index, %worker: index) {
  %m = memref.alloca() : memref<8xf32>
  return
}
