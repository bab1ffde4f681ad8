// Functions that nobody's front end writes go through all stages.
// RUN: mf-opt %s --mf-compile-pipeline="cpu=x86-64-v3 to=bufferize" --split-input-file | FileCheck %s
// RUN: mf-opt %s --mf-compile-pipeline=cpu=x86-64-v3 --split-input-file | FileCheck %s --check-prefix=CPU

// One tile of static extent needs no loop.
// CHECK-LABEL: func.func @static(
// CHECK: %[[X:.*]] = mf.frame_operand %{{.*}}[0]
// CHECK: %[[Y:.*]] = mf.frame_operand %{{.*}}[2]
// CHECK: %[[N:.*]] = memref.view
// CHECK-NOT: scf.forall
// CHECK: mf.rms_norm {{.*}}ins(%[[X]], {{.*}}outs(%[[N]]
// CHECK: mf.rms_norm {{.*}}ins(%[[N]], {{.*}}outs(%[[Y]]
// CHECK-NEXT: return
// CPU: llvm.func @static(
func.func @static(%x: tensor<4x8xf32>, %w: tensor<8xf32>) -> tensor<4x8xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %n = mf.rms_norm ins(%x, %w : tensor<4x8xf32>, tensor<8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %y = mf.rms_norm ins(%n, %w : tensor<4x8xf32>, tensor<8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// Functions that are called are inlined and fused. A value that is returned twice, or an argument, is copied.
// CHECK-NOT: @norm
// CHECK-LABEL: func.func @composed(
// CHECK: %[[X:.*]] = mf.frame_operand %{{.*}}[0]
// CHECK: %[[Y:.*]] = mf.frame_operand %{{.*}}[2]
// CHECK: %[[Y2:.*]] = mf.frame_operand %{{.*}}[3]
// CHECK: %[[X2:.*]] = mf.frame_operand %{{.*}}[4]
// CHECK: scf.forall
// CHECK: mf.rms_norm
// CHECK: mf.rms_norm
// CHECK-NOT: scf.forall
// CHECK: memref.copy %[[Y]], %[[Y2]]
// CHECK: memref.copy %[[X]], %[[X2]]
// CPU: llvm.func @composed(
func.func private @norm(%x: tensor<?x8xf32>, %w: tensor<8xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%t) : tensor<?x8xf32>
  %n = mf.rms_norm ins(%x, %w : tensor<?x8xf32>, tensor<8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %n : tensor<?x8xf32>
}
func.func @composed(%x: tensor<?x8xf32>, %w: tensor<8xf32>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  %a = func.call @norm(%x, %w) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %b = func.call @norm(%a, %w) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %b, %b, %x : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// The old value of a state is an output: it is read before the new one is written.
// CHECK-LABEL: func.func @old_value(
// CHECK: %[[S:.*]] = mf.frame_operand %{{.*}}[0]
// CHECK: %[[WAS:.*]] = mf.frame_operand %{{.*}}[2]
// CHECK: %[[NEW:.*]] = memref.view
// CHECK: scf.forall
// CHECK: %[[OUT:.*]] = memref.subview %[[NEW]]
// CHECK: mf.add {{.*}}outs(%[[OUT]]
// CHECK: memref.copy %[[S]], %[[WAS]]
// CHECK-NEXT: memref.copy %[[NEW]], %[[S]]
// CPU: llvm.func @old_value(
func.func @old_value(%s: tensor<?x4xf32> {mf.name = "s", mf.state, mf.dims = ["n", ""]},
                     %x: tensor<?x4xf32> {mf.dims = ["n", ""]})
    -> (tensor<?x4xf32> {mf.name = "s", mf.state, mf.dims = ["n", ""]}, tensor<?x4xf32> {mf.dims = ["n", ""]}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %s, %c0 : tensor<?x4xf32>
  %e = tensor.empty(%n) : tensor<?x4xf32>
  %new = mf.add ins(%s, %x : tensor<?x4xf32>, tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %new, %s : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// Two states change places.
// CHECK-LABEL: func.func @swap(
// CHECK: %[[A:.*]] = mf.frame_operand %{{.*}}[0]
// CHECK: %[[B:.*]] = mf.frame_operand %{{.*}}[1]
// CHECK: memref.copy %[[B]], %[[NEWA:.*]] :
// CHECK: memref.copy %[[A]], %[[NEWB:.*]] :
// CHECK: memref.copy %[[NEWA]], %[[A]]
// CHECK: memref.copy %[[NEWB]], %[[B]]
// CPU: llvm.func @swap(
func.func @swap(%a: tensor<?xf32> {mf.name = "a", mf.state, mf.dims = ["n"]},
                %b: tensor<?xf32> {mf.name = "b", mf.state, mf.dims = ["n"]})
    -> (tensor<?xf32> {mf.name = "a", mf.state, mf.dims = ["n"]},
        tensor<?xf32> {mf.name = "b", mf.state, mf.dims = ["n"]}) {
  return %b, %a : tensor<?xf32>, tensor<?xf32>
}

// -----

// Upstream ops alone: they write to the output, in loops of the calling thread.
// CHECK-LABEL: func.func @upstream(
// CHECK: %[[Y:.*]] = mf.frame_operand %{{.*}}[2]
// CHECK-NOT: memref.copy
// CHECK: linalg.fill {{.*}}outs(%[[Y]]
// CHECK: linalg.matmul {{.*}}outs(%[[Y]]
// CHECK-NEXT: return
// CPU: llvm.func @upstream(
func.func @upstream(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %t = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%t) : tensor<?x4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
  %m = linalg.matmul ins(%x, %w : tensor<?x8xf32>, tensor<8x4xf32>) outs(%f : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %m : tensor<?x4xf32>
}
