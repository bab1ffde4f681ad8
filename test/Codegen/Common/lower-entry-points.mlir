// RUN: mf-opt %s --mf-lower-entry-points --split-input-file | FileCheck %s

mf.parameter @w : tensor<8xf32> from #mf.fill<1.0 : f32> index 3
mf.parameter @gone : tensor<8xf32> from #mf.fill<1.0 : f32> index 4

// Operands are the arguments and the results that are no new states. Extents come from the frame.
// CHECK-NOT: mf.parameter
// CHECK-LABEL: func.func @step(
// CHECK-SAME: %[[FRAME:.*]]: !mf.frame) attributes {mf.entry = #mf.entry<dims = ["t", "s"], operands = [
// CHECK-SAME: <name = "x", role = input, type = tensor<?x8xf32>, dims = ["t", ""]>
// CHECK-SAME: <name = "cache", role = state, type = tensor<?x8xf32>, dims = ["s", ""]>
// CHECK-SAME: <name = "y", role = output, type = tensor<?x8xf32>, dims = ["t", ""]>
// CHECK-NOT: <name
// CHECK: %[[T:.*]] = mf.frame_dim %[[FRAME]][0]
// CHECK: %[[S:.*]] = mf.frame_dim %[[FRAME]][1]
// CHECK: %[[XM:.*]] = mf.frame_operand %[[FRAME]][0] (%[[T]]) : memref<?x8xf32>
// CHECK: %[[CM:.*]] = mf.frame_operand %[[FRAME]][1] (%[[S]]) : memref<?x8xf32>
// CHECK: %[[YM:.*]] = mf.frame_operand %[[FRAME]][2] (%[[T]]) : memref<?x8xf32>
// CHECK: %[[X:.*]] = bufferization.to_tensor %[[XM]] restrict :
// CHECK: %[[C:.*]] = bufferization.to_tensor %[[CM]] restrict writable :
// CHECK: %[[WM:.*]] = mf.frame_parameter %[[FRAME]][3] : memref<8xf32>
// CHECK: %[[W:.*]] = bufferization.to_tensor %[[WM]] restrict :
// CHECK: %[[E:.*]] = tensor.empty(%[[T]])
// CHECK: %[[Y:.*]] = mf.rms_norm ins(%[[X]], %[[W]] {{.*}} outs(%[[E]]
// CHECK: %[[N:.*]] = mf.rms_norm ins(%[[C]], %[[W]]
// CHECK: bufferization.materialize_in_destination %[[Y]] in restrict writable %[[YM]]
// CHECK: %[[P:.*]] = bufferization.materialize_in_destination %[[N]] in %[[C]] : (tensor<?x8xf32>, tensor<?x8xf32>)
// CHECK: bufferization.materialize_in_destination %[[P]] in restrict writable %[[CM]]
// CHECK: return{{$}}
func.func @step(%x: tensor<?x8xf32> {mf.name = "x", mf.dims = ["t", ""]},
                %cache: tensor<?x8xf32> {mf.name = "cache", mf.state, mf.dims = ["s", ""]})
    -> (tensor<?x8xf32> {mf.name = "cache", mf.state, mf.dims = ["s", ""]},
        tensor<?x8xf32> {mf.name = "y", mf.dims = ["t", ""]}) {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?x8xf32>
  %w = mf.get_parameter @w : tensor<8xf32>
  %w2 = mf.get_parameter @w : tensor<8xf32>
  %e = tensor.empty(%t) : tensor<?x8xf32>
  %y = mf.rms_norm ins(%x, %w : tensor<?x8xf32>, tensor<8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  %n = mf.rms_norm ins(%cache, %w2 : tensor<?x8xf32>, tensor<8xf32>) outs(%cache : tensor<?x8xf32>)
      -> tensor<?x8xf32>
  return %n, %y : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// Names of its own; the extents of results are found.
// CHECK-LABEL: func.func @nameless(
// CHECK-SAME: dims = ["arg0_dim0", "arg1_dim1"]
// CHECK-SAME: <name = "arg0", role = input, type = tensor<?x8xf32>, dims = ["arg0_dim0", ""]>
// CHECK-SAME: <name = "arg1", role = input, type = tensor<4x?xf32>, dims = ["", "arg1_dim1"]>
// CHECK-SAME: <name = "result0", role = output, type = tensor<?x2x4xf32>, dims = ["arg0_dim0", "", ""]>
// CHECK-SAME: <name = "result1", role = output, type = tensor<4x?xf32>, dims = ["", "arg1_dim1"]>
func.func @nameless(%x: tensor<?x8xf32>, %y: tensor<4x?xf32>) -> (tensor<?x2x4xf32>, tensor<4x?xf32>) {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?x8xf32>
  %r = tensor.expand_shape %x [[0], [1, 2]] output_shape [%t, 2, 4] : tensor<?x8xf32> into tensor<?x2x4xf32>
  return %r, %y : tensor<?x2x4xf32>, tensor<4x?xf32>
}

// -----

// Old values that go to other states are copied before any state is written; a state that stays is not written.
// CHECK-LABEL: func.func @rotate(
// CHECK: %[[AM:.*]] = mf.frame_operand {{.*}}[0]
// CHECK: %[[BM:.*]] = mf.frame_operand {{.*}}[1]
// CHECK: %[[A:.*]] = bufferization.to_tensor %[[AM]]
// CHECK: %[[B:.*]] = bufferization.to_tensor %[[BM]]
// CHECK: %[[BCOPY:.*]] = bufferization.alloc_tensor() copy(%[[B]])
// CHECK: %[[ACOPY:.*]] = bufferization.alloc_tensor() copy(%[[A]])
// CHECK: materialize_in_destination %[[BCOPY]] in %[[A]]
// CHECK: materialize_in_destination %[[ACOPY]] in %[[B]]
// CHECK-NOT: materialize_in_destination {{.*}}[2]
// CHECK: return
func.func @rotate(%a: tensor<4xf32> {mf.name = "a", mf.state}, %b: tensor<4xf32> {mf.name = "b", mf.state},
                  %c: tensor<4xf32> {mf.name = "c", mf.state})
    -> (tensor<4xf32> {mf.name = "a", mf.state}, tensor<4xf32> {mf.name = "b", mf.state},
        tensor<4xf32> {mf.name = "c", mf.state}) {
  return %b, %a, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// Neither private functions nor functions of a frame are entry points on tensors.
// CHECK-LABEL: func.func private @helper(%{{.*}}: tensor<4xf32>)
func.func private @helper(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
// CHECK-LABEL: func.func @lowered(%{{.*}}: !mf.frame) {
func.func @lowered(%frame: !mf.frame) {
  return
}
